import { edgeCoverage, neverWalked } from './walkEdges.ts';

const { declared, missing } = edgeCoverage();
const unexplained = missing.filter((key) => !(key in neverWalked));
console.log(`${declared.length - missing.length} of ${declared.length} edges are walked`);
for (const key of missing) console.log(`${key}: ${neverWalked[key] ?? 'NOT WALKED'}`);
process.exitCode = unexplained.length > 0 ? 1 : 0;
