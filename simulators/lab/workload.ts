import { closeSync, constants, openSync, writeSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { assertSlots, decodeRecord, encodeRecord, slotBytes, slotOf } from './workloadRecords.ts';

/**
 * The lab's application: numbered writes, each issued only after the one before is on stable storage. Whatever
 * a consistent copy of the disk holds is therefore a prefix, and the log says when each write became durable.
 */
type Options = {
  readonly device: string;
  /** Of slot 0, in bytes. */
  readonly offset: number;
  readonly slots: number;
  readonly log: string;
  readonly writesPerSecond: number;
};

/** The part of the WebAssembly API used here; Node's own type definitions leave it out. */
declare const WebAssembly: {
  readonly Memory: new (descriptor: { initial: number }) => { readonly buffer: ArrayBuffer };
};

const readBytes = 1 << 20;
const logFlushMs = 50;
/** After a stall the workload does not catch up in one burst. */
const backlogMsMax = 100;

async function work(options: Options, stopping: AbortSignal): Promise<void> {
  const device = await open(options.device, constants.O_RDWR | constants.O_DIRECT | constants.O_DSYNC);
  // O_DIRECT demands aligned memory, and only a WebAssembly memory starts on a page.
  const memory = new Uint8Array(new WebAssembly.Memory({ initial: readBytes / 65_536 }).buffer);
  const log = new CompletionLog(options.log);
  try {
    const last = await highestRecord(device, memory, options);
    console.log(JSON.stringify({ listening: { device: options.device, continuesAfter: last } }));
    await writeRecords(device, memory.subarray(0, slotBytes), log, options, last + 1, stopping);
  } finally {
    log.close();
    await device.close();
  }
}

async function writeRecords(
  device: FileHandle,
  slot: Uint8Array,
  log: CompletionLog,
  options: Options,
  from: number,
  stopping: AbortSignal,
): Promise<void> {
  const intervalMs = 1000 / options.writesPerSecond;
  let dueMs = performance.now();
  for (let number = from; !stopping.aborted; number++) {
    encodeRecord(number, slot);
    const offset = options.offset + slotOf(number, options.slots) * slotBytes;
    const { bytesWritten } = await device.write(slot, 0, slotBytes, offset);
    if (bytesWritten !== slotBytes) throw new Error(`write ${number} at ${offset} took only ${bytesWritten} bytes`);
    log.completed(number, process.hrtime.bigint());
    dueMs = Math.max(dueMs + intervalMs, performance.now() - backlogMsMax);
    const waitMs = dueMs - performance.now();
    if (waitMs >= 1) await sleep(waitMs, undefined, { signal: stopping }).catch(() => undefined);
  }
}

async function highestRecord(device: FileHandle, memory: Uint8Array, options: Options): Promise<number> {
  let highest = 0;
  const bytes = options.slots * slotBytes;
  for (let at = 0; at < bytes; at += readBytes) {
    const length = Math.min(readBytes, bytes - at);
    const { bytesRead } = await device.read(memory, 0, length, options.offset + at);
    if (bytesRead !== length)
      throw new Error(`${options.device} ends before slot ${Math.floor((at + bytesRead) / slotBytes)}`);
    for (let start = 0; start < length; start += slotBytes) {
      if (memory[start] === 0) continue;
      highest = Math.max(highest, decodeRecord(memory.subarray(start, start + slotBytes)) ?? 0);
    }
  }
  return highest;
}

/** Lines `<number> <completedAtNs>`, written many at a time; what a kill takes was never said to be durable. */
class CompletionLog {
  readonly #file: number;
  readonly #timer: NodeJS.Timeout;
  #lines = '';

  constructor(path: string) {
    this.#file = openSync(path, 'a');
    this.#timer = setInterval(() => this.#flush(), logFlushMs);
  }

  completed(number: number, atNs: bigint): void {
    this.#lines += `${number} ${atNs}\n`;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#flush();
    closeSync(this.#file);
  }

  #flush(): void {
    if (this.#lines === '') return;
    writeSync(this.#file, this.#lines);
    this.#lines = '';
  }
}

function readOptions(): Options {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: { device: text, offset: text, slots: text, log: text, rate: { ...text, default: '200' } },
  });
  const { device, log } = values;
  const [offset, slots, writesPerSecond] = [Number(values.offset), Number(values.slots), Number(values.rate)];
  if (device === undefined || log === undefined || !Number.isSafeInteger(offset) || !(writesPerSecond > 0)) {
    throw new RangeError(
      'usage: workload.ts --device /dev/loopN --offset BYTES --slots N --log FILE [--rate writes/s]',
    );
  }
  assertSlots(slots);
  return { device, offset, slots, log, writesPerSecond };
}

const stopping = new AbortController();
process.once('SIGTERM', () => stopping.abort());
process.once('SIGINT', () => stopping.abort());
try {
  await work(readOptions(), stopping.signal);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
