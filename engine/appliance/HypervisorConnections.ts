import { toFault } from '#machines/faults.ts';
import type { Hypervisor, HypervisorInventory } from '#machines/parties/hypervisor.ts';
import type { ScenarioDefinition } from '#machines/vocabulary.ts';
import { oneChangeAtATime, Turns } from './oneChangeAtATime.ts';
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
  /** A scenario's changes queue behind each other even when it changes the connection meanwhile. */
  readonly #turns = new Map<string, Turns>();

  constructor(connect: (place: Place, password: string) => Hypervisor, secrets: Secrets) {
    this.#connect = connect;
    this.#secrets = secrets;
  }

  /**
   * The scenario's, one change at a time; a changed address, pin or password means a new one. Faults: `invalidSpec`
   * without a password.
   */
  of(scenario: string, place: Place): Hypervisor {
    const key = this.#keyOf(place);
    const connection = this.#connections.get(key) ?? this.#open(place);
    const before = this.#keys.get(scenario);
    this.#connections.set(key, connection);
    this.#keys.set(scenario, key);
    const turns = this.#turns.get(scenario) ?? new Turns();
    this.#turns.set(scenario, turns);
    if (before !== undefined && before !== key) this.#closeUnused(before, turns);
    return oneChangeAtATime(connection, turns);
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

  /** In its turn: closing under a change that is under way would lose its answer. */
  #closeUnused(key: string, turns: Turns): void {
    if ([...this.#keys.values()].includes(key)) return;
    const connection = this.#connections.get(key);
    this.#connections.delete(key);
    if (connection !== undefined) void turns.take(() => connection.close()).catch(() => {});
  }

  /** Everything that decides who is asked, and as whom; a password that is typed again counts as another. */
  #keyOf({ host, port, user, secretName, certificateSha256 }: Place): string {
    return JSON.stringify([host, port, user, certificateSha256, secretName, this.#secrets.generation(secretName)]);
  }
}
