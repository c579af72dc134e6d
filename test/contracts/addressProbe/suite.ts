import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PartyFault } from '#machines/faults.ts';
import type { AddressProbe } from '#machines/parties/addressProbe.ts';

/** A production network with two neighbours on it. */
export type ProbeStand = {
  readonly probe: AddressProbe;
  /** Addresses that neighbours have, and one that nobody has. */
  readonly first: string;
  readonly second: string;
  readonly nobodys: string;
  /** Who answers for the neighbours' addresses. */
  readonly by: string;
  /** The neighbour is gone: its address answers no more. */
  leave(address: string): Promise<void>;
  /** Nothing can be asked any more: the cable is out. */
  unplug(): Promise<void>;
  /** Lets time pass while an answer is awaited. */
  settle<Result>(answer: Promise<Result>): Promise<Result>;
  dispose(): Promise<void>;
};

/** What every address probe keeps, whoever asks. */
export function addressProbeContract(name: string, make: () => Promise<ProbeStand>): void {
  describe(`address probe contract: ${name}`, () => {
    let stand: ProbeStand;
    beforeEach(async () => {
      stand = await make();
    });
    afterEach(() => stand.dispose());
    const answersOf = async (...addresses: readonly string[]) =>
      (await stand.settle(stand.probe.probe({ addresses }))).answers;

    test('names who answers, for each address once', async () => {
      const { first, second, nobodys, by } = stand;
      const answers = await answersOf(first, nobodys, second, first);
      expect([...answers].sort((a, b) => a.address.localeCompare(b.address))).toEqual([
        { address: first, by },
        { address: second, by },
      ]);
    });

    test('hears nothing of an address that answered before and is gone now', async () => {
      expect(await answersOf(stand.first)).toHaveLength(1);
      await stand.leave(stand.first);
      expect(await answersOf(stand.first)).toEqual([]);
      expect(await answersOf(stand.first, stand.second)).toEqual([{ address: stand.second, by: stand.by }]);
    });

    test('asks nobody when there is nothing to ask', async () => {
      expect(await answersOf()).toEqual([]);
    });

    test('does not take its own deafness for silence', async () => {
      await stand.unplug();
      const thrown: unknown = await answersOf(stand.first).catch((error: unknown) => error);
      expect(thrown).toBeInstanceOf(PartyFault);
      expect(thrown).toMatchObject({ fault: { code: 'probeUnavailable', effect: 'none' } });
    });
  });
}
