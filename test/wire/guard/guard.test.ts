import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Engine } from '#engine/Engine.ts';
import { SystemClock } from '#engine/adapters/clock/SystemClock.ts';
import { DiskFiles } from '#engine/adapters/files/DiskFiles.ts';
import { createAuthority, issue } from '#engine/adapters/network/certificateAuthority.ts';
import type { CertificateAuthority } from '#engine/adapters/network/certificateAuthority.ts';
import { TlsNetwork } from '#engine/adapters/network/TlsNetwork.ts';
import { SystemRandom } from '#engine/adapters/random/SystemRandom.ts';
import { RemoteGuard } from '#engine/appliance/RemoteGuard.ts';
import { RemoteWitness } from '#engine/appliance/RemoteWitness.ts';
import { LeaseVoter } from '#machines/masterGuard/leaseVoter.ts';
import type { GuardTerms } from '#machines/parties/masterGuard.ts';
import { scenarioId } from '#machines/vocabulary.ts';
import { hasFirewall, NamespaceHost, noNamespacesBecause } from '#test/contracts/hostNetwork/namespaceHost.ts';

const program = join(import.meta.dirname, '..', '..', '..', 'engine', 'main.ts');
const id = scenarioId('4009412486');
const clock = new SystemClock();
const guardPort = 25_101;
const timing = {
  renewMs: 300,
  leaseMs: 1_500,
  guardPollMs: 100,
  guardRestartMs: 5_000,
  watchdogMs: 0,
  actuationMs: 1_000,
  roundTripMs: 250,
  driftPpm: 5_000,
  marginMs: 100,
};

/** A guard's own process on a host of its own network, a witness's own process, and the appliance's side of both. */
class RealSite {
  readonly folder = mkdtempSync(join(tmpdir(), 'kagemusha-guard-'));
  readonly host: NamespaceHost;
  readonly terms: GuardTerms;
  guard!: RemoteGuard;
  witness!: RemoteWitness;
  appliance!: Engine;
  readonly #authority: CertificateAuthority;
  readonly #processes = new Map<string, ChildProcess>();
  #network!: TlsNetwork;
  #tickets = 0;

  private constructor(host: NamespaceHost, authority: CertificateAuthority) {
    this.host = host;
    this.#authority = authority;
    const [appliance, witness] = host.peers.map((peer) => ({ host: peer.host, port: 25_100 }));
    this.terms = {
      at: { host: host.address, port: guardPort },
      appliance: appliance!,
      witness: witness!,
      policy: 'automatic',
      timing,
    };
  }

  static async start(): Promise<RealSite> {
    const site = new RealSite(await NamespaceHost.start(), await createAuthority('guard test'));
    const identity = await issue(site.#authority, { commonName: 'appliance', hosts: [site.terms.appliance.host] });
    site.#network = new TlsNetwork(identity);
    const line = { network: site.#network, clock, node: 'appliance' };
    site.guard = new RemoteGuard(line, id);
    site.witness = new RemoteWitness(line, id);
    await site.startAppliance();
    await site.startWitness();
    await site.startGuard();
    return site;
  }

  intent(epoch: number) {
    this.#tickets += 1;
    return { ticket: `t${this.#tickets}`, scenarioId: id, epoch, deadlineAtMs: Date.now() + 10_000 };
  }

  async startAppliance(): Promise<void> {
    const voter = new LeaseVoter({
      files: new DiskFiles(),
      clock,
      random: new SystemRandom(),
      path: join(this.folder, 'appliance.json'),
      voter: 'appliance',
    });
    await voter.start();
    this.appliance = new Engine({
      node: 'appliance',
      listen: this.terms.appliance,
      clock,
      network: this.#network,
      handlers: [{ 'lease.renew': (renewal) => voter.renew(renewal) }],
    });
    await this.appliance.start();
  }

  startWitness(): Promise<void> {
    return this.#start('witness', { listen: this.terms.witness, witness: {} });
  }

  startGuard(): Promise<void> {
    const guard = { productionInterfaces: [NamespaceHost.nic], enginePort: 25_000 };
    return this.#start('guard', { listen: { host: '0.0.0.0', port: guardPort }, guard }, [
      'netns',
      'exec',
      this.host.name,
    ]);
  }

  async kill(name: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#processes.get(name);
    if (!child) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
    this.#processes.delete(name);
  }

  async stop(): Promise<void> {
    for (const name of ['guard', 'witness']) await this.kill(name);
    await this.appliance.stop();
    await this.host.tearDown();
    rmSync(this.folder, { recursive: true });
  }

