import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const candidates = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
/** The system's Chromium, or undefined. */
export const chromiumPath: string | undefined = candidates.find((path) => existsSync(path));

type Reply = {
  readonly id?: number;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
};

/** A page in the system's Chromium, driven over its debugging protocol: no package needed. */
export class Browser {
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  /** Whatever the page complained about: violated policies, thrown errors. */
  readonly complaints: string[] = [];
  #asked = 0;

  private constructor(process: ChildProcess, folder: string, socket: WebSocket) {
    this.#process = process;
    this.#folder = folder;
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#take(String(data)));
  }

  static async open(language: string, size: { readonly width: number; readonly height: number }): Promise<Browser> {
    const folder = mkdtempSync(join(tmpdir(), 'kagemusha-chromium-'));
    const process = spawn(
      chromiumPath ?? '',
      [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--no-first-run',
        `--user-data-dir=${folder}`,
        '--remote-debugging-port=0',
        `--window-size=${size.width},${size.height}`,
        `--accept-lang=${language}`,
        'about:blank',
      ],
      { stdio: 'ignore', detached: true },
    );
    const socket = new WebSocket(await pageAddress(folder));
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', reject);
    });
    const browser = new Browser(process, folder, socket);
    await Promise.all(['Page.enable', 'Runtime.enable', 'Log.enable'].map((method) => browser.send(method)));
    return browser;
  }

  async send(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = ++this.#asked;
    const reply = await new Promise<Reply>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
    if (reply.error !== undefined) throw new Error(`${method}: ${reply.error.message}`);
    return reply.result ?? {};
  }

  async go(url: string): Promise<void> {
    await this.send('Page.navigate', { url });
  }

  /** The value of an expression in the page. */
  async evaluate<Value>(expression: string): Promise<Value> {
    const answer = await this.send('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
    if (answer['exceptionDetails'] !== undefined) throw new Error(JSON.stringify(answer['exceptionDetails']));
    return (answer['result'] as { value: Value }).value;
  }

  async pressKey(key: 'Enter' | 'Escape' | 'Tab'): Promise<void> {
    const code = { Enter: 13, Escape: 27, Tab: 9 }[key];
    const common = { key, code: key, windowsVirtualKeyCode: code };
    await this.send('Input.dispatchKeyEvent', {
      type: 'keyDown',
      ...common,
      ...(key === 'Enter' ? { text: '\r' } : {}),
    });
    await this.send('Input.dispatchKeyEvent', { type: 'keyUp', ...common });
  }

  async screenshot(): Promise<Buffer> {
    const { data } = await this.send('Page.captureScreenshot', { format: 'png' });
    return Buffer.from(String(data), 'base64');
  }

  async close(): Promise<void> {
    this.#socket.close();
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    // Chromium is a group of processes; the group is ours, started detached.
    if (this.#process.pid !== undefined) process.kill(-this.#process.pid, 'SIGKILL');
    await ended;
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  #take(data: string): void {
    const message = JSON.parse(data) as Reply & { method?: string; params?: Record<string, unknown> };
    if (message.method === 'Runtime.exceptionThrown') this.complaints.push(JSON.stringify(message.params));
    if (message.method === 'Log.entryAdded') {
      const entry = message.params?.['entry'] as { level: string; source: string; text: string };
      if (entry.level === 'error' && entry.source !== 'network') this.complaints.push(entry.text);
    }
    if (message.id === undefined) return;
    this.#waiting.get(message.id)?.(message);
    this.#waiting.delete(message.id);
  }
}

/** Chromium writes the port it chose into its folder. */
async function pageAddress(folder: string): Promise<string> {
  for (let turn = 0; turn < 300; turn++) {
    const file = join(folder, 'DevToolsActivePort');
    const port = existsSync(file) ? readFileSync(file, 'utf8').split('\n')[0] : undefined;
    if (port !== undefined && port !== '') {
      const pages = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as {
        type: string;
        webSocketDebuggerUrl: string;
      }[];
      const page = pages.find(({ type }) => type === 'page');
      if (page !== undefined) return page.webSocketDebuggerUrl;
    }
    await sleep(100);
  }
  throw new Error('Chromium did not open a page within 30 s');
}
