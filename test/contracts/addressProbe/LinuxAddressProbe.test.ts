import { execFile, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { SystemClock } from '#engine/adapters/clock/SystemClock.ts';
import { LinuxAddressProbe } from '#engine/adapters/addressProbe/LinuxAddressProbe.ts';
import { addressProbeContract } from './suite.ts';
import type { ProbeStand } from './suite.ts';

const run = async (program: string, ...args: readonly string[]): Promise<string> =>
  (await promisify(execFile)(program, args)).stdout;
const own = '198.51.100.1';
const [first, second, nobodys] = ['198.51.100.2', '198.51.100.3', '198.51.100.9'] as const;
let made = 0;

/** A cable from this host to a machine of its own: a network namespace that lives as long as its one process. */
async function layCable(arpingProgram: string): Promise<ProbeStand> {
  made += 1;
  const [near, far] = [`kgmn${process.pid % 10_000}x${made}`, `kgmf${process.pid % 10_000}x${made}`];
  const machine = spawn('unshare', ['-n', 'sleep', '600'], { stdio: 'ignore' });
  const pid = machine.pid ?? 0;
  const dispose = async (): Promise<void> => {
    await run('ip', 'link', 'del', near).catch(() => undefined);
    machine.kill('SIGKILL');
  };
  const there = (...args: readonly string[]) => run('nsenter', '-t', String(pid), '-n', 'ip', ...args);
  try {
    await run('ip', 'link', 'add', near, 'type', 'veth', 'peer', 'name', far);
    await expect.poll(() => readFile(`/proc/${pid}/comm`, 'utf8')).toBe('sleep\n');
    await run('ip', 'link', 'set', far, 'netns', String(pid));
    // The second first: taking the first of a network away would take all.
    for (const address of [second, first]) await there('addr', 'add', `${address}/24`, 'dev', far);
    await there('link', 'set', far, 'up');
    await run('ip', 'addr', 'add', `${own}/24`, 'dev', near);
    await run('ip', 'link', 'set', near, 'up');
    const [link] = JSON.parse(await there('-json', 'link', 'show', 'dev', far)) as { address: string }[];
    return {
      probe: new LinuxAddressProbe({ clock: new SystemClock(), arpingProgram }),
      first,
      second,
      nobodys,
      by: link?.address ?? '',
      leave: async (address) => void (await there('addr', 'del', `${address}/24`, 'dev', far)),
      unplug: async () => void (await there('link', 'set', far, 'down')),
      settle: (answer) => answer,
      dispose,
    };
  } catch (thrown) {
    await dispose();
    throw thrown;
  }
}

if (process.getuid?.() !== 0) {
  test.skip('LinuxAddressProbe on a real cable (needs root)', () => undefined);
} else {
  addressProbeContract('LinuxAddressProbe with arping', () => layCable('arping'));
  addressProbeContract("LinuxAddressProbe over the kernel's own ARP", () => layCable('/nonexistent/arping'));

  describe('LinuxAddressProbe', () => {
    test('does not take itself for somebody else', async () => {
      const stand = await layCable('arping');
      onTestFinished(() => stand.dispose());
      expect((await stand.probe.probe({ addresses: [own, '127.0.0.1'] })).answers).toEqual([]);
    });

    test.each(['8.8.8.8', '-h', '2001:db8::1'])('cannot ask for %s, and says so', async (address) => {
      const probe = new LinuxAddressProbe({ clock: new SystemClock() });
      await expect(probe.probe({ addresses: [address] })).rejects.toMatchObject({
        fault: { code: 'probeUnavailable' },
      });
    });
  });
}
