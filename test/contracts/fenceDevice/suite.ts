import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PartyFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import type { FenceDevice } from '#machines/parties/fenceDevice.ts';
import type { Intent } from '#machines/parties/intent.ts';
import { scenarioId } from '#machines/vocabulary.ts';

/** What happens to the next order. */
export type OrderTrouble = 'lostBefore' | 'lostAfter' | 'claimedOnly' | 'refused';

/** A machine with its power on, and the device that can take it away. */
export type FenceStand = {
  readonly device: FenceDevice;
  readonly clock: Clock;
  /** The machine's own, looked at past the device. */
  power(): Promise<'on' | 'off'>;
  /** Plans what happens to the next orders; absent where a real device cannot be told. */
  readonly fail?: (...troubles: readonly OrderTrouble[]) => void;
  /** How many orders to cut the power arrived. */
  readonly orders?: () => number;
  /** The same device asked with a wrong password, and how often one was sent to it. */
  readonly stranger?: { readonly device: FenceDevice; readonly attempts: () => number };
  /** The device is gone from the network. */
  readonly cutOff?: () => Promise<void>;
  /** Lets time pass while an answer is awaited. */
  settle<Result>(answer: Promise<Result>): Promise<Result>;
  dispose(): Promise<void>;
};

export async function faultOf(answer: Promise<unknown>): Promise<string> {
  const thrown: unknown = await answer.then(
    () => 'no fault',
    (error: unknown) => error,
  );
  return thrown instanceof PartyFault ? `${thrown.fault.code} ${thrown.fault.effect}` : String(thrown);
}

/** What every fence keeps, whoever cuts the power. */
export function fenceDeviceContract(name: string, make: () => Promise<FenceStand>): void {
  describe(`fence device contract: ${name}`, () => {
    let stand: FenceStand;
    beforeEach(async () => {
      stand = await make();
    });
    afterEach(async () => {
      await stand.device.close();
      await stand.dispose();
    });
    const intent = (given: { readonly epoch?: number; readonly withinMs?: number } = {}): Intent => {
      const { epoch = 1, withinMs = 20_000 } = given;
      const deadlineAtMs = stand.clock.nowMs() + withinMs;
      return { ticket: 'fence-1', scenarioId: scenarioId('4009412486'), epoch, deadlineAtMs };
    };
    const describePower = async () => (await stand.settle(stand.device.describe())).power;
    const powerOff = (given = intent()) => stand.settle(stand.device.powerOff(given));

    test('looking changes nothing and says who it is', async () => {
      const { power, identity } = await stand.settle(stand.device.describe());
      expect(power).toBe('on');
      expect(identity).not.toBe('');
      expect(await stand.power()).toBe('on');
    });

    test('is off when it resolves, and off again is success', async () => {
      await powerOff();
      expect(await stand.power()).toBe('off');
      expect(await describePower()).toBe('off');
      await powerOff();
      expect(stand.orders?.() ?? 1).toBe(1);
    });

    test('an intent that is too late or of an old epoch changes nothing', async () => {
      expect(await faultOf(powerOff(intent({ withinMs: -1 })))).toBe('timedOut none');
      expect(await stand.power()).toBe('on');
      await powerOff(intent({ epoch: 2 }));
      expect(await faultOf(powerOff(intent({ epoch: 1 })))).toBe('staleEpoch none');
    });

    test('a lost answer is reconciled by looking: cut already is not cut again', async (context) => {
      if (!stand.fail || !stand.orders) return context.skip();
      stand.fail('lostAfter');
      await powerOff();
      expect(await stand.power()).toBe('off');
      expect(stand.orders()).toBe(1);
    });

    test('an order that never arrived is given again', async (context) => {
      if (!stand.fail || !stand.orders) return context.skip();
      stand.fail('lostBefore');
      await powerOff();
      expect(await stand.power()).toBe('off');
      expect(stand.orders()).toBe(2);
    });

    test('success that is only claimed is none', async (context) => {
      if (!stand.fail) return context.skip();
      stand.fail('claimedOnly');
      expect(await faultOf(powerOff(intent({ withinMs: 1000 })))).toBe('timedOut unknown');
      expect(await stand.power()).toBe('on');
    });

    test('a refusal is told at once', async (context) => {
      if (!stand.fail) return context.skip();
      stand.fail('refused');
      expect(await faultOf(powerOff())).toBe('fenceDeviceRefused failed');
      expect(await stand.power()).toBe('on');
    });

    test('a wrong password is sent once', async (context) => {
      if (!stand.stranger) return context.skip();
      const { device, attempts } = stand.stranger;
      for (let call = 0; call < 3; call += 1) {
        expect(await faultOf(stand.settle(device.describe()))).toBe('badCredentials none');
        expect(await faultOf(stand.settle(device.powerOff(intent())))).toBe('badCredentials none');
      }
      expect(attempts()).toBe(1);
      expect(await stand.power()).toBe('on');
      await device.close();
    });

    test('a device that is gone is told at once, with no effect', async (context) => {
      if (!stand.cutOff) return context.skip();
      await stand.cutOff();
      expect(await faultOf(stand.settle(stand.device.describe()))).toBe('unreachable none');
      expect(await faultOf(powerOff())).toBe('unreachable none');
      expect(await stand.power()).toBe('on');
    });
  });
}
