import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PartyFault } from '#machines/faults.ts';
import type { Fault } from '#machines/faults.ts';
import type { HostNetwork } from '#machines/parties/hostNetwork.ts';
import type { HostAddress } from '#machines/vocabulary.ts';

export const productionPort = 8_080;
export const ports = [25_000, 25_001] as const;
const peerPort = 25_000;
const reachMs = 400;

const ip = (...args: string[]): void => void execFileSync('ip', args, { stdio: 'pipe' });
const has = (command: string): boolean => {
  try {
    return execFileSync('which', [command], { stdio: 'pipe' }).length > 0;
  } catch {
    return false;
  }
};

export const noNamespacesBecause: string | undefined = (() => {
  if (process.getuid?.() !== 0) return 'not root';
  if (!has('ip')) return 'no ip command';
  try {
    execFileSync('unshare', ['-n', 'ip', 'link', 'add', 'kgmtest', 'type', 'veth'], { stdio: 'pipe' });
    return undefined;
  } catch {
    return 'no veth can be made here';
  }
})();
export const hasFirewall = has('nft');

type Link = { readonly near: string; readonly nic: string; readonly net: string };

/** A host in a network namespace, at the far end of two links; the near ends have its clients' and peers' addresses. */
export class NamespaceHost {
  /** Interface that its clients come in by. */
  static readonly nic = 'prod0';
  readonly #name: string;
  readonly #child: ReturnType<typeof spawn>;
  readonly #answers: ((answer: { value?: unknown; fault?: Fault }) => void)[] = [];
  readonly #listeners: Server[] = [];
  readonly #binFolder: string;
  /** Two links, as a host with a management network has them: whom it knows on one says nothing about the other. */
  readonly #links: Readonly<Record<'peers' | 'clients', Link>>;
  #means: HostNetwork['means'] = 'recordOnly';

