import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PartyFault } from '#machines/faults.ts';
import type { GuestChecks } from '#machines/parties/guestChecks.ts';
import { scenarioId } from '#machines/vocabulary.ts';
import type { ServiceCheck } from '#machines/vocabulary.ts';

/** A guest that is up, with one port open and one closed. */
export type GuestStand = {
  readonly checks: GuestChecks;
  readonly vmId: string;
  readonly openPort: number;
  readonly closedPort: number;
  nowMs(): number;
  /** The closed port is open from then on. */
  openAfter(delayMs: number): void;
  /** The guest says nothing any more. */
  silence(): void;
  /** Lets time pass while an answer is awaited. */
  settle<Result>(answer: Promise<Result>): Promise<Result>;
  dispose(): Promise<void>;
};

const timeoutMs = 10_000;

/** What everybody who asks a guest keeps. */
export function guestChecksContract(name: string, make: () => Promise<GuestStand>): void {
  describe(`guest checks contract: ${name}`, () => {
    let stand: GuestStand;
    beforeEach(async () => {
      stand = await make();
    });
    afterEach(() => stand.dispose());
    const ask = (port: number) => {
      const check: ServiceCheck = { kind: 'port', name: `port ${port}`, port, timeoutMs };
      const intent = {
        ticket: `t${port}`,
        scenarioId: scenarioId('4009412486'),
        epoch: 1,
        deadlineAtMs: stand.nowMs() + timeoutMs,
      };
      return stand.settle(stand.checks.check({ vmId: stand.vmId, check }, intent));
    };

    test('a yes is answered at once', async () => {
      const begunMs = stand.nowMs();
      expect(await ask(stand.openPort)).toMatchObject({ outcome: 'passed' });
      expect(stand.nowMs() - begunMs).toBeLessThan(timeoutMs);
    });

    test('a no is asked again until shortly before the deadline, and is then a failure', async () => {
      const begunMs = stand.nowMs();
      expect(await ask(stand.closedPort)).toMatchObject({ outcome: 'failed' });
      expect(stand.nowMs() - begunMs).toBeGreaterThan(timeoutMs / 2);
      expect(stand.nowMs() - begunMs).toBeLessThan(timeoutMs);
    });

    test('a service that starts after its system passes', async () => {
      stand.openAfter(timeoutMs / 2);
      expect(await ask(stand.closedPort)).toMatchObject({ outcome: 'passed' });
    });

    test('silence is a fault and no answer', async () => {
      stand.silence();
      const thrown: unknown = await ask(stand.openPort).catch((error: unknown) => error);
      expect(thrown).toBeInstanceOf(PartyFault);
      expect(thrown).toMatchObject({ fault: { code: expect.stringMatching(/^(timedOut|unreachable)$/) } });
    });
  });
}
