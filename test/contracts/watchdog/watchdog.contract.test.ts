import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LinuxWatchdog } from '#engine/adapters/watchdog/LinuxWatchdog.ts';
import { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import { SimulatedWatchdog } from '#simulators/watchdog/SimulatedWatchdog.ts';
import { watchdogContract } from './suite.ts';

const periodMs = 15_000;

watchdogContract('SimulatedWatchdog', () => {
  const clock = new SimulatedClock();
  let resets = 0;
  return {
    watchdog: new SimulatedWatchdog({ clock, onReset: () => (resets += 1) }),
    periodMs,
    wasReset: () => resets > 0,
    pass: (ms) => clock.advance(ms),
    tearDown: () => {},
  };
});

/** The kernel's side of a watchdog device, played on a file: it looks at what was written since it looked last. */
watchdogContract('LinuxWatchdog on a file that stands for its device', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kagemusha-watchdog-'));
  const device = join(folder, 'watchdog0');
  mkdirSync(join(folder, 'class', 'watchdog0'), { recursive: true });
  writeFileSync(join(folder, 'class', 'watchdog0', 'timeout'), `${periodMs / 1_000}\n`);
  writeFileSync(device, '-');
  let seen = '-';
  let leftMs: number | undefined;
  let wasReset = false;
  const look = (): void => {
    const written = readFileSync(device, 'utf8');
    if (written === seen) return;
    seen = written;
    leftMs = written.endsWith('V') ? undefined : periodMs;
  };
  const real = new LinuxWatchdog({ device, classFolder: join(folder, 'class') });
  return {
    watchdog: {
      open: async () => {
        const open = await real.open();
        // Opening alone arms a real device; a file shows only what is written to it.
        leftMs = periodMs;
        seen = readFileSync(device, 'utf8');
        return open;
      },
    },
    periodMs,
    wasReset: () => wasReset,
    pass: async (ms) => {
      look();
      if (leftMs === undefined) return;
      leftMs -= ms;
      wasReset ||= leftMs <= 0;
    },
    tearDown: () => rmSync(folder, { recursive: true }),
  };
});

describe('LinuxWatchdog', () => {
  it('is none where there is no device, or nobody knows its period', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kagemusha-watchdog-'));
    writeFileSync(join(folder, 'watchdog0'), '');
    const without = await new LinuxWatchdog({ device: '/dev/noSuchWatchdog' }).open();
    const unknown = await new LinuxWatchdog({ device: join(folder, 'watchdog0'), classFolder: folder }).open();
    rmSync(folder, { recursive: true });
    expect([without, unknown]).toEqual([undefined, undefined]);
  });
});
