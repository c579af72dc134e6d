import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
  constants,
} from 'node:fs';
import { promisify } from 'node:util';
import { untraceableBecause, type BlockDevice } from './blockDevice.ts';

export const defaultTraceFolder = '/sys/kernel/tracing';
/**
 * Completion, not issue: the event is written before the submitter wakes, so what an event names can be read at once,
 * and no dependent write comes before the one it waited for.
 */
export const completionEvent = 'block/block_rq_complete';

/** Why changes of these devices cannot be traced; undefined when they can. Mounts tracefs when it is merely unmounted. */
export async function traceObstacle(traceFolder: string, devices: readonly BlockDevice[]): Promise<string | undefined> {
  if (traceFolder === defaultTraceFolder && !existsSync(`${traceFolder}/instances`) && process.geteuid?.() === 0) {
    // The check below tells what is the matter if this fails.
    await promisify(execFile)('mount', ['-t', 'tracefs', 'nodev', traceFolder]).catch(() => {});
  }
  try {
    readFileSync(`${traceFolder}/events/${completionEvent}/format`);
    readdirSync(`${traceFolder}/instances`);
  } catch (thrown) {
    return reasonOf(thrown);
  }
  return devices.map(untraceableBecause).find((reason) => reason !== undefined);
}

/**
 * Makes a private ring of our own, `kagemusha-<name>-<n>`, and returns its folder. What a killed engine of the same name
 * left behind is removed first; the kernel refuses to remove one that a living engine holds open.
 */
export function createTraceInstance(traceFolder: string, name: string): string {
  const prefix = `kagemusha-${name}-`;
  const instances = `${traceFolder}/instances`;
  for (const stale of readdirSync(instances)) {
    if (stale.startsWith(prefix)) removeTraceInstance(`${instances}/${stale}`);
  }
  for (let n = 0; ; n += 1) {
    try {
      mkdirSync(`${instances}/${prefix}${n}`);
      return `${instances}/${prefix}${n}`;
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
    }
  }
}

/** False when it is in use. */
export function removeTraceInstance(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch {
    return false;
  }
}

/** Sets the ring up for the writes of these devices and starts it. */
export function startTraceInstance(folder: string, devices: readonly BlockDevice[], ringKib: number): void {
  // The clock that `process.hrtime` reads too; the kernel empties the ring when it changes.
  writeFileSync(`${folder}/trace_clock`, 'mono');
  writeFileSync(`${folder}/buffer_size_kb`, String(ringKib));
  writeFileSync(`${folder}/events/${completionEvent}/filter`, writeFilter(devices));
  writeFileSync(`${folder}/events/${completionEvent}/enable`, '1');
}

/** Everything but reads and empty flushes counts as a change: discards and zeroing requests have letters of their own. */
export function writeFilter(devices: readonly BlockDevice[]): string {
  const anyDevice = devices.map((device) => `dev == ${device.deviceNumber}`).join(' || ');
  return `(${anyDevice}) && nr_sector != 0 && !(rwbs ~ "R*")`;
}

/** Opens a file of tracefs for repeated reads that never wait. */
export const openTraceFile = (path: string): number => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);

export const reasonOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));
