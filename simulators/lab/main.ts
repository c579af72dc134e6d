import { join } from 'node:path';
import type { HostAddress } from '#machines/vocabulary.ts';
import { LabError } from './labError.ts';
import { substituteVmName } from './labScenario.ts';
import { root } from './parts.ts';
import { startLab, usualPorts } from './startLab.ts';

/** `npm start`: brings the lab up and leaves the rest to the person at the browser. */
const say = (sentence: string): void => console.log(sentence);

const afterwards = `5. after 10 s its double boots unplugged; after 20 s the BMC has proven that the master is off, and the double takes its
     place. (Kill the guard alone instead, or freeze the engine with kill -STOP: nothing is switched over while one lives.)`;

async function main(): Promise<void> {
  const lab = await startLab({ folder: join(root, '.lab'), ports: usualPorts, say });
  const id = await lab.control.createScenario(
    await lab.scenario({
      name: 'web-server',
      switchover: lab.fenced ? 'automatic' : 'manual',
      isAlive: { heartbeatMs: 2_000, timeoutMs: 20_000 },
    }),
  );
  const { engine, guard, workload } = lab.master;
  const { at } = lab;
  const place = ({ host, port }: HostAddress): string => `${host}:${port}`;
  say(`
The lab is up: one machine plays all parts.

  control     ${lab.controlUrl}        <- open this in a browser
  appliance   engine on ${place(at.appliance)}
  master      engine on ${place(at.master)}, guard on ${place(at.guard)}, disk ${lab.masterDevice} (a workload writes to it all the time)
  witness     ${at.witness ? `engine on ${place(at.witness)}` : 'none: without networks of its own nothing here is a third voter'}
  BMC         Redfish simulator on https://${place(at.bmc)}: it cuts the power of the master
  ESXi        simulator on https://${place(at.esxi)}/sdk, datastore in ${lab.datastoreFolder}
  boot        ${lab.boots ? 'the substitute VM really boots, in QEMU' : 'SIMULATED: QEMU or a kernel is missing, nothing really boots'}

Try:
  1. press Run, or:  npm run kagemusha -- run ${id}
  2. watch the volume-level synchronization become replication, and the lag
  3. ask why nothing is switched over:  npm run kagemusha -- why ${id}
  4. end the master as a power cut does:  kill -9 ${engine.pid} ${guard.pid} ${workload.pid}
  ${
    lab.fenced
      ? afterwards
      : `5. command the switchover, then vouch for it:
     npm run kagemusha -- switchover ${id} --no-wait-for-journals
     npm run kagemusha -- assert-master-off ${id} --master-name ${at.master.host}`
  }
  6. see what the guest of the double found on its disk:
     ${join(lab.datastoreFolder, 'datastore1', substituteVmName, 'serial0.log')}

Logs are in ${join(root, '.lab', 'logs')}. Ctrl-C ends the lab.`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void lab.stop().then(() => process.exit(0)));
}

main().catch((thrown: unknown) => {
  console.error(thrown instanceof LabError ? thrown.message : thrown);
  process.exit(1);
});
