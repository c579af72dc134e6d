import { writeFileSync } from 'node:fs';
import { charts, drawingOf, edgeListOf } from './chartDrawing.ts';
import { root } from './sources.ts';

for (const chart of charts) {
  writeFileSync(`${root}machines/charts/${chart.id}.mmd`, drawingOf(chart));
  writeFileSync(`${root}machines/charts/${chart.id}.edges.json`, edgeListOf(chart));
}
