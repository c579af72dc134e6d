import { describe, expect, it } from 'vitest';
import { masterGuardChart } from '#machines/masterGuard/masterGuard.ts';
import { Coverage } from '#simulators/harness/coverage.ts';
import { edgeCoverage, neverWalked, walkEdges } from './walkEdges.ts';

describe('L10: every edge that a chart declares is walked', () => {
  const { declared, missing } = edgeCoverage();

  it('but for those that say why they cannot be', () => {
    expect(declared.length).toBeGreaterThan(700);
    expect(missing.filter((key) => !(key in neverWalked))).toEqual([]);
  });

  it('and the list of those is true: none of them is walked, each is declared', () => {
    expect(Object.keys(neverWalked).filter((key) => !declared.includes(key) || !missing.includes(key))).toEqual([]);
  });

  it('notices an edge that nothing leads to', () => {
    const coverage = new Coverage();
    const deaf = { 'lease.lapsed': [], 'lease.replaced': [], 'appliance.isolate': [], 'guard.started': [] };
    walkEdges({ chart: masterGuardChart, own: deaf, input: { host: 'h', boot: 'b' } }, coverage);
    expect([...coverage.walked].some((key) => key.includes('masterGuard.serving'))).toBe(true);
    expect([...coverage.walked].filter((key) => key.includes('masterGuard.isolating'))).toEqual([]);
  });
});
