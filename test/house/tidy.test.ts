import { describe, expect, it } from 'vitest';
import { readdirSync } from 'node:fs';
import { root, sources } from './sources.ts';

const linesMax = 400;
const topLevel = [
  'README.md',
  'CHANGELOG.md',
  'LICENSE',
  'NOTICE',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'machines',
  'engine',
  'control',
  'simulators',
  'features',
  'test',
  '.ci',
  '.git',
  '.gitignore',
  '.gitattributes',
  '.lab',
  'node_modules',
  'reports',
];

/** Where the world may be touched: adapters, composition roots, and the faces of simulators that are real programs. */
const worldly =
  /^(engine\/(adapters\/|main\.ts)|control\/(adapters\/|main\.ts|cli\.ts|manager\/)|simulators\/(lab\/|hypervisor\/(soap|qemu|main|start|folder|state)|fenceDevice\/(bmc|main)|harness\/(main|mutants))|test\/|features\/)/i;
/** The virtual clock hands the loop one turn and reads no time: it says so where it does. */
const settles = new Set(['simulators/clock/SimulatedClock.ts']);

const banned: readonly { readonly what: RegExp; readonly instead: string }[] = [
  { what: /\bDate\.now\(|\bnew Date\(\)/, instead: 'take a Clock' },
  { what: /\bMath\.random\(/, instead: 'take a Random' },
  { what: /\b(setTimeout|setInterval|setImmediate)\(/, instead: 'take a Clock and use after()' },
  { what: /\bperformance\.now\(|process\.hrtime/, instead: 'take a Clock and use monotonicNs()' },
  { what: /from 'node:/, instead: 'take a party; its adapter may touch node:*' },
  { what: /\bconsole\.(log|error|warn|info)\(/, instead: 'voice an event of the catalogue, or return a value' },
  { what: /\bprocess\.(env|exit|argv|stdout|stderr)\b/, instead: 'composition roots hand it in' },
];

const synonyms = /\b(primary(?! key)|slave|failover|failback|healthcheck|restorePoint|standbyVm)\b/i;

describe('tidy (house, sections 4 and 7)', () => {
  it('the top level holds what the house names and nothing more', () => {
    expect(readdirSync(root).filter((name) => !topLevel.includes(name))).toEqual([]);
  });

  it('law L11: time, chance and I/O enter only at adapters and composition roots', () => {
    const touched = sources('machines', 'engine', 'control', 'simulators')
      .filter(({ path }) => !worldly.test(path) && !settles.has(path))
      .flatMap(({ path, text }) =>
        banned
          .filter(({ what }) => what.test(text))
          .map(({ what, instead }) => `${path} uses ${what.source}: ${instead}`),
      );
    expect(touched).toEqual([]);
  });

  it(`no file is longer than ${linesMax} lines`, () => {
    const long = sources('machines', 'engine', 'control', 'simulators', 'features', 'test').filter(
      ({ text }) => text.split('\n').length > linesMax + 1,
    );
    expect(long.map(({ path }) => `${path}: split it by what it does`)).toEqual([]);
  });

  it('uses the words of the glossary', () => {
    const wrong = sources('machines', 'engine', 'control').filter(
      ({ path, text }) => !path.includes('vim25') && synonyms.test(text),
    );
    expect(
      wrong.map(
        ({ path, text }) => `${path}: '${synonyms.exec(text)?.[0]}' has another name in the glossary of the house`,
      ),
    ).toEqual([]);
  });

  it('names no file Manager, Helper or Util', () => {
    const named = sources('machines', 'engine', 'control', 'simulators').filter(({ path }) =>
      /(Manager|Helper|Util)s?\.ts$/.test(path),
    );
    expect(named.map(({ path }) => path)).toEqual([]);
  });
});
