import type { Observation } from '#simulators/checkers/observation.ts';

/** One line an event: time, the nodes, epoch, what was seen. */
export function transcriptLine(seen: Observation, columns: string): string {
  const { t, kind, ...rest } = seen;
  const minutes = Math.floor(t / 60_000);
  const seconds = (t - minutes * 60_000) / 1000;
  const time = `${String(minutes).padStart(4)}:${seconds.toFixed(3).padStart(6, '0')}`;
  return `${time}  ${columns.padEnd(12)}  ${kind.padEnd(10)}  ${wordsOf(kind, rest)}`;
}

function wordsOf(kind: Observation['kind'], details: object): string {
  if (kind === 'chart') {
    const { chart, node, event, state, taken } = details as Extract<Observation, { readonly kind: 'chart' }>;
    return `${node} ${chart}: ${event}${taken === 'stale' ? ' (stale)' : ''} → ${state}`;
  }
  return Object.entries(details)
    .map(([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join(' ');
}
