import { mkdirSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { statePath } from '#machines/host/step.ts';
import { SimulatedSite } from '#simulators/site/SimulatedSite.ts';
import { root } from './sources.ts';

/** What happened to one scenario once, and where that has led. */
export type RecordedHistory = {
  readonly chart: string;
  readonly version: string;
  readonly input: unknown;
  /** In order, each with the state that it led to. */
  readonly entries: readonly { readonly event: unknown; readonly taken: 'taken' | 'stale'; readonly state: string }[];
};

export const historiesFolder = `${root}test/house/histories`;
const minuteMs = 60_000;

type Tale = {
  readonly switchover: 'automatic' | 'manual';
  readonly happens: (site: SimulatedSite) => Promise<unknown>;
};

const tales: Readonly<Record<string, Tale>> = {
  falseAlarm: {
    switchover: 'automatic',
    happens: async (site) => {
      site.network.cut('master', 'appliance');
      await site.clock.advance(10 * minuteMs);
      site.network.heal();
      await site.clock.advance(10 * minuteMs);
    },
  },
  automaticSwitchover: {
    switchover: 'automatic',
    happens: async (site) => {
      await site.killMaster();
      await site.clock.advance(30 * minuteMs);
    },
  },
  assertedSwitchover: {
    switchover: 'manual',
    happens: async (site) => {
      await site.killMaster();
      await site.command({ command: 'switchover', waitForJournals: false });
      await site.clock.advance(30 * minuteMs);
      await site.command({ command: 'assertMasterOff', masterName: 'master', by: 'admin' });
      await site.clock.advance(10 * minuteMs);
    },
  },
  maintenance: {
    switchover: 'automatic',
    happens: async (site) => {
      await site.settle(site.masterHost.announce({ forMs: 20 * minuteMs, reason: 'kernel update' }));
      await site.killMaster();
      await site.clock.advance(10 * minuteMs);
      await site.bootMaster();
      await site.clock.advance(20 * minuteMs);
    },
  },
};

/** Lets one of the tales happen on a simulated site, and writes down what its chart has heard. */
export async function record(name: string): Promise<RecordedHistory> {
  const tale = tales[name];
  if (!tale) throw new Error(`choose one of ${Object.keys(tales).join(', ')}`);
  const site = await SimulatedSite.start({ seed: `history-${name}`, data: 'writeIds' });
  const fence = tale.switchover === 'manual' ? 'none' : 'device';
  const { store } = site.appliance;
  const entries: RecordedHistory['entries'][number][] = [];
  store.watch(({ log, instance: { snapshot } }) => {
    if (!log) return;
    const { value } = JSON.parse(snapshot) as { readonly value: unknown };
    entries.push({ event: JSON.parse(log.event), taken: log.taken, state: statePath(value) });
  });
  await site.createScenario({ switchover: tale.switchover, fence, speculation: true });
  await site.command({ command: 'run' });
  await site.clock.advance(10 * minuteMs);
  await tale.happens(site);
  const [instance = ''] = store.instances();
  const stored = store.load(instance);
  if (!stored) throw new Error('nothing was recorded');
  await site.close();
  return { chart: stored.machine, version: stored.version, input: JSON.parse(stored.input), entries };
}

/** One line an event: a history is read by people. */
const written = ({ entries, ...head }: RecordedHistory): string =>
  `${JSON.stringify(head).slice(0, -1)},\n"entries":[\n${entries.map((entry) => JSON.stringify(entry)).join(',\n')}\n]}`;

/** `node test/house/recordHistory.ts NAME…`: an old history is not recorded anew, a new one gets a new name. */
if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  mkdirSync(historiesFolder, { recursive: true });
  const named = process.argv.slice(2);
  for (const name of named.length > 0 ? named : Object.keys(tales)) {
    const history = await record(name);
    const file = `${historiesFolder}/${name}.${history.version}.json`;
    writeFileSync(file, `${written(history)}\n`, { flag: 'wx' });
    console.log(`${file}: ${history.entries.length} events, ends in ${history.entries.at(-1)?.state}`);
  }
}
