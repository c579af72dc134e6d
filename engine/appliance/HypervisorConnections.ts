import { toFault } from '#machines/faults.ts';
import type { Hypervisor, HypervisorInventory } from '#machines/parties/hypervisor.ts';
import type { ScenarioDefinition } from '#machines/vocabulary.ts';
import type { Secrets } from './Secrets.ts';

type Place = ScenarioDefinition['hypervisor'];

/**
 * One connection for each account of a host, shared by all scenarios on it. A connection remembers that its password
 * was refused, so sharing it is what keeps several scenarios, and people who look, from locking the account together.
 */
export class HypervisorConnections {
  readonly #connect: (place: Place, password: string) => Hypervisor;
  readonly #secrets: Secrets;
  readonly #connections = new Map<string, Hypervisor>();
  /** Which connection a scenario speaks over. */
  readonly #keys = new Map<string, string>();

  constructor(connect: (place: Place, password: string) => Hypervisor, secrets: Secrets) {
    this.#connect = connect;
    this.#secrets = secrets;
  }

  /** The scenario's; a changed address, pin or password means a new one. Faults: `invalidSpec` without a password. */
  of(scenario: string, place: Place): Hypervisor {
    const key = this.#keyOf(place);
    const connection = this.#connections.get(key) ?? this.#open(place);
    const before = this.#keys.get(scenario);
    this.#connections.set(key, connection);
    this.#keys.set(scenario, key);
    if (before !== undefined && before !== key) this.#closeUnused(before);
    return connection;
  }

  /** What a host has, for somebody who chooses. Faults: those of `Hypervisor.inspect`. */
  async inspect(place: Place): Promise<HypervisorInventory> {
    const key = this.#keyOf(place);
    const known = this.#connections.get(key);
    if (known) return known.inspect();
    const connection = this.#open(place);
    try {
      const inventory = await connection.inspect();
      void connection.close().catch(() => {});
      return inventory;
    } catch (thrown) {
      if (toFault(thrown).code === 'badCredentials') this.#connections.set(key, connection);
      else void connection.close().catch(() => {});
      throw thrown;
    }
  }

  async close(): Promise<void> {
    for (const connection of this.#connections.values()) await connection.close().catch(() => {});
  }

  #open(place: Place): Hypervisor {
    return this.#connect(place, this.#secrets.get(place.secretName));
  }

  #closeUnused(key: string): void {
    if ([...this.#keys.values()].includes(key)) return;
    void this.#connections
      .get(key)
      ?.close()
      .catch(() => {});
    this.#connections.delete(key);
  }

  /** Everything that decides who is asked, and as whom; a password that is typed again counts as another. */
  #keyOf({ host, port, user, secretName, certificateSha256 }: Place): string {
    return JSON.stringify([host, port, user, certificateSha256, secretName, this.#secrets.generation(secretName)]);
  }
}
