import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { firstStep, nextStep, statePath } from '#machines/host/step.ts';
import type { ChartEvent } from '#machines/host/step.ts';
import { scenarioChart, scenarioChartVersion } from '#machines/scenario/scenario.ts';
import { historiesFolder } from './recordHistory.ts';
import type { RecordedHistory } from './recordHistory.ts';

/**
 * Chart versions whose histories the present chart cannot take over, each with the reason; a state of theirs is refused
 * at start. Whoever raises the version adds the former one here, or sees its histories replayed.
 */
const cannotTakeOver: Readonly<Record<string, string>> = {};

const files = readdirSync(historiesFolder).filter((name) => name.endsWith('.json'));
const read = (name: string): RecordedHistory => JSON.parse(readFileSync(`${historiesFolder}/${name}`, 'utf8'));

/** Where the present chart first goes another way than the one that was recorded. */
function difference({ input, entries }: RecordedHistory): string | undefined {
  let { snapshot } = firstStep(scenarioChart, input);
  for (const [index, { event, taken, state }] of entries.entries()) {
    const fact = event as ChartEvent;
    if (taken === 'taken') {
      // A wish answered too late is stale although somebody listens: what was taken must be taken again.
      if (!fact.type.startsWith('xstate.') && !snapshot.can(fact))
        return `entry ${index}: ${fact.type} is not taken in ${statePath(snapshot.value)} any more`;
      ({ snapshot } = nextStep(scenarioChart, snapshot, fact));
    }
    const is = statePath(snapshot.value);
    if (is !== state) return `entry ${index}: ${fact.type} led to ${state}, now it leads to ${is}`;
  }
  return undefined;
}

describe('old histories (house, section 4)', () => {
  it('are there: a false alarm, an automatic switchover, an asserted one, a maintenance', () => {
    const names = new Set(files.map((name) => name.split('.')[0]));
    expect([...names]).toEqual(
      expect.arrayContaining(['falseAlarm', 'automaticSwitchover', 'assertedSwitchover', 'maintenance']),
    );
    const told = (name: string) => files.filter((file) => file.startsWith(name)).map((file) => read(file).entries);
    expect(told('automaticSwitchover').every((entries) => entries.at(-1)?.state === 'switchedOver')).toBe(true);
    expect(told('falseAlarm').every((entries) => entries.some(({ state }) => state.includes('takingOver')))).toBe(true);
  });

  it.each(files)('%s leads through the present chart to the same states, or says why it cannot', (name) => {
    const history = read(name);
    expect(history.chart).toBe(scenarioChart.id);
    if (history.version === scenarioChartVersion)
      expect(difference(history), 'the chart goes another way: raise scenarioChartVersion and say why').toBeUndefined();
    else if (!(history.version in cannotTakeOver)) expect(difference(history)).toBeUndefined();
  });

  it('notices an event that is lost, and one that leads elsewhere', () => {
    const [name = ''] = files.filter((file) => file.startsWith('automaticSwitchover'));
    const history = read(name);
    const lost = history.entries.findIndex(({ event }) => (event as ChartEvent).type === 'replica.caughtUp');
    expect(difference({ ...history, entries: history.entries.toSpliced(lost, 1) })).toMatch(/entry/);
    const entries = history.entries.map((entry) =>
      (entry.event as ChartEvent).type === 'master.look.done'
        ? { ...entry, event: { ...(entry.event as object), result: { alive: true, evidence: 'e' } } }
        : entry,
    );
    expect(difference({ ...history, entries })).toMatch(/master.look.done led to/);
  });
});
