import { randomInt, randomUUID } from 'node:crypto';
import type { Random } from '#machines/parties/random.ts';

/** The operating system's chance, good enough for secrets. */
export class SystemRandom implements Random {
  uuid(): string {
    return randomUUID();
  }

  integer(below: number): number {
    return randomInt(below);
  }

  digits(count: number): string {
    return Array.from({ length: count }, () => this.integer(10)).join('');
  }
}
