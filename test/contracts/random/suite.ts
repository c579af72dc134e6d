import { describe, expect, test } from 'vitest';
import type { Random } from '#machines/parties/random.ts';

export function randomContract(name: string, make: () => Random): void {
  describe(`${name} keeps the contract of Random`, () => {
    test('uuids are lower-case, of version 4, and never the same', () => {
      const random = make();
      const uuids = Array.from({ length: 500 }, () => random.uuid());
      for (const uuid of uuids) {
        expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      }
      expect(new Set(uuids).size).toBe(500);
    });

    test('integers are whole, from 0 to one less than asked, all of them about equally often', () => {
      const random = make();
      const counts = [0, 0, 0, 0, 0];
      for (let draw = 0; draw < 10_000; draw++) {
        const value = random.integer(5);
        counts[value] = (counts[value] ?? 0) + 1;
      }
      expect(counts).toHaveLength(5);
      // Six standard deviations of a fair draw: 2000 ± 240.
      for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(240);
      expect(random.integer(1)).toBe(0);
    });

    test('integers use the whole of a wide range', () => {
      const random = make();
      const values = Array.from({ length: 200 }, () => random.integer(2 ** 47));
      expect(values.every((value) => Number.isSafeInteger(value) && value < 2 ** 47)).toBe(true);
      expect(Math.max(...values)).toBeGreaterThan(2 ** 46);
      expect(new Set(values.map((value) => value % 1024)).size).toBeGreaterThan(100);
    });

    test.each([0, -1, 1.5, Number.NaN, 2 ** 48 + 1])('refuses an integer below %s', (below) => {
      expect(() => make().integer(below)).toThrow();
    });

    test('digits are as many decimal digits as asked, different each time', () => {
      const random = make();
      const ids = Array.from({ length: 200 }, () => random.digits(10));
      for (const id of ids) expect(id).toMatch(/^\d{10}$/);
      expect(new Set(ids).size).toBe(200);
    });
  });
}
