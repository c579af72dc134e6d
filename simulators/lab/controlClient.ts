import { setTimeout as sleep } from 'node:timers/promises';
import type { ScenarioStatus } from '#engine/protocol/messages.ts';
import type { MasterDisk } from '#machines/vocabulary.ts';
import { LabError } from './labError.ts';

export type ControlEvent = {
  readonly seq: number;
  readonly atMs: number;
  readonly code: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly ja: string;
  readonly en: string;
};
export type ScenarioView = { readonly scenarioId: string; readonly status?: ScenarioStatus };
export type Answer = { readonly status: number; readonly body: unknown };

/** The lab does what an operator does: it speaks to control's REST and to nothing else. */
export class ControlClient {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async send(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(`${this.#url}${path}`, {
      method,
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  }

  async get<T>(path: string): Promise<T> {
    return (await this.#succeed('GET', path)) as T;
  }

  async post<T>(path: string, body: unknown): Promise<T> {
    return (await this.#succeed('POST', path, body)) as T;
  }

  async createScenario(draft: unknown): Promise<string> {
    return (await this.post<{ scenarioId: string }>('/api/scenarios', draft)).scenarioId;
  }

  scenario(id: string): Promise<ScenarioView> {
    return this.get(`/api/scenarios/${id}`);
  }

  /** The whole event log of a scenario, oldest first. */
  async events(id: string): Promise<readonly ControlEvent[]> {
    const all: ControlEvent[] = [];
    for (;;) {
      const page = await this.get<readonly ControlEvent[]>(`/api/scenarios/${id}/events?after=${all.at(-1)?.seq ?? 0}`);
      if (page.length === 0) return all;
      all.push(...page);
    }
  }

  async masterDisks(): Promise<readonly MasterDisk[]> {
    return (await this.get<{ disks: readonly MasterDisk[] }>('/api/hosts/master/describe')).disks;
  }

  async untilEnginesConnected(): Promise<void> {
    for (let attempt = 0; attempt < 100; attempt++) {
      const engines =
        await this.get<readonly { readonly state?: string; readonly connected?: boolean }[]>('/api/engines');
      if (engines.every(({ state, connected }) => state === 'connected' || connected === true)) return;
      await sleep(100);
    }
    throw new LabError('control does not reach the engines within 10 s');
  }

  async #succeed(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await this.send(method, path, body);
    if (answer.status < 300) return answer.body;
    const { title, detail } = (answer.body ?? {}) as { title?: string; detail?: string };
    throw new LabError(`${method} ${path} answered ${answer.status}: ${title ?? ''} ${detail ?? ''}`);
  }
}
