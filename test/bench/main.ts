/** `npm run bench -- simulate [--json]`: one benchmark by its name. */
const benches: Readonly<Record<string, () => Promise<unknown>>> = { simulate: () => import('./simulate.ts') };

const [name = ''] = process.argv.slice(2);
const bench = benches[name];
if (bench === undefined) {
  console.error(`there is no benchmark '${name}'; there is: ${Object.keys(benches).join(', ')}`);
  process.exitCode = 2;
} else {
  await bench();
}
