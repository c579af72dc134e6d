import { PartyFault } from '#machines/faults.ts';
import { crc32 } from './crc32.ts';

/** `KAGE`: four letters that no HTTP or TLS peer sends first. */
const magic = 0x45_47_41_4b;
export const frameHeaderBytes = 48;
/** Checked before anything is allocated: a peer cannot make us reserve more. */
export const payloadBytesMax = 4 * 1024 * 1024;

export const frameTypes = {
  /** First frame of the side that dialled: version, node and purpose. */
  hello: 1,
  welcome: 2,
  refused: 3,
  /** JSON control: `sequence` is the number that pairs a response with its request. */
  request: 4,
  response: 5,
  /** Content of `disk` at `offset`. */
  data: 6,
  /** `rawLength` zero bytes of `disk` at `offset`. */
  zero: 7,
  /** Everything before it, and nothing after it, is a consistent point. */
  point: 8,
  /** Everything before `disk`, `offset` was copied: flush, remember, acknowledge. */
  syncMark: 9,
  syncDone: 10,
  /** The receiver has everything up to `sequence` on stable storage. */
  ack: 11,
  error: 12,
  bye: 13,
} as const;
export type FrameType = (typeof frameTypes)[keyof typeof frameTypes];
const typesMax = frameTypes.bye;

export const frameFlags = {
  /** What lies between this record and the one before was merged into the records from here to the next point. */
  gap: 1,
} as const;

export type Frame = {
  readonly type: FrameType;
  readonly flags: number;
  /** Place of the disk in the list that both sides agreed on when the stream was opened. */
  readonly disk: number;
  readonly sequence: number;
  readonly offset: number;
  /** Bytes of the disk that the frame stands for. */
  readonly rawLength: number;
  readonly epoch: number;
  readonly payload: Uint8Array;
};

const nothing = new Uint8Array(0);

/** A frame with the fields that matter; the others are zero. */
export function makeFrame(type: FrameType, fields: Partial<Omit<Frame, 'type'>> = {}): Frame {
  return { type, flags: 0, disk: 0, sequence: 0, offset: 0, rawLength: 0, epoch: 0, payload: nothing, ...fields };
}

/** The 48 bytes in front of the payload, which is sent as it is. Throws a RangeError for a payload over 4 MiB. */
export function encodeHeader(frame: Frame): Uint8Array {
  if (frame.payload.length > payloadBytesMax) throw new RangeError(`a payload has at most ${payloadBytesMax} bytes`);
  const bytes = new Uint8Array(frameHeaderBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic, true);
  view.setUint8(4, frame.type);
  view.setUint8(5, frame.flags);
  view.setUint16(6, frame.disk, true);
  view.setBigUint64(8, BigInt(frame.sequence), true);
  view.setBigUint64(16, BigInt(frame.offset), true);
  view.setUint32(24, frame.rawLength, true);
  view.setUint32(28, frame.payload.length, true);
  view.setBigUint64(32, BigInt(frame.epoch), true);
  view.setUint32(40, crc32(frame.payload), true);
  view.setUint32(44, crc32(bytes.subarray(0, 44)), true);
  return bytes;
}

type Header = { readonly fields: Omit<Frame, 'payload'>; readonly length: number; readonly checksum: number };

/** Cuts a stream of bytes into frames. Faults: `protocolError`; after one the decoder is of no more use. */
export class FrameDecoder {
  readonly #peer: string;
  readonly #headerBytes = new Uint8Array(frameHeaderBytes);
  #headerFilled = 0;
  #header: Header | undefined;
  #payload = nothing;
  #payloadFilled = 0;

  /** `peer` names the other side in faults. */
  constructor(peer: string) {
    this.#peer = peer;
  }

  /** Takes the next piece, of any length, and hands out each frame it completes, with a payload of its own. */
  push(piece: Uint8Array, take: (frame: Frame) => void): void {
    let at = 0;
    while (at < piece.length) {
      if (!this.#header) {
        const part = piece.subarray(at, at + frameHeaderBytes - this.#headerFilled);
        this.#headerBytes.set(part, this.#headerFilled);
        this.#headerFilled += part.length;
        at += part.length;
        if (this.#headerFilled < frameHeaderBytes) return;
        this.#header = this.#decodeHeader();
        this.#payload = this.#header.length === 0 ? nothing : new Uint8Array(this.#header.length);
        this.#payloadFilled = 0;
      }
      const part = piece.subarray(at, at + this.#header.length - this.#payloadFilled);
      this.#payload.set(part, this.#payloadFilled);
      this.#payloadFilled += part.length;
      at += part.length;
      if (this.#payloadFilled === this.#header.length) take(this.#complete(this.#header));
    }
  }

  #complete({ fields, checksum }: Header): Frame {
    if (crc32(this.#payload) !== checksum) throw this.#malformed('the checksum of a payload is wrong');
    const frame = { ...fields, payload: this.#payload };
    this.#header = undefined;
    this.#headerFilled = 0;
    this.#payload = nothing;
    return frame;
  }

  #decodeHeader(): Header {
    const view = new DataView(this.#headerBytes.buffer);
    if (view.getUint32(0, true) !== magic) throw this.#malformed('not a frame of this protocol');
    const length = view.getUint32(28, true);
    if (length > payloadBytesMax) throw this.#malformed(`a payload of ${length} bytes is over ${payloadBytesMax}`);
    if (crc32(this.#headerBytes.subarray(0, 44)) !== view.getUint32(44, true)) {
      throw this.#malformed('the checksum of a header is wrong');
    }
    const type = view.getUint8(4);
    if (type < 1 || type > typesMax) throw this.#malformed(`unknown frame type ${type}`);
    return {
      fields: {
        type: type as FrameType,
        flags: view.getUint8(5),
        disk: view.getUint16(6, true),
        sequence: this.#integer(view.getBigUint64(8, true), 'sequence'),
        offset: this.#integer(view.getBigUint64(16, true), 'offset'),
        rawLength: view.getUint32(24, true),
        epoch: this.#integer(view.getBigUint64(32, true), 'epoch'),
      },
      length,
      checksum: view.getUint32(40, true),
    };
  }

  #integer(value: bigint, name: string): number {
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw this.#malformed(`${name} ${value} is too large`);
    return Number(value);
  }

  #malformed(reason: string): PartyFault {
    return new PartyFault('protocolError', { peer: this.#peer, reason });
  }
}

const utf8 = { encoder: new TextEncoder(), decoder: new TextDecoder('utf-8', { fatal: true }) };

export function encodeJson(value: unknown): Uint8Array {
  return utf8.encoder.encode(JSON.stringify(value));
}

/** The object in a control frame. Faults: `protocolError`. */
export function decodeJson(payload: Uint8Array, peer: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(utf8.decoder.decode(payload));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Told below, in the words of this protocol.
  }
  throw new PartyFault('protocolError', { peer, reason: 'a control frame holds no JSON object' });
}

const pointBytes = 8;

/** The payload of a point: the master's monotonic nanoseconds. */
export function encodePoint(atNs: bigint): Uint8Array {
  const bytes = new Uint8Array(pointBytes);
  new DataView(bytes.buffer).setBigUint64(0, atNs, true);
  return bytes;
}

/** Faults: `protocolError`. */
export function decodePoint(payload: Uint8Array, peer: string): bigint {
  if (payload.length !== pointBytes) {
    throw new PartyFault('protocolError', { peer, reason: `a point has ${pointBytes} bytes, not ${payload.length}` });
  }
  return new DataView(payload.buffer, payload.byteOffset).getBigUint64(0, true);
}
