import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { scenarioChart } from '#machines/scenario/scenario.ts';
import { drawingOf, edgeListOf } from './chartDrawing.ts';
import { root } from './sources.ts';

it('the committed drawings are those of the charts; run `npm run charts` and read the changed lines', () => {
  expect(readFileSync(`${root}machines/charts/scenario.edges.json`, 'utf8')).toBe(edgeListOf(scenarioChart));
  expect(readFileSync(`${root}machines/charts/scenario.mmd`, 'utf8')).toBe(drawingOf(scenarioChart));
});
