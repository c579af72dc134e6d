import { execFile, execFileSync } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { dirname } from 'node:path';
import { PartyFault } from '#machines/faults.ts';
import type { HostNetwork } from '#machines/parties/hostNetwork.ts';
import type { HostAddress } from '#machines/vocabulary.ts';
import { blocking, lifting } from './firewallRules.ts';
import type { Passage } from './firewallRules.ts';

export type LinuxHostNetworkOptions = {
  /** Interfaces of the production network. None: nothing is ever taken down, isolation is only recorded. */
  readonly productionInterfaces: readonly string[];
  /** Ports that the engine and the guard of this host listen on. */
  readonly ports: readonly number[];
  /** Where the routes of interfaces that were taken down are kept; gone with the host's restart, as the routes are. */
  readonly runFolder?: string;
};

const commandMs = 5_000;
/** Names are looked up in this time or not at all: the block does not wait for a dead name server. */
const lookupMs = 1_000;

/**
 * The network of a Linux host on which the guard runs as root: a table of its own in the kernel's firewall where `nft`
 * works, else the production interfaces go down, and with them the way to peers behind them.
 */
export class LinuxHostNetwork implements HostNetwork {
  readonly means: HostNetwork['means'];
  readonly #options: LinuxHostNetworkOptions;

  constructor(options: LinuxHostNetworkOptions) {
    this.#options = options;
    this.means =
      options.productionInterfaces.length === 0 ? 'recordOnly' : hasFirewall(options.ports) ? 'firewall' : 'interfaces';
  }

  /** Fault: `internal` with the effect unknown, with what each means said. */
  async block(peers: readonly HostAddress[]): Promise<void> {
    if (this.means === 'recordOnly') return;
    if (this.means === 'interfaces') return this.#setInterfaces('down');
    try {
      await run('nft', ['-f', '-'], blocking(await this.#passage(peers)));
    } catch (thrown) {
      // The next best: nobody reaches a host whose interfaces are down, the peers included.
      await this.#setInterfaces('down', reasonOf(thrown));
    }
  }

  /** Fault: as `block`. */
  async unblock(): Promise<void> {
    if (this.means === 'recordOnly') return;
    if (this.means === 'firewall') {
      try {
        await run('nft', ['-f', '-'], lifting);
      } catch (thrown) {
        throw new PartyFault('internal', { reason: reasonOf(thrown) }, 'unknown');
      }
    }
    await this.#setInterfaces('up');
  }

  async #setInterfaces(state: 'up' | 'down', before = ''): Promise<void> {
    const set = state === 'down' ? takeDown : bringUp;
    const { productionInterfaces, runFolder = '/run/kagemusha-guard' } = this.#options;
    // Every interface is tried, whatever happens to the others: half an isolation is better than none.
    const results = await Promise.allSettled(
      productionInterfaces.map((name) => set(name, `${runFolder}/${name}.routes`)),
    );
    const reasons = results.flatMap((result) => (result.status === 'rejected' ? [reasonOf(result.reason)] : []));
    if (reasons.length === 0) return;
    throw new PartyFault('internal', { reason: [before, ...reasons].filter(Boolean).join('; ') }, 'unknown');
  }

  async #passage(hosts: readonly HostAddress[]): Promise<Passage> {
    const peers = (await Promise.all(hosts.map(addressesOf))).flat();
    const neighbours = await Promise.all(peers.filter(({ address }) => isIPv4(address)).map(nextHopOf));
    return { peers, neighbours: [...new Set(neighbours.flat())], ports: this.#options.ports };
  }
}

/** The kernel forgets the routes of an interface that goes down; its IPv4 addresses stay. */
async function takeDown(name: string, keptPath: string): Promise<void> {
  try {
    const routes = await run('ip', ['-4', 'route', 'show', 'dev', name]);
    // None: it is down already, and what was kept then holds.
    if (routes.trim() !== '') {
      await mkdir(dirname(keptPath), { recursive: true, mode: 0o700 });
      await writeFile(keptPath, routes);
    }
  } catch {
    // Routes that are lost are mended by hand; a host that stays on its network is not.
  }
  await run('ip', ['link', 'set', 'dev', name, 'down']);
}

async function bringUp(name: string, keptPath: string): Promise<void> {
  await run('ip', ['link', 'set', 'dev', name, 'up']);
  const kept = await readFile(keptPath, 'utf8').catch(() => '');
  // Those without a gateway come first: the others are reached through them.
  const routes = kept.split('\n').filter((line) => line.trim() !== '');
  for (const route of routes.toSorted((a, b) => Number(a.includes(' via ')) - Number(b.includes(' via '))))
    await run('ip', [
      '-4',
      'route',
      'replace',
      ...route
        .trim()
        .split(/\s+/)
        .filter((word) => word !== 'linkdown'),
      'dev',
      name,
    ]);
  await rm(keptPath, { force: true });
}

/** The kernel is asked whether it would take the rules; nothing is changed. */
function hasFirewall(ports: readonly number[]): boolean {
  const input = blocking({ peers: [{ address: '192.0.2.1', port: 1 }], neighbours: ['192.0.2.1'], ports });
  try {
    execFileSync('nft', ['--check', '-f', '-'], { input, stdio: ['pipe', 'ignore', 'ignore'], timeout: commandMs });
    return true;
  } catch {
    return false;
  }
}

async function addressesOf({
  host,
  port,
}: HostAddress): Promise<{ readonly address: string; readonly port: number }[]> {
  const timer = AbortSignal.timeout(lookupMs);
  const late = new Promise<never>((_, reject) => timer.addEventListener('abort', () => reject(new Error('late'))));
  try {
    const found = await Promise.race([lookup(host, { all: true }), late]);
    return found.map(({ address }) => ({ address, port }));
  } catch {
    // A peer nobody can find is not let through; the block itself is what matters.
    return [];
  }
}

/** The peer itself on its own link, else the gateway towards it. */
async function nextHopOf({ address }: { readonly address: string }): Promise<string[]> {
  try {
    const [route] = JSON.parse(await run('ip', ['-j', 'route', 'get', address])) as { gateway?: string }[];
    return [route?.gateway ?? address];
  } catch {
    return [address];
  }
}

function run(command: string, args: readonly string[], input?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, { timeout: commandMs }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${command}: ${stderr.trim() || error.message}`));
      else resolve(stdout);
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

const reasonOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));
