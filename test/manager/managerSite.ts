import { join } from 'node:path';
import { EngineClient } from '#control/adapters/engines/EngineClient.ts';
import { readManagerFiles } from '#control/adapters/manager/readManagerFiles.ts';
import { SqliteStore } from '#control/adapters/store/SqliteStore.ts';
import { createControl } from '#control/control.ts';
import type { Control } from '#control/control.ts';
import { SystemClock } from '#engine/adapters/clock/SystemClock.ts';
import { leaseTimingDefaults } from '#machines/masterGuard/leaseTiming.ts';
import { operatorCommands } from '#machines/scenario/operatorCommands.ts';
import { scenarioId } from '#machines/vocabulary.ts';
import type { ScenarioStatus } from '#engine/protocol/messages.ts';
import type { ScenarioDefinition } from '#machines/vocabulary.ts';
import { SimulatedNetwork } from '#simulators/network/SimulatedNetwork.ts';
import { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';
import { FakeAppliance } from '#test/unit/control/fakeAppliance.ts';
import { applianceAddress, draft } from '#test/unit/control/site.ts';

const hour = 3_600_000;
export const ids = ['4009412486', '4009412487', '4009412488'].map(scenarioId);
const names = ['基幹サーバ', 'Web サーバ 02', 'ファイル サーバ'];

const no = (ja: string, en: string) => ({ accepted: false, code: 'notNow', ja, en }) as const;
const yes = { accepted: true } as const;
const runningAlready = no('シナリオは既に実行されています。', 'The scenario is running already.');
const notReplicating = no('レプリケーション中ではありません。', 'The scenario is not replicating.');
const nothingToDo = no('今は実行できません。', 'Not now.');

/** Every command that is not named is refused. */
export const answers = (named: Partial<ScenarioStatus['commands']>): ScenarioStatus['commands'] => ({
  ...(Object.fromEntries(operatorCommands.map((command) => [command, nothingToDo])) as ScenarioStatus['commands']),
  ...named,
});

const stoppedAlready = no('シナリオは停止しています。', 'The scenario is stopped.');

/** Control on a real port with the manager, and an appliance with three scenarios in different states. */
export class ManagerSite {
  readonly clock = new SystemClock();
  readonly network = new SimulatedNetwork({ clock: this.clock, random: new SimulatedRandom('manager') });
  readonly appliance = new FakeAppliance(this.clock);
  #control: Control | undefined;
  url = '';

  static async start(): Promise<ManagerSite> {
    const site = new ManagerSite();
    await site.appliance.serve(site.network.host('appliance'), applianceAddress);
    const store = new SqliteStore(':memory:');
    for (const [index, id] of ids.entries()) {
      const definition: ScenarioDefinition = {
        ...draft,
        master: { ...draft.master, guardPort: 25_001 },
        scenarioId: id,
        name: names[index] ?? '',
        appliance: { ...applianceAddress, vmName: 'appliance' },
        hypervisor: { ...draft.hypervisor, port: 443 },
        substituteVm: { ...draft.substituteVm, nicMapping: { highAvailability: [], assuredRecovery: [] } },
        isAlive: { heartbeatMs: 30_000, timeoutMs: 300_000 },
        switchover: index === 1 ? 'manual' : 'automatic',
        speculation: true,
        fence: { timing: leaseTimingDefaults, productionAddresses: [] },
        runAfterReboot: true,
        syncMethod: 'volumeLevel',
        spool: { spoolBytesMax: 2 ** 30 },
      };
      site.appliance.definitions.set(id, definition);
      store.addScenario({ definition, createdAtMs: site.clock.nowMs() - hour + index, defined: true });
    }
    site.#setStatuses();
    site.#report();
    const { clock } = site;
    site.#control = createControl({
      appliance: new EngineClient({ network: site.network.host('control'), clock, address: applianceAddress }),
      store,
      clock,
      random: new SimulatedRandom('control'),
      managerFiles: readManagerFiles(join(import.meta.dirname, '../../control/manager')),
    });
    site.url = await site.#control.app.listen({ host: '127.0.0.1', port: 0 });
    return site;
  }

  async stopControl(): Promise<void> {
    await this.#control?.close();
    this.#control = undefined;
  }

  #setStatuses(): void {
    const sinceMs = this.clock.nowMs() - 600_000;
    const [replicating, synchronizing, stopped] = ids;
    if (replicating === undefined || synchronizing === undefined || stopped === undefined) throw new Error('three ids');
    this.appliance.statuses.set(replicating, {
      state: 'replicating.flow.connected + replicating.isAlive.alive',
      label: { ja: 'レプリケーション中', en: 'Replicating' },
      running: true,
      sinceMs,
      epoch: 1,
      commands: answers({ run: runningAlready, stop: yes, switchover: yes }),
      replicationLagMs: 240,
      consistentPoint: { sequence: 18_233, atNs: '1' },
      replicatedBytes: 7_321_456_640,
      spool: { bytes: 3_145_728, bytesMax: 2 ** 30 },
      link: 'connected',
    });
    this.appliance.statuses.set(synchronizing, {
      state: 'synchronizing.copying',
      label: { ja: '同期中', en: 'Synchronizing' },
      running: true,
      sinceMs,
      epoch: 3,
      commands: answers({ run: runningAlready, stop: yes, switchover: notReplicating }),
      synchronization: {
        doneBytes: 13_958_643_712,
        totalBytes: 34_359_738_368,
        bytesPerSecond: 187_695_104,
        remainingMs: 108_000,
      },
      spool: { bytes: 943_718_400, bytesMax: 2 ** 30 },
      link: 'connected',
    });
    this.appliance.statuses.set(stopped, {
      sinceMs,
      commands: answers({ run: yes, stop: stoppedAlready, switchover: notReplicating }),
      lastFault: {
        code: 'noSpace',
        duration: 'permanent',
        effect: 'none',
        params: { datastore: 'datastore1', neededBytes: 2 ** 34, freeBytes: 2 ** 31 },
      },
    });
  }

  #report(): void {
    const [first, second, third] = ids;
    if (first === undefined || second === undefined || third === undefined) throw new Error('three ids');
    for (const id of [first, second]) {
      this.appliance.report(id, 'scenarioCreated');
      this.appliance.report(id, 'verificationPassed');
      this.appliance.report(id, 'scenarioStarted');
      this.appliance.report(id, 'synchronizationStarted', { method: 'volumeLevel' });
    }
    this.appliance.report(third, 'verificationFailed', { findings: 'noSpace' });
    this.appliance.report(first, 'state', { state: 'replicating.flow.connected + replicating.isAlive.alive' });
    this.appliance.report(first, 'synchronizationReplicated');
    this.appliance.report(first, 'isAliveResumed');
    this.appliance.report(second, 'linkLost', { reason: 'ECONNRESET' });
    this.appliance.report(second, 'masterDown', { evidence: 'ping, TCP 25000' });
  }
}
