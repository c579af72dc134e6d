import { crc32 as reference } from 'node:zlib';
import { expect, test } from 'vitest';
import { PartyFault } from '#machines/faults.ts';
import { crc32 } from '#engine/protocol/crc32.ts';
import type { Frame } from '#engine/protocol/frame.ts';
import {
  decodeJson,
  encodeHeader,
  frameHeaderBytes,
  FrameDecoder,
  frameTypes,
  makeFrame,
  payloadBytesMax,
} from '#engine/protocol/frame.ts';
import { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';

const random = new SimulatedRandom('frames');
const someBytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => random.integer(256));

const frames: readonly Frame[] = [
  makeFrame(frameTypes.data, {
    disk: 65_535,
    sequence: 2 ** 53 - 1,
    offset: 2 ** 44,
    rawLength: 31,
    payload: someBytes(31),
  }),
  makeFrame(frameTypes.zero, { disk: 1, sequence: 7, rawLength: 2 ** 32 - 1, flags: 1, epoch: 12 }),
  makeFrame(frameTypes.bye),
];

function encode(...all: readonly Frame[]): Uint8Array {
  return Uint8Array.from(all.flatMap((frame) => [...encodeHeader(frame), ...frame.payload]));
}

function decode(...pieces: readonly Uint8Array[]): Frame[] {
  const decoder = new FrameDecoder('peer');
  const decoded: Frame[] = [];
  for (const piece of pieces) {
    const lent = piece.slice();
    decoder.push(lent, (frame) => decoded.push(frame));
    // A piece is valid during the call only.
    lent.fill(0xee);
  }
  return decoded;
}

function faultOf(work: () => unknown): unknown {
  try {
    work();
  } catch (thrown) {
    return thrown instanceof PartyFault ? thrown.fault.code : thrown;
  }
  return undefined;
}

test('the checksum is CRC-32', () => {
  for (const length of [0, 1, 7, 8, 9, 63, 4096]) {
    const bytes = someBytes(length);
    expect(crc32(bytes)).toBe(reference(bytes));
    expect(crc32(bytes.subarray(3), crc32(bytes.subarray(0, 3)))).toBe(reference(bytes));
  }
});

test('frames come back whole wherever the stream is cut', () => {
  const bytes = encode(...frames);
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    expect(decode(bytes.subarray(0, cut), bytes.subarray(cut))).toEqual(frames);
  }
  expect(decode(...Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(frames);
});

test('any single changed bit is a protocol error, or an unfinished frame; never another frame', () => {
  const bytes = encode(frames[0]!);
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const damaged = bytes.slice();
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    expect(faultOf(() => decode(damaged))).toBe('protocolError');
  }
});

test('an oversized payload is refused by its header, before any of it arrives', () => {
  const header = encodeHeader(makeFrame(frameTypes.data));
  const view = new DataView(header.buffer);
  view.setUint32(28, payloadBytesMax + 1, true);
  view.setUint32(44, crc32(header.subarray(0, 44)), true);
  expect(faultOf(() => decode(header))).toBe('protocolError');
  expect(() => encodeHeader(makeFrame(frameTypes.data, { payload: new Uint8Array(payloadBytesMax + 1) }))).toThrow(
    RangeError,
  );
});

test('an unknown type and a number beyond 2^53 are protocol errors', () => {
  for (const damage of [
    (view: DataView) => view.setUint8(4, 99),
    (view: DataView) => view.setBigUint64(8, 2n ** 60n, true),
  ]) {
    const header = encodeHeader(makeFrame(frameTypes.ack));
    damage(new DataView(header.buffer));
    new DataView(header.buffer).setUint32(44, crc32(header.subarray(0, 44)), true);
    expect(faultOf(() => decode(header))).toBe('protocolError');
  }
});

test('noise is a protocol error as soon as a header of it is there', () => {
  for (let round = 0; round < 200; round += 1) {
    expect(faultOf(() => decode(someBytes(frameHeaderBytes + random.integer(200))))).toBe('protocolError');
  }
});

test('a control frame holds a JSON object or is a protocol error', () => {
  expect(decodeJson(new TextEncoder().encode('{"a":1}'), 'peer')).toEqual({ a: 1 });
  for (const text of ['', '[1]', '"a"', 'null', '{', '\u0000']) {
    expect(faultOf(() => decodeJson(new TextEncoder().encode(text), 'peer'))).toBe('protocolError');
  }
  expect(faultOf(() => decodeJson(Uint8Array.of(0xff, 0xfe), 'peer'))).toBe('protocolError');
});
