import { join } from 'node:path';
import { LabError } from './labError.ts';
import { root, startLab, usualPorts } from './startLab.ts';

/** `npm start`: brings the lab up and leaves the rest to the person at the browser. */
const say = (sentence: string): void => console.log(sentence);

async function main(): Promise<void> {
  const lab = await startLab({ folder: join(root, '.lab'), ports: usualPorts, say });
  const id = await lab.control.createScenario(
    await lab.scenario({
      name: 'web-server',
      switchover: 'automatic',
      isAlive: { heartbeatMs: 2_000, timeoutMs: 20_000 },
    }),
  );
  const { master, workload } = lab.processes;
  say(`
The lab is up: one machine plays all parts.

  control     ${lab.controlUrl}        <- open this in a browser
  appliance   engine on 127.0.0.1:${lab.ports.appliance}
  master      engine on 127.0.0.1:${lab.ports.master}, disk ${lab.masterDevice} (a workload writes to it all the time)
  ESXi        simulator on https://127.0.0.1:${lab.ports.esxi}/sdk, datastore in ${lab.datastoreFolder}
  boot        ${lab.boots ? 'the substitute VM really boots, in QEMU' : 'SIMULATED: QEMU or a kernel is missing, nothing really boots'}

Try:
  1. press Run, or:  npm run kagemusha -- run ${id}
  2. watch the volume-level synchronization become replication, and the lag
  3. end the master as a power cut does:  kill -9 ${master.pid} ${workload.pid}
  4. after 20 s the double takes its place; see what its guest found on the disk:
     ${join(lab.datastoreFolder, 'datastore1', 'kagemusha-double', 'serial0.log')}

Logs are in ${join(root, '.lab', 'logs')}. Ctrl-C ends the lab.`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void lab.stop().then(() => process.exit(0)));
}

main().catch((thrown: unknown) => {
  console.error(thrown instanceof LabError ? thrown.message : thrown);
  process.exit(1);
});
