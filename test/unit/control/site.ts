import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EngineClient } from '#control/adapters/engines/EngineClient.ts';
import { SqliteStore } from '#control/adapters/store/SqliteStore.ts';
import { createControl } from '#control/control.ts';
import type { Control } from '#control/control.ts';
import type { ScenarioView } from '#control/scenarios/scenarioView.ts';
import { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import { SimulatedNetwork } from '#simulators/network/SimulatedNetwork.ts';
import { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';
import { FakeAppliance } from './fakeAppliance.ts';

export const applianceAddress = { host: 'appliance', port: 25_000 };

/** What an operator sends, with everything that has no default. */
export const draft = {
  name: '基幹サーバ',
  master: { host: 'master', port: 25_000, disks: [{ diskId: '/dev/loop0', bytes: 1 << 30, system: true }] },
  appliance: { vmName: 'appliance' },
  hypervisor: {
    host: 'esxi',
    user: 'root',
    secretName: 'esxi',
    certificateSha256: 'ab'.repeat(32),
    datastore: 'datastore1',
  },
  substituteVm: { name: 'kikan-substitute', cpus: 2, memoryMiB: 1024 },
};

export type Answer = { readonly status: number; readonly type: string; readonly body: unknown };

/** Control, its store in a file, and an appliance's engine behind a network in memory; virtual time. */
export class ControlSite {
  readonly clock = new SimulatedClock();
  readonly network = new SimulatedNetwork({ clock: this.clock, random: new SimulatedRandom('network') });
  readonly appliance = new FakeAppliance(this.clock);
  readonly folder = mkdtempSync(join(tmpdir(), 'kagemusha-control-'));
  #control: Control | undefined;
  #starts = 0;

  static async start(options: { readonly applianceUp?: boolean } = {}): Promise<ControlSite> {
    const site = new ControlSite();
    if (options.applianceUp !== false) await site.startAppliance();
    await site.startControl();
    return site;
  }

  get control(): Control {
    if (this.#control === undefined) throw new Error('control is down');
    return this.#control;
  }

  async startAppliance(): Promise<void> {
    await this.appliance.serve(this.network.host('appliance'), applianceAddress);
  }

  async startControl(): Promise<void> {
    const { clock } = this;
    this.#control = createControl({
      appliance: new EngineClient({ network: this.network.host('control'), clock, address: applianceAddress }),
      store: new SqliteStore(join(this.folder, 'control.sqlite')),
      clock,
      random: new SimulatedRandom(`control ${this.#starts++}`),
      managerFiles: [],
    });
    await this.#control.app.ready();
    await clock.advance(2_000);
  }

  async stopControl(): Promise<void> {
    await this.during(this.control.close());
    this.#control = undefined;
  }

  async close(): Promise<void> {
    if (this.#control !== undefined) await this.stopControl();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Lets virtual time pass until the promise has settled. */
  async during<Value>(promise: Promise<Value>): Promise<Value> {
    const state = { settled: false };
    const done = promise.finally(() => (state.settled = true));
    done.catch(() => {});
    for (let turn = 0; !state.settled && turn < 20_000; turn++) await this.clock.advance(20);
    return await done;
  }

  async ask(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    url: string,
    options: { readonly body?: unknown; readonly headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const { body, headers = {} } = options;
    const response = await this.during(
      this.control.app.inject({
        method,
        url,
        headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
      }),
    );
    const type = String(response.headers['content-type'] ?? '');
    return { status: response.statusCode, type, body: response.body === '' ? undefined : response.json() };
  }

  async create(): Promise<ScenarioView> {
    const { status, body } = await this.ask('POST', '/api/scenarios', { body: draft });
    if (status !== 201) throw new Error(`not created: ${JSON.stringify(body)}`);
    await this.clock.advance(2_000);
    return body as ScenarioView;
  }

  async view(id: string): Promise<ScenarioView> {
    return (await this.ask('GET', `/api/scenarios/${id}`)).body as ScenarioView;
  }
}
