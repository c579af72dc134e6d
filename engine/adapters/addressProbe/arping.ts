import { command } from './command.ts';

/** RFC 5227: three probes one to two seconds apart, then some more listening. */
const probes = ['-D', '-c', '3', '-i', '2', '-w', '5'] as const;

/**
 * Who answers, as a hardware address; `silent` only when all probes are known to have been sent. `unusable` where the
 * program is missing, is another one of that name, or may not send.
 */
export async function probeByArping(program: string, address: string, dev: string): Promise<string> {
  const { stdout } = await command(program, ...probes, '-I', dev, address);
  const answered = /reply from \S+ \[([0-9a-f:]{17})\]/i.exec(stdout)?.[1];
  if (answered !== undefined) return answered.toLowerCase();
  return /^Sent 3 probe/m.test(stdout) ? 'silent' : 'unusable';
}
