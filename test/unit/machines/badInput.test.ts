import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, it } from 'vitest';
import { SqliteChartStore } from '#engine/adapters/chartStore/SqliteChartStore.ts';
import { faultText } from '#machines/faults.ts';
import type { Fault } from '#machines/faults.ts';
import { DurableHost } from '#machines/host/durableHost.ts';
import { performer } from '#machines/host/performer.ts';
import { persist, statePath } from '#machines/host/step.ts';
import type { ChartStore } from '#machines/parties/chartStore.ts';
import { scenarioChart, scenarioChartVersion } from '#machines/scenario/scenario.ts';
import { scenarioLateness } from '#machines/scenario/scenarioSetup.ts';
import { stateLabel } from '#machines/scenario/stateWords.ts';
import { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import { definition, ScriptedSite } from './scriptedSite.ts';

const folder = mkdtempSync(join(tmpdir(), 'badInput-'));
afterAll(() => rmSync(folder, { recursive: true }));

const scenarios = ['damaged', 'sound'] as const;
let files = 0;

function hostOn(store: ChartStore, version: string = scenarioChartVersion): DurableHost {
  const clock = new SimulatedClock();
  return new DurableHost({
    chart: scenarioChart,
    version,
    lateness: scenarioLateness,
    stateWords: stateLabel,
    store,
    clock,
    perform: performer(() => {
      throw new Error('nobody is there');
    }, clock),
  });
}

/** Two scenarios under way in one file, which is then edited, and taken up again. */
function takenUp(edit: string, version?: string): { readonly host: DurableHost; readonly store: SqliteChartStore } {
  const path = join(folder, `${files++}.sqlite`);
  const before = new SqliteChartStore(path);
  const host = hostOn(before);
  for (const scenario of scenarios) {
    const input = { definition, applianceVersion: '1', applianceNode: 'appliance', capabilities: [] };
    host.create(scenario, input);
    host.dispatch(scenario, { type: 'operator.run' });
    host.dispatch(scenario, { type: 'operator.stop' });
    host.dispatch(scenario, { type: 'operator.run' });
  }
  host.stop();
  before.close();
  const file = new DatabaseSync(path);
  file.exec(edit);
  file.close();
  const store = new SqliteChartStore(path);
  const next = hostOn(store, version);
  next.start();
  return { host: next, store };
}

const damages: readonly (readonly [string, string, RegExp])[] = [
  ['a truncated snapshot', "snapshot = substr(snapshot, 1, 200) WHERE instance = 'damaged'", /JSON/],
  ['no snapshot', "snapshot = '' WHERE instance = 'damaged'", /JSON/],
  ['a snapshot of another shape', "snapshot = '[]' WHERE instance = 'damaged'", /./],
  [
    'a snapshot in a state that the chart does not know',
    `snapshot = json_set(snapshot, '$.value', 'elsewhere') WHERE instance = 'damaged'`,
    /elsewhere/,
  ],
  ['a snapshot newer than its log', "seq = seq + 1 WHERE instance = 'damaged'", /the log ends at 3/],
];

describe('what was stored and is not as it was left', () => {
  it.each<readonly [string, string, RegExp]>([
    ...damages.map(([what, edit, reason]) => [what, `UPDATE instances SET ${edit}`, reason] as const),
    ['a log without its end', "DELETE FROM log WHERE instance = 'damaged' AND seq = 3", /the log ends at 2/],
    ['a log with a gap', "DELETE FROM log WHERE instance = 'damaged' AND seq = 2", /log entry 3 follows 1/],
    ['a log without its beginning', "DELETE FROM log WHERE instance = 'damaged' AND seq = 1", /entry 2 follows 0/],
    ['an edited log', "UPDATE log SET event = '{' WHERE instance = 'damaged' AND seq = 2", /JSON/],
    ['a timer nobody can read', "UPDATE timers SET event = 'x' WHERE instance = 'damaged'", /JSON/],
    ['a wish nobody can read', "UPDATE wishes SET args = 'x' WHERE instance = 'damaged'", /JSON/],
  ])('%s: this scenario is refused, with what to do; the other runs', (_what, edit, reason) => {
    const { host, store } = takenUp(edit);
    const refused = host.refusal('damaged') as Fault;
    expect([refused.code, host.refusal('sound')]).toEqual(['chartStateDamaged', undefined]);
    expect(faultText(refused, 'en')).toMatch(reason);
    expect(faultText(refused, 'en')).toContain('remove the scenario');
    expect(faultText(refused, 'ja')).toContain('削除');
    expect(() => host.snapshot('damaged')).toThrow('is damaged');
    expect(host.dispatch('damaged', { type: 'operator.stop' })).toBe(false);
    expect(store.reports(0, 100).at(-1)).toMatchObject({ instance: 'damaged', code: 'scenarioRefused' });
    expect(host.dispatch('sound', { type: 'operator.stop' })).toBe(true);
    host.remove('damaged');
    expect([host.refusal('damaged'), store.instances()]).toEqual([undefined, ['sound']]);
    host.stop();
    store.close();
  });

  it('a state of another chart version is refused and left as it is', () => {
    const { host, store } = takenUp("UPDATE instances SET version = '0' WHERE instance = 'damaged'");
    const refused = host.refusal('damaged') as Fault;
    expect([refused.code, host.refusal('sound')]).toEqual(['chartVersionUnknown', undefined]);
    expect(faultText(refused, 'en')).toContain('Go back to the former version of the engine');
    expect(faultText(refused, 'ja')).toContain('以前のバージョンのエンジンに戻して');
    expect(store.load('damaged')).toMatchObject({ version: '0', seq: 3 });
    host.stop();
    store.close();
  });

  it('nothing of a refused scenario is performed, and none of its timers fires', async () => {
    const site = new ScriptedSite();
    await site.tell('operator.run');
    const wishes = site.wishes.length;
    const stored = site.store.load(site.id);
    if (!stored) throw new Error('nothing is stored');
    site.store.commit({
      instance: { ...stored, snapshot: '{' },
      expectedSeq: stored.seq,
      timersSet: [
        { instance: site.id, id: 't', dueMs: 0, delayMs: 1, late: 'fire', event: '{"type":"x"}', armedSeq: 1 },
      ],
      timersDeleted: [],
      wishesAdded: [
        { ticket: 't', instance: site.id, name: 'master.describe', args: '{"args":{},"timeoutMs":1}', askedAtMs: 0 },
      ],
      wishesDone: [],
      reportsAdded: [],
    });
    site.restart();
    await site.clock.advance(1_000_000);
    expect(site.host.refusal(site.id)?.code).toBe('chartStateDamaged');
    expect(site.wishes).toHaveLength(wishes);
    expect(site.store.load(site.id)?.seq).toBe(stored.seq);
  });
});

describe('an event that the chart does not know', () => {
  it('is recorded as stale with all it carries, and changes nothing', async () => {
    const site = new ScriptedSite();
    await site.runToReplicating();
    const before = persist(scenarioChart, site.host.snapshot(site.id));
    for (const type of ['operator.dance', '', 'replica', 'xstate.init', 'toString'])
      expect(await site.tell(type, { carries: 'this' }), type).toBe(false);
    const log = site.store.history(site.id).slice(-5);
    expect(log.map(({ taken }) => taken)).toEqual(Array(5).fill('stale'));
    expect(JSON.parse(log[0]?.event ?? '')).toMatchObject({ type: 'operator.dance', carries: 'this' });
    expect(persist(scenarioChart, site.host.snapshot(site.id))).toBe(before);
    expect(statePath(site.host.snapshot(site.id).value)).toContain('replicating');
  });
});