  async #start(name: string, settings: object, within: readonly string[] = []): Promise<void> {
    const hosts = [this.host.address, this.terms.witness!.host];
    const { caPem, certPem, keyPem } = await issue(this.#authority, { commonName: name, hosts });
    const file = (ending: string, text: string): string => {
      const path = join(this.folder, `${name}.${ending}`);
      writeFileSync(path, text, { mode: 0o600 });
      return path;
    };
    const tls = {
      caFile: file('ca.pem', caPem),
      certFile: file('cert.pem', certPem),
      keyFile: file('key.pem', keyPem),
    };
    const config = file('json', JSON.stringify({ node: name, folder: join(this.folder, name), tls, ...settings }));
    const command = [process.execPath, program, '--config', config];
    const [first = '', ...rest] = within.length > 0 ? ['ip', ...within, ...command] : command;
    const child = spawn(first, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#processes.set(name, child);
    await new Promise<void>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`${name} ended with ${code}`)));
      createInterface({ input: child.stdout! }).on('line', (line) => {
        if (line.includes('"listening"')) resolve();
      });
    });
  }
}

const soon = { timeout: 15_000, interval: 100 };

describe.skipIf(noNamespacesBecause !== undefined || !hasFirewall)(
  'a guard in a process of its own, over TLS and nft',
  () => {
    let site: RealSite;
    beforeAll(async () => {
      site = await RealSite.start();
    });
    afterAll(() => site.stop());

    it('describes itself, arms with a lease of both voters, and serves', async () => {
      expect(await site.guard.describe(site.terms.at)).toMatchObject({ epoch: 0, armed: false, isolation: 'firewall' });
      const { generation } = await site.witness.read(site.terms.witness!);
      expect(generation).toMatch(/^[0-9a-f-]{36}$/);
      await site.guard.arm(site.terms, site.intent(1));
      expect(await site.guard.describe(site.terms.at)).toMatchObject({ epoch: 1, armed: true, isolated: false });
      expect(await site.host.serves()).toBe(true);
    });

    it('without both voters its host serves nobody; the appliance still reaches the guard; one voter brings it back', async () => {
      await site.appliance.stop();
      await site.kill('witness');
      await vi.waitFor(async () => expect(await site.host.serves()).toBe(false), soon);
      const description = await site.guard.describe(site.terms.at);
      expect(description).toMatchObject({ isolated: true, armed: true });
      expect(description.actuationMs).toBeLessThan(timing.actuationMs);
      await site.startWitness();
      await vi.waitFor(async () => expect(await site.host.serves()).toBe(true), soon);
      await site.startAppliance();
    });

    it('killed without leave, its next process isolates first and serves once it has a lease', async () => {
      await site.appliance.stop();
      await site.kill('witness');
      await site.kill('guard');
      expect(await site.host.serves()).toBe(true);
      await site.startGuard();
      await vi.waitFor(async () => expect(await site.host.serves()).toBe(false), soon);
      expect(await site.guard.describe(site.terms.at)).toMatchObject({ isolated: true, epoch: 1 });
      await site.startAppliance();
      await site.startWitness();
      await vi.waitFor(async () => expect(await site.host.serves()).toBe(true), soon);
    });

    it('a commanded isolation is answered when the host is off, over a restart too, and a rejoin brings it back', async () => {
      await site.guard.isolate(site.terms.at, site.intent(2));
      expect(await site.host.serves()).toBe(false);
      await site.kill('guard', 'SIGTERM');
      await site.startGuard();
      await vi.waitFor(
        async () => expect(await site.guard.describe(site.terms.at)).toMatchObject({ isolated: true, epoch: 2 }),
        soon,
      );
      expect(await site.host.serves()).toBe(false);
      await site.guard.rejoin({ ...site.terms.at, commandedIn: 2 }, site.intent(3));
      await vi.waitFor(async () => expect(await site.host.serves()).toBe(true), soon);
    });

    it('a witness keeps its promise over kill -9', async () => {
      const { generation } = await site.witness.read(site.terms.witness!);
      await site.witness.claim({ ...site.terms.witness!, quietForMs: 0, generation }, site.intent(4));
      await site.kill('witness');
      await site.startWitness();
      expect(await site.witness.read(site.terms.witness!)).toMatchObject({ generation, claimedEpoch: 4 });
      await site.witness.release(site.terms.witness!, site.intent(4));
      expect((await site.witness.read(site.terms.witness!)).claimedEpoch).toBeUndefined();
    });
  },
);
