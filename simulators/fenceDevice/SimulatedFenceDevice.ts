import { PartyFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { FenceDevice } from '#machines/parties/fenceDevice.ts';
import type { Intent } from '#machines/parties/intent.ts';
import { EpochGuard } from '#engine/core/epochGuard.ts';
import { provenOff } from '#engine/core/provenOff.ts';
import type { Power } from '#engine/core/provenOff.ts';

/** The machine whose power it is: the simulated master. */
export type PoweredMachine = { readonly power: () => 'on' | 'off'; readonly cutPower: () => void };

/** What happens to an order: its answer is lost before or after the effect, or success is claimed without one. */
export type FenceTrouble = 'lostBefore' | 'lostAfter' | 'claimedOnly' | 'refused';

export type SimulatedFenceParts = {
  readonly clock: Clock;
  readonly machine: PoweredMachine;
  readonly host?: string;
  readonly identity?: string;
  /** Whether the device can be reached now; always when not given. */
  readonly reachable?: () => boolean;
  /** Whether it accepts our password. */
  readonly knowsPassword?: () => boolean;
  /** How long each answer takes, milliseconds. */
  readonly latencyMs?: number;
  readonly pollMs?: number;
};

/** A BMC in memory, in the time of the clock that is handed in. */
export class SimulatedFenceDevice implements FenceDevice {
  readonly #parts: SimulatedFenceParts;
  readonly #host: string;
  readonly #epochs = new EpochGuard();
  readonly #troubles: FenceTrouble[] = [];
  #loggedIn = false;
  #refused = false;
  /** How often a password was sent. */
  logins = 0;
  /** How often an order to cut the power arrived. */
  orders = 0;
  /** How long the machine keeps its power after an order that was answered, milliseconds. */
  offAfterMs = 0;

  constructor(parts: SimulatedFenceParts) {
    this.#parts = parts;
    this.#host = parts.host ?? 'bmc';
  }

  /** Plans what happens to the next orders, one after the other. */
  fail(...troubles: readonly FenceTrouble[]): void {
    this.#troubles.push(...troubles);
  }

  async describe(): Promise<{ readonly power: Power; readonly identity: string }> {
    await this.#asked('none');
    return { power: this.#parts.machine.power(), identity: this.#parts.identity ?? 'Simulated BMC 4009412486' };
  }

  async powerOff(intent: Intent): Promise<void> {
    this.#epochs.admit(intent);
    const { clock, pollMs = 500 } = this.#parts;
    const read = async (): Promise<Power> => (await this.describe()).power;
    await provenOff({ host: this.#host, clock, pollMs, read, cut: () => this.#cut() }, intent);
  }

  async close(): Promise<void> {}

  async #cut(): Promise<void> {
    await this.#asked('unknown');
    this.orders += 1;
    const trouble = this.#troubles.shift();
    const host = this.#host;
    if (trouble === 'refused') throw new PartyFault('fenceDeviceRefused', { host, reason: 'planned' });
    const { clock, machine } = this.#parts;
    if (trouble === undefined || trouble === 'lostAfter') clock.after(this.offAfterMs, () => machine.cutPower());
    if (trouble === 'lostBefore' || trouble === 'lostAfter') throw new PartyFault('effectUnknown', { host });
  }

  /** Every exchange: there, in time, and with the right password. */
  async #asked(whenLost: 'none' | 'unknown'): Promise<void> {
    const { clock, latencyMs = 100, reachable = () => true, knowsPassword = () => true } = this.#parts;
    const host = this.#host;
    if (this.#refused) throw new PartyFault('badCredentials', { host });
    if (!reachable()) throw new PartyFault('unreachable', { host, reason: 'ETIMEDOUT' });
    await clock.sleep(latencyMs);
    if (!reachable()) {
      throw whenLost === 'none'
        ? new PartyFault('unreachable', { host, reason: 'ETIMEDOUT' })
        : new PartyFault('effectUnknown', { host });
    }
    if (this.#loggedIn) return;
    this.logins += 1;
    this.#loggedIn = knowsPassword();
    this.#refused = !this.#loggedIn;
    if (this.#refused) throw new PartyFault('badCredentials', { host });
  }
}
