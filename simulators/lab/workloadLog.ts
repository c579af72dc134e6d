/**
 * The highest write that was durable at a moment, by the log of the workload: lines `<number> <completedAtNs>`.
 * A consistent point at `atNs` acknowledged by the replica holds all of them. 0 when none was.
 * Both times are the machine's monotonic clock in nanoseconds.
 */
export function writesThrough(logText: string, atNs: bigint): number {
  let highest = 0;
  for (const line of completeLines(logText)) {
    const [number, completedAtNs] = line.split(' ');
    if (number === undefined || completedAtNs === undefined || BigInt(completedAtNs) > atNs) continue;
    highest = Math.max(highest, Number(number));
  }
  return highest;
}

/** The highest write in the log at all; 0 when it is empty. */
export function lastWrite(logText: string): number {
  return completeLines(logText).reduce((highest, line) => Math.max(highest, Number(line.split(' ', 1)[0])), 0);
}

/** A killed workload may leave half a line, whose number or time would be wrong. */
const completeLines = (logText: string): string[] =>
  logText.slice(0, logText.lastIndexOf('\n') + 1).match(/^\d+ \d+$/gm) ?? [];
