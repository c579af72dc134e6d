import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LabError } from './labError.ts';
import { LabSite } from './LabSite.ts';
import { anyPorts, startLab } from './startLab.ts';
import { lastWrite } from './workloadLog.ts';

/** `npm run demo`: the lab without hands, from an empty machine to the double, and what was lost on the way. */
const startedAtMs = Date.now();
const say = (sentence: string): void =>
  console.log(`${((Date.now() - startedAtMs) / 1000).toFixed(1).padStart(7)} s  ${sentence}`);

const replicateMs = 5_000;

async function runDemo(folder: string): Promise<boolean> {
  const lab = await startLab({ folder, ports: anyPorts, say });
  const site = new LabSite(lab);
  try {
    say(
      `Lab is up: control ${lab.controlUrl}, master's disk ${lab.masterDevice}, boot ${lab.boots ? 'in QEMU' : 'SIMULATED'}`,
    );
    const switchover = lab.fenced ? 'automatic' : 'manual';
    await site.createScenario({ switchover });
    say(`Scenario ${site.scenarioId} created, ${switchover} switchover; Run with volume-level synchronization`);
    await site.command({ command: 'run' });
    await site.until('replication with Is Alive', async () =>
      (await site.status()).state.includes('flow.connected + replicating.isAlive.alive'),
    );
    say('Replicating; the workload goes on writing');
    await sleep(replicateMs);
    const { replicationLagMs } = await site.status();
    say(`Replication lag ${replicationLagMs ?? '?'} ms`);
    const killedAtMs = Date.now();
    await lab.killMaster();
    say('kill -9 of the master: engine, guard and workload are gone');
    if (!lab.fenced) await assertMasterOff(site);
    await site.until('the switchover completes', async () => (await site.status()).state === 'switchedOver');
    return await tell(site, killedAtMs);
  } finally {
    await lab.stop();
  }
}

/** Where nothing proves the end of the master, the operator commands the switchover and vouches for it. */
async function assertMasterOff(site: LabSite): Promise<void> {
  await site.command({ command: 'switchover', waitForJournals: false });
  await site.until('the proof is asked for', async () => (await site.status()).commands.assertMasterOff.accepted);
  await site.command({ command: 'assertMasterOff', masterName: site.lab.at.master.host, by: 'demo' });
  say('The operator has asserted that the master is off');
}

/** Codes of the events that tell how the end of the master was proven. */
const proofs = ['masterPoweredOff', 'masterLeaseLapsed', 'masterIsolated', 'masterAssertedOff'];

/** The timeline as control recorded it, and the last line for machines. */
async function tell(site: LabSite, killedAtMs: number): Promise<boolean> {
  const events = await site.eventLog();
  const at = (code: string): number => events.findLast((event) => event.code === code)?.atMs ?? Number.NaN;
  for (const { atMs, ja, en } of events)
    console.log(`${((atMs - startedAtMs) / 1000).toFixed(1).padStart(7)} s  · ${en}  (${ja})`);
  const provenBy = events.findLast(({ code }) => proofs.includes(code));
  const speculated = at('substituteVmPoweredOn') < (provenBy?.atMs ?? 0);
  say(`How the fence was proven: ${provenBy?.en ?? 'NOT AT ALL'}`);
  say(`The double was ${speculated ? 'speculated: it was booting before that' : 'booted after that'}`);
  const written = lastWrite(await readFile(site.lab.workloadLogPath, 'utf8'));
  const tally = site.lab.boots ? await site.writes() : undefined;
  const booted = tally !== undefined;
  if (!booted)
    console.log('The boot was SIMULATED: no guest looked at the disk, so nothing is proven about its writes.');
  const result = {
    acknowledgedWrites: tally?.acknowledged ?? null,
    writesFoundInGuest: tally?.found ?? null,
    writesLost: tally?.lost ?? null,
    writesBeforeTheEnd: written,
    detectionMs: at('masterDown') - killedAtMs,
    recoveryTimeMs: at('switchoverCompleted') - (at('masterDown') || at('takeoverBegun')),
    outageMs: at('switchoverCompleted') - killedAtMs,
    fence: provenBy?.code ?? null,
    speculated,
    booted,
    hypervisor: booted ? 'esxi-soap+qemu' : 'esxi-soap+simulated-boot',
  };
  console.log(JSON.stringify(result));
  // Without a guest that looked, nobody knows: unknown is not success.
  return booted && tally.lost === 0 && tally.acknowledged > 0 && provenBy !== undefined;
}

const folder = await mkdtemp(join(tmpdir(), 'kagemusha-demo-'));
try {
  const succeeded = await runDemo(folder);
  await rm(folder, { recursive: true, force: true });
  process.exitCode = succeeded ? 0 : 1;
} catch (thrown) {
  console.error(thrown instanceof LabError ? thrown.message : thrown);
  console.error(`The logs are in ${join(folder, 'logs')}.`);
  process.exitCode = 1;
}