  private constructor(which: number, options: { readonly interfaces: readonly string[]; readonly firewall: boolean }) {
    this.#name = `kgm${process.pid}${which}`;
    this.#links = {
      peers: { near: `p${this.#name}`.slice(0, 15), nic: 'mgmt0', net: `198.18.${process.pid % 250}` },
      clients: { near: `c${this.#name}`.slice(0, 15), nic: NamespaceHost.nic, net: `198.19.${process.pid % 250}` },
    };
    ip('netns', 'add', this.#name);
    const inside = ['netns', 'exec', this.#name, 'ip'];
    ip(...inside, 'link', 'set', 'lo', 'up');
    for (const { near, nic, net } of Object.values(this.#links)) {
      ip('link', 'add', near, 'type', 'veth', 'peer', 'name', nic, 'netns', this.#name);
      for (const last of [1, 2, 3]) ip('addr', 'add', `${net}.${last}/24`, 'dev', near);
      ip('link', 'set', near, 'up');
      ip(...inside, 'addr', 'add', `${net}.10/24`, 'dev', nic);
      ip(...inside, 'link', 'set', nic, 'up');
    }
    ip(...inside, 'route', 'add', 'default', 'via', `${this.#links.clients.net}.1`);
    this.#binFolder = mkdtempSync(join(tmpdir(), 'kagemusha-bin-'));
    for (const command of ['ip', ...(options.firewall ? ['nft'] : [])])
      symlinkSync(execFileSync('which', [command], { encoding: 'utf8' }).trim(), join(this.#binFolder, command));
    const program = join(import.meta.dirname, 'inNamespace.ts');
    const args = [
      'netns',
      'exec',
      this.#name,
      process.execPath,
      program,
      options.interfaces.join(','),
      this.#binFolder,
    ];
    this.#child = spawn(execFileSync('which', ['ip'], { encoding: 'utf8' }).trim(), args, {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { PATH: this.#binFolder },
    });
    createInterface({ input: this.#child.stdout! }).on('line', (line) => this.#answers.shift()?.(JSON.parse(line)));
  }

  static async start(
    options: { readonly interfaces?: readonly string[]; readonly firewall?: boolean } = {},
  ): Promise<NamespaceHost> {
    const host = new NamespaceHost((started += 1), {
      interfaces: options.interfaces ?? [NamespaceHost.nic],
      firewall: options.firewall ?? true,
    });
    for (const { host: address, port } of host.peers) {
      const listener = createServer((socket) => socket.on('error', () => {}).end());
      host.#listeners.push(listener);
      await new Promise<void>((resolve) => listener.listen(port, address, resolve));
    }
    host.#means = (await host.#ask({ call: 'means' })) as HostNetwork['means'];
    return host;
  }

  /** Of the namespace, for `ip netns exec`. */
  get name(): string {
    return this.#name;
  }

  get address(): string {
    return `${this.#links.peers.net}.10`;
  }

  get peers(): readonly [HostAddress, HostAddress] {
    return [
      { host: `${this.#links.peers.net}.1`, port: peerPort },
      { host: `${this.#links.peers.net}.2`, port: peerPort },
    ];
  }

  get hostNetwork(): HostNetwork {
    return {
      means: this.#means,
      block: async (peers) => void (await this.#ask({ call: 'block', peers })),
      unblock: async () => void (await this.#ask({ call: 'unblock' })),
    };
  }

  async routes(): Promise<readonly string[]> {
    return (await this.#ask({ call: 'routes' })) as readonly string[];
  }

  serves(): Promise<boolean> {
    return this.#reaches(this.#links.clients, 3, productionPort);
  }

  /** Both directions: the peer dials the guard, and the guard the peer. */
  async speaksWith(peer: HostAddress): Promise<boolean> {
    const [inward, outward] = [
      await this.#reaches(this.#links.peers, Number(peer.host.split('.')[3]), 25_001),
      await this.#ask({ call: 'dial', ...peer }),
    ];
    if (inward !== outward) throw new Error(`only one direction works: in ${inward}, out ${String(outward)}`);
    return inward;
  }

  /** A client's connection that stays open; `echoes` says whether what it sends comes back. */
  async client(): Promise<{ echoes(): Promise<boolean>; close(): void }> {
    const { net } = this.#links.clients;
    const socket = connect({ host: `${net}.10`, port: productionPort, localAddress: `${net}.3` });
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('connect', resolve));
    return { echoes: () => echoes(socket), close: () => void socket.destroy() };
  }

  async tearDown(): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await ended;
    ip('netns', 'del', this.#name);
    // The kernel takes the links down with their namespace, a moment later.
    for (const { near } of Object.values(this.#links)) {
      try {
        ip('link', 'del', near);
      } catch {
        // Gone already.
      }
    }
    rmSync(this.#binFolder, { recursive: true });
  }

  #ask(call: object): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#answers.push(({ value, fault }) =>
        fault ? reject(new PartyFault(fault.code, fault.params, fault.effect)) : resolve(value),
      );
      this.#child.stdin!.write(`${JSON.stringify(call)}\n`);
    });
  }

  #reaches({ near, net }: Link, from: number, port: number): Promise<boolean> {
    // One machine plays several: each asks by itself who has the address.
    try {
      ip('neigh', 'del', `${net}.10`, 'dev', near);
    } catch {
      // Nobody has asked yet.
    }
    return new Promise((resolve) => {
      const socket = connect({ host: `${net}.10`, port, localAddress: `${net}.${from}` });
      const end = (reached: boolean): void => {
        clearTimeout(timer);
        socket.destroy();
        resolve(reached);
      };
      const timer = setTimeout(() => end(false), reachMs);
      socket.once('connect', () => end(true));
      socket.once('error', () => end(false));
    });
  }
}

let started = 0;

function echoes(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), reachMs);
    socket.once('data', () => {
      clearTimeout(timer);
      resolve(true);
    });
    socket.write('x');
  });
}
