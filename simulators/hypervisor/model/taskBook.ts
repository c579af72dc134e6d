import type { Clock } from '#machines/parties/clock.ts';
import type { Random } from '#machines/parties/random.ts';
import { VimFault } from './vimFault.ts';
import type { Ref } from './vimFault.ts';

export type TaskResult = string | Ref | { readonly searchResult: DatastoreListing } | undefined;

export type ListedFile = {
  readonly path: string;
  /** What the file takes on the datastore. */
  readonly bytes: number;
  readonly modifiedAtMs: number;
  /** Of a virtual disk. */
  readonly capacityBytes?: number;
};

export type DatastoreListing = {
  readonly folderPath: string;
  readonly datastoreId: string;
  readonly files: readonly ListedFile[];
  /** A host tells only what it is asked for. */
  readonly details: { readonly size: boolean; readonly modified: boolean; readonly capacity: boolean };
};

export type TaskRecord = {
  readonly id: string;
  readonly method: string;
  readonly entity: Ref;
  readonly entityName: string;
  readonly queuedAtMs: number;
  state: 'queued' | 'running' | 'success' | 'error';
  startedAtMs?: number;
  completedAtMs?: number;
  result?: TaskResult;
  fault?: VimFault;
};

const taskKeptMs = 10 * 60_000;

/** Long operations: queued, running, then success or error; forgotten some minutes later, as a real host does. */
export class TaskBook {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #latencyMs: number;
  readonly #changed: () => void;
  readonly #tasks = new Map<string, TaskRecord>();

  constructor(parts: {
    readonly clock: Clock;
    readonly random: Random;
    readonly latencyMs: number;
    readonly changed: () => void;
  }) {
    this.#clock = parts.clock;
    this.#random = parts.random;
    this.#latencyMs = parts.latencyMs;
    this.#changed = parts.changed;
  }

  /** Starts an operation; a second one on a VM that is busy is refused. Faults: `TaskInProgress`. */
  start(
    task: { readonly method: string; readonly entity: Ref; readonly entityName: string },
    operation: () => TaskResult | Promise<TaskResult>,
  ): TaskRecord {
    const busy = task.entity.type === 'VirtualMachine' ? this.activeOn(task.entity) : undefined;
    if (busy !== undefined) throw new VimFault('TaskInProgress', { task: { type: 'Task', id: busy.id } });
    const record: TaskRecord = {
      ...task,
      id: `haTask-${task.entity.id}-vim.${task.entity.type}.${lowerFirst(task.method.replace(/_Task$/, ''))}-${this.#random.digits(9)}`,
      queuedAtMs: this.#clock.nowMs(),
      state: 'queued',
    };
    this.#tasks.set(record.id, record);
    this.#clock.after(this.#latencyMs, () => void this.#run(record, operation));
    return record;
  }

  get(id: string): TaskRecord | undefined {
    return this.#tasks.get(id);
  }

  all(): readonly TaskRecord[] {
    return [...this.#tasks.values()];
  }

  activeOn(entity: Ref): TaskRecord | undefined {
    return this.all().find(
      (task) =>
        task.entity.id === entity.id &&
        task.entity.type === entity.type &&
        (task.state === 'queued' || task.state === 'running'),
    );
  }

  async #run(record: TaskRecord, operation: () => TaskResult | Promise<TaskResult>): Promise<void> {
    record.state = 'running';
    record.startedAtMs = this.#clock.nowMs();
    this.#changed();
    try {
      record.result = await operation();
      record.state = 'success';
    } catch (thrown) {
      record.fault =
        thrown instanceof VimFault ? thrown : new VimFault('SystemError', { reason: String(thrown) }, String(thrown));
      record.state = 'error';
    }
    record.completedAtMs = this.#clock.nowMs();
    this.#clock.after(taskKeptMs, () => this.#tasks.delete(record.id));
    this.#changed();
  }
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}
