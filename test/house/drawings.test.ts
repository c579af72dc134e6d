import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { charts, drawingOf, edgeListOf } from './chartDrawing.ts';
import { root } from './sources.ts';

it.each(charts.map((chart) => [chart.id, chart] as const))(
  'the committed drawing of %s is that of the chart; run `npm run charts` and read the changed lines',
  (id, chart) => {
    expect(readFileSync(`${root}machines/charts/${id}.edges.json`, 'utf8')).toBe(edgeListOf(chart));
    expect(readFileSync(`${root}machines/charts/${id}.mmd`, 'utf8')).toBe(drawingOf(chart));
  },
);
