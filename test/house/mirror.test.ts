import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { filesUnder, foldersOf, root } from './sources.ts';

/**
 * Every party that touches the world has an interface, an adapter, a simulator and a contract suite, under one name.
 * The appliance itself fills those it is asked through (`replica`, and the other engines: `remoteMaster`, `masterGuard`,
 * `witness`).
 */
const parties = [
  'clock',
  'random',
  'files',
  'network',
  'master',
  'replicaDisk',
  'hypervisor',
  'chartStore',
  'fenceDevice',
  'addressProbe',
  'hostNetwork',
  'watchdog',
] as const;

const holds = (folder: string): boolean =>
  existsSync(`${root}${folder}`) && filesUnder(`${root}${folder}`).some((path) => path.endsWith('.ts'));

describe('the mirror (house, section 2)', () => {
  it.each(parties)('%s has an interface, an adapter, a simulator and a contract suite', (party) => {
    expect(
      existsSync(`${root}machines/parties/${party}.ts`),
      `write machines/parties/${party}.ts first: the treaty`,
    ).toBe(true);
    expect(
      holds(`engine/adapters/${party}`),
      `engine/adapters/${party} is missing: nothing fills the party for real`,
    ).toBe(true);
    expect(holds(`simulators/${party}`), `simulators/${party} is missing: nothing fills the party in memory`).toBe(
      true,
    );
    expect(
      existsSync(`${root}test/contracts/${party}/suite.ts`),
      `test/contracts/${party}/suite.ts is missing: nothing holds the fillings to the treaty`,
    ).toBe(true);
  });

  it('no adapter fills a party that has no treaty', () => {
    const unknown = foldersOf('engine/adapters').filter((name) => !existsSync(`${root}machines/parties/${name}.ts`));
    expect(
      unknown.map(
        (name) =>
          `engine/adapters/${name}: write machines/parties/${name}.ts or move it into the adapter that needs it`,
      ),
    ).toEqual([]);
  });
});
