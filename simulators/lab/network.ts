import { readFile } from 'node:fs/promises';
import { run } from './command.ts';

/**
 * The lab's cables: a management network with the appliance, the witness and the master, and the production network that
 * the master serves.
 */
export type LabNetwork = {
  readonly appliance: string;
  readonly witness: string;
  readonly master: string;
  /** The master's address for its users, behind the interface `productionInterface` on it. */
  readonly production: string;
  /** Before a command that starts a machine of its own: it lives in a network namespace that nobody else holds. */
  readonly machine: readonly string[];
  /** Gives the machine of this process its interfaces. */
  plugIn(pid: number): Promise<void>;
  /** Before a command that runs on the machine of this process. */
  onMachineOf(pid: number): readonly string[];
  remove(): Promise<void>;
};

export const productionInterface = 'prod0';
const managementInterface = 'mgmt0';
const firstNet = 7;
const nets = 200;
const mark = 'kagemusha-lab';

/**
 * Makes the networks of one lab, `10.213.N.0/25` and `10.213.N.128/25` with the first free N. Undefined with the reason
 * told where this machine does not let us: the lab then runs on loopback.
 */
export async function makeNetwork(say: (sentence: string) => void): Promise<LabNetwork | undefined> {
  try {
    // Also finds out whether namespaces can be made at all.
    await run('unshare', ['--net', 'true']);
    await removeStale();
    const net = await claimNet();
    try {
      await addLinks(net);
    } catch (thrown) {
      await removeNet(net);
      throw thrown;
    }
    return networkOf(net);
  } catch (thrown) {
    say(`No networks of its own for the master (CAP_NET_ADMIN is needed): ${reasonOf(thrown)}`);
    return undefined;
  }
}

/** Interface names of one lab; the kernel allows 15 characters. */
const linksOf = (net: number) => ({
  management: `kgm${net}m`,
  masterManagement: `kgm${net}mv`,
  /** The switch of the production network, and the host's own cable to it: it has a carrier when everybody is gone. */
  production: `kgm${net}p`,
  masterProduction: `kgm${net}pv`,
  host: `kgm${net}h`,
  hostPort: `kgm${net}hv`,
});

function networkOf(net: number): LabNetwork {
  const { management, masterManagement, production, masterProduction } = linksOf(net);
  const at = (host: number): string => `10.213.${net}.${host}`;
  const plug = async (pid: number, [bridge, port, inside, address]: readonly [string, string, string, string]) => {
    await ip('link', 'add', port, 'type', 'veth', 'peer', 'name', inside, 'netns', String(pid));
    await ip('link', 'set', port, 'master', bridge, 'up');
    const [program = '', ...args] = onMachineOf(pid);
    await run(program, [...args, 'ip', 'address', 'add', `${address}/25`, 'dev', inside]);
    await run(program, [...args, 'ip', 'link', 'set', inside, 'up']);
  };
  return {
    appliance: at(1),
    witness: at(3),
    master: at(2),
    production: at(130),
    machine: ['unshare', '--net', '--'],
    plugIn: async (pid) => {
      const [program = '', ...args] = onMachineOf(pid);
      await run(program, [...args, 'ip', 'link', 'set', 'lo', 'up']);
      await plug(pid, [management, masterManagement, managementInterface, at(2)]);
      await plug(pid, [production, masterProduction, productionInterface, at(130)]);
    },
    onMachineOf,
    remove: () => removeNet(net),
  };
}

/** No `ip netns`: a name would keep the namespace, and a killed master would refuse connections instead of being silent. */
const onMachineOf = (pid: number): readonly string[] => ['nsenter', `--net=/proc/${pid}/ns/net`, '--'];

/** The name of the first bridge is the claim; who it belongs to stands in its alias. */
async function claimNet(): Promise<number> {
  let last: unknown;
  for (let net = firstNet; net < firstNet + nets; net++) {
    const { management } = linksOf(net);
    try {
      await ip('link', 'add', management, 'type', 'bridge');
    } catch (thrown) {
      last = thrown;
      if (/File exists/.test(reasonOf(thrown))) continue;
      throw thrown;
    }
    await ip('link', 'set', management, 'alias', `${mark} ${process.pid} ${await startOf(process.pid)}`);
    return net;
  }
  throw last;
}

async function addLinks(net: number): Promise<void> {
  const { management, production, host, hostPort } = linksOf(net);
  await ip('address', 'add', `10.213.${net}.1/25`, 'dev', management);
  await ip('address', 'add', `10.213.${net}.3/25`, 'dev', management);
  await ip('link', 'set', management, 'up');
  await ip('link', 'add', production, 'type', 'bridge');
  await ip('link', 'add', host, 'type', 'veth', 'peer', 'name', hostPort);
  await ip('link', 'set', hostPort, 'master', production, 'up');
  await ip('link', 'set', production, 'up');
  await ip('address', 'add', `10.213.${net}.129/25`, 'dev', host);
  await ip('link', 'set', host, 'up');
}

/** The master's cables are gone with it; what is not there any more is no complaint. */
async function removeNet(net: number): Promise<void> {
  const { management, production, host, masterManagement, masterProduction } = linksOf(net);
  for (const link of [masterManagement, masterProduction, host, production, management])
    await ip('link', 'delete', link).catch(() => undefined);
}

/** Networks of labs that were killed. */
async function removeStale(): Promise<void> {
  const links = JSON.parse(await ip('-json', 'link', 'show')) as readonly { ifname: string; ifalias?: string }[];
  for (const { ifname, ifalias = '' } of links) {
    const [by, pid = '', startedAt] = ifalias.split(' ');
    const net = /^kgm(\d+)m$/.exec(ifname)?.[1];
    if (by !== mark || net === undefined || (await startOf(Number(pid))) === startedAt) continue;
    await removeNet(Number(net));
  }
}

/** Ticks since boot: the kernel gives ids of processes again, but never with the same start. */
async function startOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

const ip = (...args: readonly string[]): Promise<string> => run('ip', args);
const reasonOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));
