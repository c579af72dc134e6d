import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { SQLOutputValue } from 'node:sqlite';
import type { Report, ScenarioStatus } from '#engine/protocol/messages.ts';
import { scenarioId } from '#machines/vocabulary.ts';
import type { ScenarioDefinition, ScenarioId } from '#machines/vocabulary.ts';
import type { EventParams } from '#control/eventLog/catalogue.ts';
import type { ControlStore, StoredEvent, StoredScenario, StoredStatus } from '#control/scenarios/controlStore.ts';

const schema = `
  CREATE TABLE IF NOT EXISTS scenarios (
    id TEXT PRIMARY KEY,
    definition TEXT NOT NULL,
    createdAtMs INTEGER NOT NULL,
    defined INTEGER NOT NULL,
    idempotencyKey TEXT UNIQUE
  ) STRICT;
  CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    atMs INTEGER NOT NULL,
    scenarioId TEXT,
    code TEXT NOT NULL,
    params TEXT NOT NULL,
    source TEXT NOT NULL,
    sourceSeq INTEGER,
    UNIQUE (source, sourceSeq)
  ) STRICT;
  CREATE INDEX IF NOT EXISTS eventsOfScenario ON events (scenarioId, seq);
  CREATE TABLE IF NOT EXISTS mirrors (source TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS statuses (
    scenarioId TEXT PRIMARY KEY,
    status TEXT NOT NULL,
    heardAtMs INTEGER NOT NULL
  ) STRICT;
`;

type Row = Record<string, SQLOutputValue>;

/** Control's memory in one SQLite file. */
export class SqliteStore implements ControlStore {
  readonly #database: DatabaseSync;

