import { PartyFault, toFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { Intent } from '#machines/parties/intent.ts';

export type Power = 'on' | 'off' | 'unknown';

/** One machine's power as somebody outside of it sees and takes it. */
export type PowerSwitch = {
  /** For people, in faults. */
  readonly host: string;
  readonly clock: Clock;
  /** How long to wait between two looks, milliseconds. */
  readonly pollMs: number;
  read(): Promise<Power>;
  /** Asks for the power to be cut. That it resolves proves nothing: only `read` does. */
  cut(): Promise<void>;
};

/**
 * Cuts a machine's power and resolves when it was read back as off, whatever was answered meanwhile. An order whose
 * answer was lost is reconciled by reading, and repeated only when the machine is still on: cutting twice harms nobody.
 *
 * Faults: those of the switch, before an order is out; `fenceDeviceRefused` and other refusals while the power is on;
 * `timedOut` (still on at the intent's deadline) and `effectUnknown` (could not be read any more), both with the effect
 * unknown once an order is out.
 */
export async function provenOff(power: PowerSwitch, { deadlineAtMs }: Intent): Promise<void> {
  const { clock, host, pollMs } = power;
  const what = `power off ${host}`;
  if (clock.nowMs() >= deadlineAtMs) throw new PartyFault('timedOut', { what }, 'none');
  let isOut = false;
  let isWanted = true;
  for (;;) {
    const seen = await readPower(power, isOut);
    if (seen === 'off') return;
    const leftMs = deadlineAtMs - clock.nowMs();
    if (leftMs <= 0) {
      if (isOut && seen === 'unreadable') throw new PartyFault('effectUnknown', { host });
      throw new PartyFault('timedOut', { what }, isOut ? 'unknown' : 'none');
    }
    if (isWanted && seen !== 'unreadable') {
      isWanted = (await cutOnce(power, isOut)) === 'lost';
      isOut = true;
    }
    await clock.sleep(Math.min(pollMs, leftMs));
  }
}

/** Before an order is out a silent device is told at once; afterwards it may come back within the deadline. */
async function readPower(power: PowerSwitch, isOut: boolean): Promise<Power | 'unreadable'> {
  try {
    return await power.read();
  } catch (thrown) {
    if (!isOut) throw thrown;
    const { code, params, duration } = toFault(thrown);
    if (duration === 'permanent') throw new PartyFault(code, params, 'unknown');
    return 'unreadable';
  }
}

async function cutOnce(power: PowerSwitch, isOut: boolean): Promise<'lost' | 'answered'> {
  try {
    await power.cut();
    return 'answered';
  } catch (thrown) {
    const { code, params, effect, duration } = toFault(thrown);
    if (effect === 'unknown' || (isOut && duration === 'transient')) return 'lost';
    // A device refuses to cut what is cut already: by the order whose answer was lost, or by somebody else.
    if (effect === 'failed' && (await readPower(power, isOut)) === 'off') return 'answered';
    throw isOut ? new PartyFault(code, params, 'unknown') : thrown;
  }
}
