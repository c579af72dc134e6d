import type { ProblemDetails } from '#control/api/problems.ts';
import type { Language } from '#control/eventLog/catalogue.ts';

/** What went wrong, in the operator's language; the command line prints it and ends with 1. */
export class CommandFailed extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CommandFailed';
  }
}

/** The API over HTTP as the command line uses it. Throws `CommandFailed`. */
export class ApiClient {
  readonly #url: string;
  readonly #language: Language;

  constructor(url: string, language: Language) {
    this.#url = url.replace(/\/+$/, '');
    this.#language = language;
  }

  async get<Answer>(path: string): Promise<Answer> {
    return (await (await this.#fetch(path, { method: 'GET' })).json()) as Answer;
  }

  post<Answer>(path: string, body: unknown, key?: string): Promise<Answer> {
    return this.#send('POST', path, body, key === undefined ? {} : { 'idempotency-key': key });
  }

  put<Answer>(path: string, body: unknown): Promise<Answer> {
    return this.#send('PUT', path, body);
  }

  async #send<Answer>(method: string, path: string, body: unknown, more: Record<string, string> = {}): Promise<Answer> {
    const headers = { 'content-type': 'application/json', ...more };
    return (await (await this.#fetch(path, { method, headers, body: JSON.stringify(body) })).json()) as Answer;
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(`${this.#url}${path}`, init);
    } catch (thrown) {
      throw new CommandFailed(this.#unreachable(thrown));
    }
    if (response.ok) return response;
    const problem = (await response.json().catch(() => ({}))) as Partial<ProblemDetails>;
    const detail = this.#language === 'ja' ? problem.detailJa : problem.detail;
    throw new CommandFailed(detail ?? `HTTP ${response.status}`);
  }

  #unreachable(thrown: unknown): string {
    const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause.message : String(thrown);
    return this.#language === 'ja'
      ? `コントロール サービス ${this.#url} に接続できません (${cause})。起動しているか、--url が正しいかを確認してください。`
      : `Control at ${this.#url} cannot be reached (${cause}). Make sure that it runs and that --url is right.`;
  }
}
