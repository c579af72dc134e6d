import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { LabSite } from '#simulators/lab/LabSite.ts';
import { canBoot, ensurePackages } from '#simulators/lab/packages.ts';
import { substituteVmName } from '#simulators/lab/labScenario.ts';
import { anyPorts, startLab } from '#simulators/lab/startLab.ts';
import type { Lab } from '#simulators/lab/startLab.ts';

/** The engine writes a line for each commit, so its log shows a state that is over before control would see it. */
async function untilLogged(lab: Lab, state: string): Promise<void> {
  const giveUpAtMs = Date.now() + 60_000;
  while (!(await statesOf(lab)).some((logged) => logged.includes(state))) {
    if (Date.now() > giveUpAtMs) throw new Error(`the appliance did not get to ${state} within 60 s`);
    await sleep(5);
  }
}

async function statesOf(lab: Lab): Promise<string[]> {
  const log = await readFile(lab.appliance.logPath, 'utf8');
  return [...log.matchAll(/"state":"([^"]+)"/g)].map(([, state]) => state ?? '');
}

/** The state that the last commit of the log led to: where the kill has hit. */
async function lastState(lab: Lab): Promise<string> {
  return (await statesOf(lab)).at(-1) ?? '';
}

async function killAndRestart(lab: Lab): Promise<string> {
  await lab.killAppliance();
  const killedIn = await lastState(lab);
  await lab.restartAppliance();
  return killedIn;
}

const whyNot = process.getuid?.() === 0 ? undefined : 'loop devices and the kernel trace need root';

describe.skipIf(whyNot !== undefined)(
  `kill -9 of the appliance on the lab${whyNot ? ` (skipped: ${whyNot})` : ''}`,
  () => {
    it('in mid-synchronization and in mid-switchover: one VM, and no acknowledged write is lost', async ({ skip }) => {
      if (!canBoot(await ensurePackages({ install: false }))) skip('QEMU cannot boot a guest here');
      const folder = await mkdtemp(join(tmpdir(), 'kagemusha-killed-'));
      const lab = await startLab({ folder, ports: anyPorts, say: () => {} });
      try {
        const site = new LabSite(lab);
        await site.createScenario({ switchover: 'automatic' });
        await site.command({ command: 'run' });
        await untilLogged(lab, 'synchronizing.copying');
        expect(await killAndRestart(lab)).toBe('synchronizing.copying');

        await site.until('replication with Is Alive', async () =>
          (await site.status()).state.includes('flow.connected + replicating.isAlive.alive'),
        );
        await sleep(1_000);
        await lab.killMaster();
        // The VM is made; whether it is on already is for the next process to find out.
        await untilLogged(lab, 'takingOver.double.poweringOn');
        expect(await killAndRestart(lab)).toMatch(/takingOver\.double\.(poweringOn|waitingForGuest)/);
        await untilLogged(lab, 'switchingOver.probing');
        expect(await killAndRestart(lab)).toBe('switchingOver.probing');

        await site.until('the double has taken over', async () => (await site.status()).state === 'switchedOver');
        const { vms } = await lab.control.get<{ vms: readonly { name: string; power: string }[] }>(
          `/api/scenarios/${site.scenarioId}/hypervisor`,
        );
        expect(vms.filter(({ name }) => name !== 'appliance')).toEqual([
          expect.objectContaining({ name: substituteVmName, power: 'on' }),
        ]);
        const { acknowledged, lost } = await site.writes();
        expect(acknowledged).toBeGreaterThan(100);
        expect(lost).toBe(0);
        expect((await site.eventLog()).map(({ code }) => code)).toContain('synchronizationResumed');
      } finally {
        await lab.stop();
        await rm(folder, { recursive: true, force: true });
      }
    }, 180_000);
  },
);
