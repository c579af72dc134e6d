/** Where things stand in a page of the kernel's trace ring; differs between kernels, so it is read, never assumed. */
export type TracePageLayout = {
  readonly pageBytes: number;
  readonly commitOffset: number;
  readonly dataOffset: number;
  readonly eventId: number;
  readonly deviceOffset: number;
  readonly sectorOffset: number;
  readonly sectorCountOffset: number;
};

/** Called for each completed request; `afterNs` counts from the page's own time stamp. */
export type VisitCompletion = (deviceNumber: number, sector: number, sectorCount: number, afterNs: number) => void;

/** Reads the layout from `events/header_page` and the event's `format` file. Throws when a field is missing. */
export function parseTracePageLayout(headerPage: string, eventFormat: string): TracePageLayout {
  const header = fieldsOf(headerPage);
  const event = fieldsOf(eventFormat);
  const data = fieldNamed(header, 'data');
  const eventId = /^ID: (\d+)$/m.exec(eventFormat)?.[1];
  if (eventId === undefined) throw new Error('the event format has no ID');
  return {
    pageBytes: data.offset + data.size,
    dataOffset: data.offset,
    commitOffset: fieldNamed(header, 'commit').offset,
    eventId: Number(eventId),
    deviceOffset: fieldNamed(event, 'dev').offset,
    sectorOffset: fieldNamed(event, 'sector').offset,
    sectorCountOffset: fieldNamed(event, 'nr_sector').offset,
  };
}

/** Time stamp of the page, monotonic nanoseconds. */
export const pageStartNs = (page: DataView): bigint => page.getBigUint64(0, true);

/** The kernel sets this bit on the first page after events were overwritten unread. */
export const pageFollowsLoss = (page: DataView, layout: TracePageLayout): boolean =>
  (page.getUint32(layout.commitOffset, true) & 0x8000_0000) !== 0;

/** Kinds of entries in a page, as `events/header_event` names them. */
const entryKind = { dataWithLength: 0, padding: 29, timeExtend: 30, timeStamp: 31 } as const;
const committedBytesMask = 0xf_ffff;
/** The upper part of a long delta counts in these. */
const deltaSpan = 2 ** 27;

/** Visits every completion in the first `bytes` of a raw page, in order of time. */
export function visitPage(page: DataView, bytes: number, layout: TracePageLayout, visit: VisitCompletion): void {
  const committed = page.getUint32(layout.commitOffset, true) & committedBytesMask;
  const end = Math.min(layout.dataOffset + committed, bytes);
  const startNs = pageStartNs(page);
  let afterNs = 0;
  for (let at = layout.dataOffset; at + 4 <= end;) {
    const head = page.getUint32(at, true);
    const kind = head & 31;
    const delta = head >>> 5;
    if (kind === entryKind.timeStamp) {
      // An absolute stamp has 59 bits; the upper five are those of the page.
      const low = BigInt(page.getUint32(at + 4, true)) * BigInt(deltaSpan) + BigInt(delta);
      afterNs = Number(((startNs >> 59n) << 59n) + low - startNs);
      at += 8;
      continue;
    }
    if (kind === entryKind.padding && delta === 0) return;
    afterNs += delta;
    if (kind === entryKind.timeExtend) {
      afterNs += page.getUint32(at + 4, true) * deltaSpan;
      at += 8;
      continue;
    }
    if (kind === entryKind.padding) {
      at += 4 + page.getUint32(at + 4, true);
      continue;
    }
    const longForm = kind === entryKind.dataWithLength;
    const record = at + (longForm ? 8 : 4);
    at += 4 + (longForm ? (page.getUint32(at + 4, true) + 3) & ~3 : kind * 4);
    if (page.getUint16(record, true) !== layout.eventId) continue;
    visit(
      page.getUint32(record + layout.deviceOffset, true),
      Number(page.getBigUint64(record + layout.sectorOffset, true)),
      page.getUint32(record + layout.sectorCountOffset, true),
      afterNs,
    );
  }
}

type Field = { readonly offset: number; readonly size: number };

function fieldsOf(text: string): Map<string, Field> {
  const fields = new Map<string, Field>();
  for (const match of text.matchAll(/field:[^;]*?(\w+)(?:\[\d*\])?;\s*offset:(\d+);\s*size:(\d+);/g)) {
    fields.set(match[1]!, { offset: Number(match[2]), size: Number(match[3]) });
  }
  return fields;
}

function fieldNamed(fields: Map<string, Field>, name: string): Field {
  const field = fields.get(name);
  if (field === undefined) throw new Error(`the trace format has no field ${name}`);
  return field;
}
