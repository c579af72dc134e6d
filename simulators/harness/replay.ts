import { firstStep, nextStep, statePath } from '#machines/host/step.ts';
import type { History } from './site.ts';

/** Law C4: what was recorded, taken once more by the pure chart, ends in the same state. Answers the difference. */
export function replayDifference({ chart, input, entries, snapshot }: History): string | undefined {
  let replayed = firstStep(chart, input).snapshot;
  let seq = 0;
  for (const { seq: stored, event, taken } of entries) {
    if (stored !== seq + 1) return `after entry ${seq} comes ${stored}`;
    seq = stored;
    if (taken === 'taken') replayed = nextStep(chart, replayed, JSON.parse(event)).snapshot;
  }
  const [is, was] = [statePath(snapshot.value), statePath(replayed.value)];
  if (is !== was) return `it stands in ${is}, its history leads to ${was}`;
  const [now, then] = [snapshot.context, replayed.context].map((context) => JSON.parse(JSON.stringify(context))) as [
    Record<string, unknown>,
    Record<string, unknown>,
  ];
  const other = [...new Set([...Object.keys(now), ...Object.keys(then)])].find(
    (name) => JSON.stringify(now[name]) !== JSON.stringify(then[name]),
  );
  return (
    other && `in ${is} its ${other} is ${JSON.stringify(now[other])}, its history gives ${JSON.stringify(then[other])}`
  );
}
