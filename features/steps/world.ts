import { After, setDefaultTimeout, setWorldConstructor, World } from '@cucumber/cucumber';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandAnswer } from '#engine/protocol/messages.ts';
import type { Explanation } from '#machines/scenario/explain.ts';
import type { SwitchoverRehearsal } from '#machines/switchover/rehearseSwitchover.ts';
import { LabSite } from '#simulators/lab/LabSite.ts';
import { anyPorts, startLab } from '#simulators/lab/startLab.ts';
import type { Site } from '#simulators/site/site.ts';
import { SimulatedSite } from '#simulators/site/SimulatedSite.ts';

setDefaultTimeout(240_000);

export type SiteName = 'simulated' | 'lab';

/** What a runbook's steps share. Which site it runs on is a setting of the run, never of a step. */
export class Runbook extends World<{ readonly site?: SiteName }> {
  answer: CommandAnswer | undefined;
  rehearsal: SwitchoverRehearsal | undefined;
  explanation: Explanation | undefined;
  #site: Site | undefined;
  #folder: string | undefined;

  get site(): Site {
    if (!this.#site) throw new Error('the runbook has no site yet: begin with 「サイトにマスタ、…がある」');
    return this.#site;
  }

  async openSite(): Promise<void> {
    if (this.parameters.site === 'lab') {
      this.#folder = await mkdtemp(join(tmpdir(), 'kagemusha-runbook-'));
      this.#site = new LabSite(await startLab({ folder: this.#folder, ports: anyPorts, say: () => {} }));
    } else this.#site = await SimulatedSite.start({ seed: 'runbook' });
  }

  async closeSite(): Promise<void> {
    await this.#site?.close();
    if (this.#folder) await rm(this.#folder, { recursive: true, force: true });
  }
}

setWorldConstructor(Runbook);

After(async function (this: Runbook) {
  await this.closeSite();
});
