import { PartyFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { FenceDevice } from '#machines/parties/fenceDevice.ts';
import type { Intent } from '#machines/parties/intent.ts';
import { EpochGuard } from '#engine/core/epochGuard.ts';
import { provenOff } from '#engine/core/provenOff.ts';
import type { Power } from '#engine/core/provenOff.ts';
import { parseSystem, reasonOf } from './redfishMessages.ts';
import type { RedfishSystem } from './redfishMessages.ts';
import { RedfishSession } from './RedfishSession.ts';
import type { RedfishAccount } from './RedfishSession.ts';

export type RedfishOptions = RedfishAccount & {
  /** Id of the master's `ComputerSystem`, e.g. `1` or `System.Embedded.1`. */
  readonly systemId: string;
  readonly clock: Clock;
  /** Between two looks at the power, milliseconds. */
  readonly pollMs?: number;
  /** The longest wait for one answer, milliseconds. */
  readonly callTimeoutMs?: number;
};

/** The master's BMC over Redfish (DSP0266). Connects when it is first asked something. */
export class RedfishFenceDevice implements FenceDevice {
  readonly #options: RedfishOptions;
  readonly #session: RedfishSession;
  readonly #path: string;
  readonly #epochs = new EpochGuard();

  constructor(options: RedfishOptions) {
    this.#options = options;
    this.#session = new RedfishSession(options);
    this.#path = `/redfish/v1/Systems/${encodeURIComponent(options.systemId)}`;
  }

  async describe(): Promise<{ readonly power: Power; readonly identity: string }> {
    const { power, identity } = await this.#read(Number.POSITIVE_INFINITY);
    return { power, identity };
  }

  async powerOff(intent: Intent): Promise<void> {
    const { host, clock, pollMs = 500 } = this.#options;
    this.#epochs.admit(intent);
    let system: RedfishSystem | undefined;
    await provenOff(
      {
        host,
        clock,
        pollMs,
        read: async () => {
          system = await this.#read(intent.deadlineAtMs);
          return system.power;
        },
        cut: async () => {
          if (system) await this.#forceOff(system, intent.deadlineAtMs);
        },
      },
      intent,
    );
  }

  async close(): Promise<void> {
    await this.#session.close();
  }

  async #read(deadlineAtMs: number): Promise<RedfishSystem> {
    const { host } = this.#options;
    const timeoutMs = this.#timeoutMs(deadlineAtMs);
    const { status, text } = await this.#session.call({ method: 'GET', path: this.#path, timeoutMs, mutating: false });
    if (status === 404) throw new PartyFault('notFound', { object: this.#path });
    if (status === 403) throw new PartyFault('fenceDeviceRefused', { host, reason: reasonOf(status, text) });
    const system = status === 200 ? parseSystem(text, this.#path) : undefined;
    if (system === undefined) throw new PartyFault('unreachable', { host, reason: reasonOf(status, text) });
    return system;
  }

  /** Any 2xx is only a promise: some devices answer 202 and take their time. */
  async #forceOff({ resetPath, resetTypes }: RedfishSystem, deadlineAtMs: number): Promise<void> {
    const { host } = this.#options;
    if (resetTypes !== undefined && !resetTypes.includes('ForceOff')) {
      throw new PartyFault('fenceDeviceRefused', { host, reason: `ForceOff is not one of ${resetTypes.join(', ')}` });
    }
    const { status, text } = await this.#session.call({
      method: 'POST',
      path: resetPath,
      body: { ResetType: 'ForceOff' },
      timeoutMs: this.#timeoutMs(deadlineAtMs),
      mutating: true,
    });
    if (status >= 200 && status < 300) return;
    // A busy or failing device may have done it all the same: the power tells.
    if (status >= 500 || status === 429) throw new PartyFault('effectUnknown', { host });
    throw new PartyFault('fenceDeviceRefused', { host, reason: reasonOf(status, text) });
  }

  /** A look at the very deadline still gets a second: an answer then is worth more than the time. */
  #timeoutMs(deadlineAtMs: number): number {
    const { clock, callTimeoutMs = 10_000 } = this.#options;
    return Math.max(1000, Math.min(callTimeoutMs, Math.ceil(deadlineAtMs - clock.nowMs())));
  }
}
