import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, test } from 'vitest';
import { SqliteChartStore } from '#engine/adapters/chartStore/SqliteChartStore.ts';
import { SimulatedChartStore, SimulatedDeath } from '#simulators/chartStore/SimulatedChartStore.ts';
import { change, chartStoreContract } from './suite.ts';

const folder = mkdtempSync(join(tmpdir(), 'kagemusha-chart-store-'));
const opened: SqliteChartStore[] = [];
let files = 0;
afterAll(() => {
  for (const store of opened) {
    try {
      store.close();
    } catch {
      // Closed by its test.
    }
  }
  rmSync(folder, { recursive: true });
});

const openStore = (path: string): SqliteChartStore => {
  const store = new SqliteChartStore(path);
  opened.push(store);
  return store;
};

chartStoreContract('SqliteChartStore', () => {
  const path = join(folder, 'engine', `${files++}.sqlite`);
  const store = openStore(path);
  return {
    store,
    reopen: () => {
      store.close();
      return openStore(path);
    },
  };
});
chartStoreContract('SimulatedChartStore', () => {
  const store = new SimulatedChartStore();
  return { store, reopen: () => store.reopen() };
});

const instance = (seq: number) => ({ instance: 'i', machine: 'm', version: '1', seq, snapshot: '{}', input: '{}' });

describe('charts in SQLite', () => {
  test('write ahead, fully synchronized', () => {
    const path = join(folder, 'pragmas.sqlite');
    openStore(path);
    const other = new DatabaseSync(path);
    expect(other.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
    other.close();
    expect(openStore(':memory:').instances()).toEqual([]);
  });

  test('a process killed right after a commit has kept it', () => {
    const path = join(folder, 'killed.sqlite');
    const code = `
      import { SqliteChartStore } from '#engine/adapters/chartStore/SqliteChartStore.ts';
      const store = new SqliteChartStore(${JSON.stringify(path)});
      const change = { timersSet: [], timersDeleted: [], wishesAdded: [], wishesDone: [], reportsAdded: [] };
      const instance = { instance: 'i', machine: 'm', version: '1', snapshot: '{}', input: '{}' };
      for (let seq = 0; seq < 20; seq++) {
        store.commit({ ...change, instance: { ...instance, seq }, expectedSeq: seq === 0 ? undefined : seq - 1 });
      }
      process.kill(process.pid, 'SIGKILL');`;
    const ended = spawnSync(process.execPath, ['--input-type=module-typescript', '--eval', code], {
      cwd: new URL('../../..', import.meta.url).pathname,
      encoding: 'utf8',
    });
    expect([ended.signal, ended.stderr]).toEqual(['SIGKILL', '']);
    expect(openStore(path).load('i')?.seq).toBe(19);
  });

  test('refuses a file that a newer version wrote', () => {
    const path = join(folder, 'newer.sqlite');
    const newer = new DatabaseSync(path);
    newer.exec('PRAGMA user_version = 99');
    newer.close();
    expect(() => new SqliteChartStore(path)).toThrow('version 99');
  });
});

describe('death at a commit', () => {
  test.each([
    { when: 'before', seq: 1 },
    { when: 'after', seq: 2 },
  ] as const)('$when it: the next process finds sequence $seq', ({ when, seq }) => {
    const store = new SimulatedChartStore();
    store.crashAfter(2, when);
    store.commit(change(instance(0)));
    store.commit(change(instance(1), 0));
    expect(() => store.commit(change(instance(2), 1))).toThrow(SimulatedDeath);
    expect(() => store.instances()).toThrow('closed');
    const next = store.reopen();
    expect(next.load('i')?.seq).toBe(seq);
    next.commit(change(instance(seq + 1), seq));
  });
});
