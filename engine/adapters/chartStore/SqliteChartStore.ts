import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLOutputValue, type StatementSync } from 'node:sqlite';
import { PartyFault } from '#machines/faults.ts';
import type {
  ChartChange,
  ChartStore,
  StoredInstance,
  StoredLogEntry,
  StoredReport,
  StoredTimer,
  StoredWish,
} from '#machines/parties/chartStore.ts';
import { schema, schemaVersion } from './schema.ts';

type Row = Record<string, SQLOutputValue>;

/** Charts in one SQLite file; a commit is on stable storage when it returns. */
export class SqliteChartStore implements ChartStore {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #statements = new Map<string, StatementSync>();

  /** Makes the file, and its folder, when missing. `:memory:` keeps nothing. Throws when a newer version wrote it. */
  constructor(path: string) {
    if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.#path = path;
    this.#database = new DatabaseSync(path, { timeout: 5_000 });
    this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    const version = number(this.#row('PRAGMA user_version'), 'user_version');
    if (version > schemaVersion) {
      this.#database.close();
      throw new Error(`${path} has chart store version ${version}; this engine knows ${schemaVersion}`);
    }
    if (version < schemaVersion) this.#transaction(() => this.#database.exec(schema));
  }

  load(instance: string): StoredInstance | undefined {
    const row = this.#row('SELECT * FROM instances WHERE instance = ?', instance);
    return row === undefined
      ? undefined
      : {
          instance,
          machine: text(row, 'machine'),
          version: text(row, 'version'),
          seq: number(row, 'seq'),
          snapshot: text(row, 'snapshot'),
          input: text(row, 'input'),
        };
  }

  instances(): readonly string[] {
    return this.#rows('SELECT instance FROM instances ORDER BY instance').map((row) => text(row, 'instance'));
  }

  commit(change: ChartChange): void {
    this.#transaction(() => {
      this.#storeInstance(change);
      this.#storeTimers(change);
      this.#storeWishes(change);
      for (const { atMs, instance, code, params } of change.reportsAdded) {
        this.#run('INSERT INTO reports (atMs, instance, code, params) VALUES (?, ?, ?, ?)', [
          atMs,
          instance,
          code,
          params,
        ]);
      }
    });
  }

  remove(instance: string): void {
    this.#transaction(() => {
      for (const table of ['instances', 'log', 'timers', 'wishes'])
        this.#run(`DELETE FROM ${table} WHERE instance = ?`, [instance]);
    });
  }

  hasDedup(instance: string, dedup: string): boolean {
    return this.#row('SELECT 1 FROM log WHERE instance = ? AND dedup = ?', instance, dedup) !== undefined;
  }

  timers(): readonly StoredTimer[] {
    return this.#rows('SELECT * FROM timers ORDER BY dueMs, armedSeq, rowid').map((row) => ({
      instance: text(row, 'instance'),
      id: text(row, 'id'),
      dueMs: number(row, 'dueMs'),
      delayMs: number(row, 'delayMs'),
      late: text(row, 'late') as StoredTimer['late'],
      event: text(row, 'event'),
      armedSeq: number(row, 'armedSeq'),
    }));
  }

  outbox(instance?: string): readonly StoredWish[] {
    const rows =
      instance === undefined
        ? this.#rows('SELECT * FROM wishes ORDER BY position')
        : this.#rows('SELECT * FROM wishes WHERE instance = ? ORDER BY position', instance);
    return rows.map((row) => ({
      ticket: text(row, 'ticket'),
      instance: text(row, 'instance'),
      name: text(row, 'name'),
      args: text(row, 'args'),
      askedAtMs: number(row, 'askedAtMs'),
    }));
  }

  history(instance: string): readonly StoredLogEntry[] {
    return this.#rows('SELECT * FROM log WHERE instance = ? ORDER BY position', instance).map((row) => ({
      seq: number(row, 'seq'),
      atMs: number(row, 'atMs'),
      event: text(row, 'event'),
      ...(row['dedup'] === null ? {} : { dedup: text(row, 'dedup') }),
      taken: text(row, 'taken') as StoredLogEntry['taken'],
    }));
  }

  reports(afterSeq: number, most: number): readonly StoredReport[] {
    return this.#rows('SELECT * FROM reports WHERE seq > ? ORDER BY seq LIMIT ?', afterSeq, most).map((row) => ({
      seq: number(row, 'seq'),
      atMs: number(row, 'atMs'),
      instance: text(row, 'instance'),
      code: text(row, 'code'),
      params: text(row, 'params'),
    }));
  }

  close(): void {
    this.#database.close();
  }

  #storeInstance({ instance: stored, expectedSeq, log }: ChartChange): void {
    const { instance, machine, version, seq, snapshot, input } = stored;
    const found = this.#row('SELECT seq FROM instances WHERE instance = ?', instance);
    const foundSeq = found === undefined ? undefined : number(found, 'seq');
    if (foundSeq !== expectedSeq) {
      throw new Error(`chart ${instance} is at ${foundSeq ?? 'nothing'}, not at ${expectedSeq ?? 'nothing'}`);
    }
    this.#run(
      `INSERT INTO instances (instance, machine, version, seq, snapshot, input) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (instance) DO UPDATE SET machine = excluded.machine, version = excluded.version,
         seq = excluded.seq, snapshot = excluded.snapshot, input = excluded.input`,
      [instance, machine, version, seq, snapshot, input],
    );
    if (log === undefined) return;
    if (log.dedup !== undefined && this.hasDedup(instance, log.dedup)) {
      throw new Error(`chart ${instance} has '${log.dedup}' in its log already`);
    }
    this.#run('INSERT INTO log (instance, seq, atMs, event, dedup, taken) VALUES (?, ?, ?, ?, ?, ?)', [
      instance,
      log.seq,
      log.atMs,
      log.event,
      log.dedup ?? null,
      log.taken,
    ]);
  }

  /** Deletes first: a state that is entered anew cancels its timer and arms it again under the same id. */
  #storeTimers({ instance: { instance }, timersDeleted, timersSet }: ChartChange): void {
    for (const id of timersDeleted) this.#run('DELETE FROM timers WHERE instance = ? AND id = ?', [instance, id]);
    for (const timer of timersSet) {
      this.#run(
        'INSERT OR REPLACE INTO timers (instance, id, dueMs, delayMs, late, event, armedSeq) VALUES (?, ?, ?, ?, ?, ?, ?)',
        [timer.instance, timer.id, timer.dueMs, timer.delayMs, timer.late, timer.event, timer.armedSeq],
      );
    }
  }

  #storeWishes({ wishesAdded, wishesDone }: ChartChange): void {
    for (const wish of wishesAdded) {
      if (this.#row('SELECT 1 FROM wishes WHERE ticket = ?', wish.ticket) !== undefined) {
        throw new Error(`wish ${wish.ticket} is in the outbox already`);
      }
      this.#run('INSERT INTO wishes (ticket, instance, name, args, askedAtMs) VALUES (?, ?, ?, ?, ?)', [
        wish.ticket,
        wish.instance,
        wish.name,
        wish.args,
        wish.askedAtMs,
      ]);
    }
    for (const ticket of wishesDone) this.#run('DELETE FROM wishes WHERE ticket = ?', [ticket]);
  }

  #transaction(work: () => void): void {
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      work();
      this.#database.exec('COMMIT');
    } catch (thrown) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      const full = thrown instanceof Error && 'errcode' in thrown && thrown.errcode === sqliteFull;
      throw full ? new PartyFault('diskFull', { path: this.#path }) : thrown;
    }
  }

  #prepared(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) this.#statements.set(sql, (statement = this.#database.prepare(sql)));
    return statement;
  }

  #run(sql: string, values: readonly (string | number | null)[]): void {
    this.#prepared(sql).run(...values);
  }

  #row(sql: string, ...values: (string | number)[]): Row | undefined {
    return this.#prepared(sql).get(...values);
  }

  #rows(sql: string, ...values: (string | number)[]): Row[] {
    return this.#prepared(sql).all(...values);
  }
}

/** SQLITE_FULL. */
const sqliteFull = 13;

function text(row: Row | undefined, column: string): string {
  const value = row?.[column];
  if (typeof value !== 'string') throw new TypeError(`column ${column} of the chart store holds no text`);
  return value;
}

function number(row: Row | undefined, column: string): number {
  const value = row?.[column];
  if (typeof value !== 'number') throw new TypeError(`column ${column} of the chart store holds no number`);
  return value;
}
