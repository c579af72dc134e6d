import { expect, test } from 'vitest';
import type { Files } from '#machines/parties/files.ts';
import type { ConsistentPoint } from '#machines/vocabulary.ts';
import { scenario, Site } from './site.ts';

/** Chance of one seed: cuts, crashes, losses; then the replica is finished and compared with the master's history. */
async function surviveFaults(
  seed: string,
  bug: { readonly wrapFiles?: (files: Files) => Files; readonly flushDisks?: boolean } = {},
): Promise<Site> {
  const small = seed.endsWith('small');
  const site = new Site(seed, { ...bug, ...(small ? { spoolBytesMax: 256 * 1024 } : {}) });
  const chance = site.random.fork('plan');
  await site.startMaster();
  site.startAppliance();
  site.startWorkload(() => 1 + chance.integer(small ? 12 : 30));
  await site.receive();
  let claimed: ConsistentPoint | undefined;
  const note = (): void => {
    claimed = site.receiver.status(scenario)?.consistentPoint ?? claimed;
  };
  for (let round = 0; round < 6; round += 1) {
    await site.clock.advance(chance.integer(1_500));
    note();
    const fault = chance.integer(6);
    if (fault <= 1) {
      site.network.cut('master', 'appliance');
      await site.clock.advance(chance.integer(20_000));
      note();
      if (fault === 1) site.crashAppliance();
      site.network.heal();
    } else if (fault <= 3) {
      site.crashAppliance();
    } else if (fault === 4) {
      site.master.loseChanges('simulated overrun');
    } else if (chance.integer(2) === 0) {
      await site.restartMaster();
    }
    if (fault >= 1 && fault <= 3) await site.receive();
  }
  await site.clock.advance(chance.integer(3_000));
  note();
  if (chance.integer(2) === 0) {
    site.crashAppliance();
  }
  const { point } = await site.run(site.receiver.finish({ waitForJournals: false }, site.intent()));
  site.stopWorkload();
  check(site, point, claimed);
  return site;
}

function check(site: Site, point: ConsistentPoint | null, claimed: ConsistentPoint | undefined): void {
  if (claimed === undefined) return;
  expect(point, 'a point was acknowledged, so there is one').not.toBeNull();
  const prefixes = site.matchingPrefixes();
  expect(prefixes, 'the disks are what the master had after some write').not.toEqual([]);
  expect(prefixes.at(-1)).toBeGreaterThanOrEqual(site.writesBy(claimed));
  expect(prefixes).toContain(site.writesBy(point));
}

const seeds = Array.from({ length: 16 }, (_, index) => (index % 4 === 3 ? `${index} small` : `${index}`));

test.each(seeds)(
  'the replica is a prefix of the writes, not older than what was acknowledged (seed %s)',
  async (seed) => {
    const site = await surviveFaults(seed);
    expect(site.history.length).toBeGreaterThan(10);
  },
);

/** How many of the seeds end in a failed check. */
async function caught(bug: Parameters<typeof surviveFaults>[1]): Promise<number> {
  const outcomes = await Promise.allSettled(seeds.slice(0, 8).map((seed) => surviveFaults(seed, bug)));
  return outcomes.filter(({ status }) => status === 'rejected').length;
}

test('the check catches an appliance that acknowledges before its journal is flushed', async () => {
  const forgetful = (files: Files): Files => ({
    read: (path) => files.read(path),
    write: (path, bytes) => files.write(path, bytes),
    remove: (path) => files.remove(path),
    list: (folder) => files.list(folder),
    openLog: async (path) => {
      const log = await files.openLog(path);
      return {
        get bytes() {
          return log.bytes;
        },
        append: (bytes) => log.append(bytes),
        flush: async () => {},
        read: (offset, length) => log.read(offset, length),
        truncate: (bytes) => log.truncate(bytes),
        close: () => log.close(),
      };
    },
  });
  expect(await caught({ wrapFiles: forgetful })).toBeGreaterThan(0);
});

test('the check catches an appliance that drops its journal before its disks are flushed', async () => {
  expect(await caught({ flushDisks: false })).toBeGreaterThan(0);
});
