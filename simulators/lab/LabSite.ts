import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandAnswer, ScenarioCommand, ScenarioStatus } from '#engine/protocol/messages.ts';
import type { Explanation } from '#machines/scenario/explain.ts';
import type { SwitchoverRehearsal } from '#machines/switchover/rehearseSwitchover.ts';
import { commandTable } from '#control/scenarios/commandTable.ts';
import type { ScenarioChoice, Site, WriteTally } from '#simulators/site/site.ts';
import type { ControlEvent } from './controlClient.ts';
import { parseGuestReport } from './guestReport.ts';
import type { GuestReport } from './guestReport.ts';
import { LabError } from './labError.ts';
import { substituteVmName } from './labScenario.ts';
import type { Lab } from './startLab.ts';
import { writesThrough } from './workloadLog.ts';

const awaitedMs = 180_000;
const pollMs = 100;
const statusAttempts = 300;

/** The lab as a runbook sees it: everything through control's REST, the guest through its serial line. */
export class LabSite implements Site {
  readonly lab: Lab;
  #scenario: string | undefined;

  constructor(lab: Lab) {
    this.lab = lab;
  }

  get scenarioId(): string {
    if (this.#scenario === undefined) throw new LabError('no scenario was created yet');
    return this.#scenario;
  }

  async createScenario({ switchover, fence = 'device', speculation = true }: ScenarioChoice): Promise<void> {
    if (fence === 'lease') throw new LabError('the lab has no watchdog, so a lapsed lease proves nothing here');
    const draft = await this.lab.scenario({
      name: 'web-server',
      switchover,
      fence,
      speculation,
      isAlive: { heartbeatMs: 1_000, timeoutMs: 5_000 },
    });
    this.#scenario = await this.lab.control.createScenario(draft);
  }

  async command({ command, ...options }: ScenarioCommand): Promise<CommandAnswer> {
    const path = `/api/scenarios/${this.scenarioId}/${commandTable[command].path}`;
    const answer = await this.lab.control.send('POST', path, options);
    if (answer.status < 300) return { accepted: true };
    const { code, detail, detailJa } = answer.body as { code: string; detail: string; detailJa: string };
    return { accepted: false, code, ja: detailJa, en: detail };
  }

  /** Control polls each second: what it does not know yet it knows a moment later. */
  async status(): Promise<ScenarioStatus> {
    for (let attempt = 0; attempt < statusAttempts; attempt++) {
      const { status } = await this.lab.control.scenario(this.scenarioId);
      if (status) return status;
      await sleep(pollMs);
    }
    throw new LabError('control does not know the state of the scenario');
  }

  rehearse(): Promise<SwitchoverRehearsal> {
    return this.lab.control.get(`/api/scenarios/${this.scenarioId}/rehearsal`);
  }

  explain(): Promise<Explanation> {
    return this.lab.control.get(`/api/scenarios/${this.scenarioId}/why`);
  }

  eventLog(): Promise<readonly ControlEvent[]> {
    return this.lab.control.events(this.scenarioId);
  }

  async events(): Promise<readonly string[]> {
    return (await this.eventLog()).map(({ ja }) => ja);
  }

  killMaster(): Promise<void> {
    return this.lab.killMaster();
  }

  shrinkMasterDisk(): Promise<void> {
    return Promise.reject(new LabError('a loop device in use is not shrunk here'));
  }

  async isMasterIsolated(): Promise<boolean> {
    return !(await this.lab.master.servesNetwork());
  }

  async substituteVm(): Promise<{ readonly power: string } | undefined> {
    const { vms } = await this.lab.control.get<{ vms: readonly { name: string; power: string }[] }>(
      `/api/scenarios/${this.scenarioId}/hypervisor`,
    );
    return vms.find(({ name }) => name === substituteVmName);
  }

  async replicaDisks(): Promise<number> {
    const names = await readdir(join(this.lab.datastoreFolder, 'datastore1'), { recursive: true });
    return names.filter((name) => name.endsWith('-flat.vmdk')).length;
  }

  /** The guest's own words about its disk, as soon as it has said them. */
  async guestReport(): Promise<GuestReport> {
    let report: GuestReport | undefined;
    await this.until('the guest reports what it found on its disk', async () => {
      const serial = await readFile(
        join(this.lab.datastoreFolder, 'datastore1', substituteVmName, 'serial0.log'),
        'utf8',
      ).catch(() => '');
      report = parseGuestReport(serial);
      return report !== undefined;
    });
    if (!report) throw new LabError('the guest did not report');
    return report;
  }

  async writes(): Promise<WriteTally> {
    const { consistentPoint } = await this.status();
    const acknowledged = consistentPoint
      ? writesThrough(await readFile(this.lab.workloadLogPath, 'utf8'), BigInt(consistentPoint.atNs))
      : 0;
    const { first, last, missing, corrupt } = await this.guestReport();
    // The slots before the window were written again by later rounds; a hole in the window is a lost write.
    const found = last === 0 ? 0 : first - 1 + (last - first + 1) - missing - corrupt;
    return { acknowledged, found, lost: Math.max(0, acknowledged - last) + missing + corrupt };
  }

  async until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const giveUpAtMs = Date.now() + awaitedMs;
    while (!(await holds())) {
      if (Date.now() > giveUpAtMs) {
        const { state, lastFault } = await this.status();
        throw new LabError(
          `within ${awaitedMs / 1000} s it did not happen that ${what}; the scenario stands at ${state} ${JSON.stringify(lastFault ?? '')}`,
        );
      }
      await sleep(pollMs);
    }
  }

  close(): Promise<void> {
    return this.lab.stop();
  }
}
