import type { Random } from '#machines/parties/random.ts';

const belowMax = 2 ** 48;

/**
 * Chance from a seed: the same seed and the same calls give the same values on every machine. The generator is sfc32
 * (Chris Doty-Humphrey), seeded from a string by a 128-bit mix of MurmurHash3's finalizer.
 */
export class SimulatedRandom implements Random {
  readonly #seed: string;
  #a: number;
  #b: number;
  #c: number;
  #counter: number;

  constructor(seed: string | number) {
    this.#seed = String(seed);
    [this.#a, this.#b, this.#c, this.#counter] = stateFrom(this.#seed);
    // sfc32 needs a few rounds until every bit of the seed has reached every word.
    for (let round = 0; round < 12; round++) this.#next();
  }

  /**
   * A stream of its own, named. It depends on the seed and the name only, never on how much was drawn before: a party
   * that draws once more leaves the chance of all others as it was. The same name gives the same stream again.
   */
  fork(name: string): SimulatedRandom {
    return new SimulatedRandom(`${this.#seed}/${name}`);
  }

  uuid(): string {
    const hex = Array.from({ length: 4 }, () => this.#next().toString(16).padStart(8, '0')).join('');
    const variant = (8 + (Number.parseInt(hex.charAt(16), 16) & 3)).toString(16);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
  }

  integer(below: number): number {
    if (!Number.isInteger(below) || below < 1 || below >= belowMax) {
      throw new RangeError(`an integer below ${below} cannot be drawn`);
    }
    const fraction = ((this.#next() >>> 5) * 2 ** 26 + (this.#next() >>> 6)) / 2 ** 53;
    return Math.floor(fraction * below);
  }

  digits(count: number): string {
    return Array.from({ length: count }, () => this.integer(10)).join('');
  }

  /** 32 bits. */
  #next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }
}

function stateFrom(seed: string): [number, number, number, number] {
  const words: [number, number, number, number] = [0x9e3779b9, 0x243f6a88, 0xb7e15162, 0xdeadbeef];
  for (let at = 0; at < seed.length; at++) {
    for (let word = 0; word < 4; word++) {
      words[word] = mix((words[word] ?? 0) ^ (seed.charCodeAt(at) + Math.imul(word + 1, 0x85ebca6b)));
    }
  }
  return words;
}

function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) + 0x6d2b79f5;
}
