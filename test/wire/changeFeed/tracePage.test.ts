import { describe, expect, it } from 'vitest';
import { ChangedBlocks } from '#engine/adapters/master/changedBlocks.ts';
import { pageFollowsLoss, pageStartNs, parseTracePageLayout, visitPage } from '#engine/adapters/master/tracePage.ts';

const headerPage = `
	field: u64 timestamp;	offset:0;	size:8;	signed:0;
	field: local_t commit;	offset:8;	size:8;	signed:1;
	field: int overwrite;	offset:8;	size:1;	signed:1;
	field: char data;	offset:16;	size:4080;	signed:0;
`;
// Offsets as an older kernel has them: they must come from the text.
const eventFormat = `name: block_rq_complete
ID: 1307
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;

	field:dev_t dev;	offset:8;	size:4;	signed:0;
	field:sector_t sector;	offset:16;	size:8;	signed:0;
	field:unsigned int nr_sector;	offset:24;	size:4;	signed:0;
	field:char rwbs[8];	offset:32;	size:8;	signed:1;
`;

/** Puts a raw page together as `header_event` of the kernel describes it. */
class PageBuilder {
  readonly view = new DataView(new ArrayBuffer(4096));
  #at = 16;

  constructor(startNs: bigint) {
    this.view.setBigUint64(0, startNs, true);
  }

  word(value: number): this {
    this.view.setUint32(this.#at, value >>> 0, true);
    this.#at += 4;
    return this;
  }

  head(kind: number, delta: number): this {
    return this.word(kind + delta * 32);
  }

  record(eventId: number, device: number, sector: bigint, count: number): this {
    const start = this.#at;
    this.view.setUint16(start, eventId, true);
    this.view.setUint32(start + 8, device, true);
    this.view.setBigUint64(start + 16, sector, true);
    this.view.setUint32(start + 24, count, true);
    this.#at += 28;
    return this;
  }

  commit(flags = 0): DataView {
    this.view.setUint32(8, (this.#at - 16 + flags) >>> 0, true);
    return this.view;
  }
}

describe('trace page', () => {
  const layout = parseTracePageLayout(headerPage, eventFormat);
  const visited = (page: DataView): unknown[] => {
    const seen: unknown[] = [];
    visitPage(page, 4096, layout, (...completion) => seen.push(completion));
    return seen;
  };

  it('reads the layout from the kernel and refuses one without the fields it needs', () => {
    expect(layout).toMatchObject({ pageBytes: 4096, dataOffset: 16, commitOffset: 8, eventId: 1307, sectorOffset: 16 });
    expect(() => parseTracePageLayout(headerPage, 'ID: 5\n')).toThrow('no field');
  });

  it('keeps time through extensions, absolute stamps and padding, and skips other events', () => {
    const startNs = 2n ** 60n + 7n;
    const absolute = startNs + 5_000_000_000n;
    const page = new PageBuilder(startNs)
      .head(7, 10)
      .record(1307, 0x700000, 2n ** 40n, 8)
      .head(30, 5)
      .word(2)
      .head(0, 1)
      .word(32)
      .record(1307, 0x700001, 16n, 1)
      .head(29, 4)
      .word(8)
      .word(0)
      .head(7, 0)
      .record(99, 0x700000, 1n, 1)
      .head(31, Number(absolute % 2n ** 27n))
      .word(Number((absolute % 2n ** 59n) / 2n ** 27n))
      .head(7, 3)
      .record(1307, 0x700000, 24n, 2)
      .commit();
    expect(pageStartNs(page)).toBe(startNs);
    expect(visited(page)).toEqual([
      [0x700000, 2 ** 40, 8, 10],
      [0x700001, 16, 1, 10 + 5 + 2 * 2 ** 27 + 1],
      [0x700000, 24, 2, 5_000_000_003],
    ]);
  });

  it('sees the mark of a loss, and nothing behind what was committed', () => {
    const builder = new PageBuilder(1n).head(7, 1).record(1307, 1, 1n, 1);
    const page = builder.commit(0x8000_0000);
    builder.head(7, 1).record(1307, 1, 2n, 1);
    expect(pageFollowsLoss(page, layout)).toBe(true);
    expect(visited(page)).toEqual([[1, 1, 1, 1]]);
  });
});

describe('changed blocks', () => {
  it('is the union of what was added, in order, whatever the order of adding', () => {
    let state = 5;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    for (let round = 0; round < 200; round += 1) {
      const bytes = 4096 * 64 + 512;
      const blocks = new ChangedBlocks('disk', bytes);
      const expected = new Set<number>();
      for (let n = random(20); n >= 0; n -= 1) {
        const [offset, length] = [512 * random(bytes / 512 + 4), 512 * (1 + random(40))];
        blocks.add(offset, length);
        for (let at = offset; at < Math.min(offset + length, bytes); at += 512) expected.add(Math.floor(at / 4096));
      }
      const ranges = blocks.take();
      const seen: number[] = [];
      for (const [index, { offset, length }] of ranges.entries()) {
        for (let at = offset; at < offset + length; at += 4096) seen.push(at / 4096);
        const next = ranges[index + 1];
        if (next !== undefined) expect(next.offset).toBeGreaterThan(offset + length);
        expect(offset + length).toBeLessThanOrEqual(bytes);
      }
      expect(seen).toEqual([...expected].sort((a, b) => a - b));
      expect(blocks.take()).toEqual([]);
    }
  });
});