  /** `path` of the file, made when missing, or `:memory:`. */
  constructor(path: string) {
    if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true });
    this.#database = new DatabaseSync(path);
    this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;');
    this.#database.exec(schema);
  }

  scenarios(): readonly StoredScenario[] {
    return this.#all('SELECT * FROM scenarios ORDER BY createdAtMs, id').map(toScenario);
  }

  scenario(id: ScenarioId): StoredScenario | undefined {
    return this.#all('SELECT * FROM scenarios WHERE id = ?', id).map(toScenario)[0];
  }

  scenarioByKey(key: string): StoredScenario | undefined {
    return this.#all('SELECT * FROM scenarios WHERE idempotencyKey = ?', key).map(toScenario)[0];
  }

  addScenario(scenario: StoredScenario, key?: string): void {
    const { definition, createdAtMs, defined } = scenario;
    this.#run(
      'INSERT INTO scenarios (id, definition, createdAtMs, defined, idempotencyKey) VALUES (?, ?, ?, ?, ?)',
      definition.scenarioId,
      JSON.stringify(definition),
      createdAtMs,
      defined ? 1 : 0,
      key ?? null,
    );
  }

  changeScenario(definition: ScenarioDefinition): void {
    this.#run(
      'UPDATE scenarios SET definition = ?, defined = 0 WHERE id = ?',
      JSON.stringify(definition),
      definition.scenarioId,
    );
  }

  markDefined(id: ScenarioId): void {
    this.#run('UPDATE scenarios SET defined = 1 WHERE id = ?', id);
  }

  removeScenario(id: ScenarioId): void {
    this.#transaction(() => {
      this.#run('DELETE FROM scenarios WHERE id = ?', id);
      this.#run('DELETE FROM statuses WHERE scenarioId = ?', id);
    });
  }

  addEvent(event: Omit<StoredEvent, 'seq'>): StoredEvent {
    const stored = this.#insertEvent(event, 'control', null);
    if (stored === undefined) throw new Error('an event of control is never a duplicate');
    return stored;
  }

  mirrorReports(source: string, reports: readonly Report[]): readonly StoredEvent[] {
    return this.#transaction(() => {
      let mirrored = this.mirroredSeq(source);
      const added: StoredEvent[] = [];
      for (const { seq, atMs, scenarioId, code, params } of reports) {
        const stored = this.#insertEvent({ atMs, scenarioId, code, params }, source, seq);
        if (stored !== undefined) added.push(stored);
        mirrored = Math.max(mirrored, seq);
      }
      this.#run(
        'INSERT INTO mirrors (source, seq) VALUES (?, ?) ON CONFLICT (source) DO UPDATE SET seq = excluded.seq',
        source,
        mirrored,
      );
      return added;
    });
  }

  mirroredSeq(source: string): number {
    return Number(this.#all('SELECT seq FROM mirrors WHERE source = ?', source)[0]?.['seq'] ?? 0);
  }

  lastMirrored(source: string): Report | undefined {
    const row = this.#all('SELECT * FROM events WHERE source = ? ORDER BY sourceSeq DESC LIMIT 1', source)[0];
    if (row === undefined) return undefined;
    const { atMs, code, params } = toEvent(row);
    return { seq: Number(row['sourceSeq']), atMs, scenarioId: scenarioId(String(row['scenarioId'])), code, params };
  }

  restartMirror(source: string, atMs: number): void {
    this.#transaction(() => {
      this.#run('UPDATE events SET source = ? WHERE source = ?', `${source} until ${atMs}`, source);
      this.#run('DELETE FROM mirrors WHERE source = ?', source);
    });
  }

  events(query: {
    readonly after?: number;
    readonly scenarioId?: ScenarioId;
    readonly most: number;
  }): readonly StoredEvent[] {
    const newest = query.after === undefined;
    const rows = this.#all(
      `SELECT * FROM events WHERE seq > ? AND (? IS NULL OR scenarioId = ?) ORDER BY seq ${newest ? 'DESC' : 'ASC'} LIMIT ?`,
      query.after ?? 0,
      query.scenarioId ?? null,
      query.scenarioId ?? null,
      query.most,
    ).map(toEvent);
    return newest ? rows.toReversed() : rows;
  }

  putStatus(id: ScenarioId, { status, heardAtMs }: StoredStatus): void {
    this.#run(
      `INSERT INTO statuses (scenarioId, status, heardAtMs) VALUES (?, ?, ?)
       ON CONFLICT (scenarioId) DO UPDATE SET status = excluded.status, heardAtMs = excluded.heardAtMs`,
      id,
      JSON.stringify(status),
      heardAtMs,
    );
  }

  status(id: ScenarioId): StoredStatus | undefined {
    const row = this.#all('SELECT * FROM statuses WHERE scenarioId = ?', id)[0];
    if (row === undefined) return undefined;
    return { status: JSON.parse(String(row['status'])) as ScenarioStatus, heardAtMs: Number(row['heardAtMs']) };
  }

  close(): void {
    this.#database.close();
  }

  #insertEvent(event: Omit<StoredEvent, 'seq'>, source: string, sourceSeq: number | null): StoredEvent | undefined {
    const { changes, lastInsertRowid } = this.#run(
      `INSERT INTO events (atMs, scenarioId, code, params, source, sourceSeq) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (source, sourceSeq) DO NOTHING`,
      event.atMs,
      event.scenarioId ?? null,
      event.code,
      JSON.stringify(event.params),
      source,
      sourceSeq,
    );
    return changes === 0 ? undefined : { ...event, seq: Number(lastInsertRowid) };
  }

  #all(sql: string, ...values: (string | number | null)[]): Row[] {
    return this.#database.prepare(sql).all(...values);
  }

  #run(
    sql: string,
    ...values: (string | number | null)[]
  ): { changes: number | bigint; lastInsertRowid: number | bigint } {
    return this.#database.prepare(sql).run(...values);
  }

  #transaction<Result>(work: () => Result): Result {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#database.exec('COMMIT');
      return result;
    } catch (thrown) {
      this.#database.exec('ROLLBACK');
      throw thrown;
    }
  }
}

const toScenario = (row: Row): StoredScenario => ({
  definition: JSON.parse(String(row['definition'])) as ScenarioDefinition,
  createdAtMs: Number(row['createdAtMs']),
  defined: row['defined'] === 1,
});

const toEvent = (row: Row): StoredEvent => ({
  seq: Number(row['seq']),
  atMs: Number(row['atMs']),
  ...(row['scenarioId'] === null ? {} : { scenarioId: scenarioId(String(row['scenarioId'])) }),
  code: String(row['code']),
  params: JSON.parse(String(row['params'])) as EventParams,
});
