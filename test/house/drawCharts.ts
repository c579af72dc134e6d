import { writeFileSync } from 'node:fs';
import { scenarioChart } from '#machines/scenario/scenario.ts';
import { drawingOf, edgeListOf } from './chartDrawing.ts';
import { root } from './sources.ts';

writeFileSync(`${root}machines/charts/scenario.mmd`, drawingOf(scenarioChart));
writeFileSync(`${root}machines/charts/scenario.edges.json`, edgeListOf(scenarioChart));
