import type { CheckAnswer } from '#machines/parties/guestChecks.ts';
import { SimulatedClock } from '#simulators/clock/SimulatedClock.ts';
import { SimulatedGuestChecks } from '#simulators/guestChecks/SimulatedGuestChecks.ts';
import { guestChecksContract } from './suite.ts';

guestChecksContract('SimulatedGuestChecks', async () => {
  const clock = new SimulatedClock();
  let opensAtMs = Infinity;
  let isSilent = false;
  const yes: CheckAnswer = { outcome: 'passed', evidence: 'connected' };
  const no: CheckAnswer = { outcome: 'failed', evidence: 'connection refused' };
  const checks = new SimulatedGuestChecks({
    clock,
    whatAnswers: (_vmId, check) => {
      if (isSilent) return undefined;
      return check.kind === 'port' && (check.port === 80 || clock.nowMs() >= opensAtMs) ? yes : no;
    },
  });
  return {
    checks,
    vmId: '2',
    openPort: 80,
    closedPort: 443,
    nowMs: () => clock.nowMs(),
    openAfter: (delayMs) => {
      opensAtMs = clock.nowMs() + delayMs;
    },
    silence: () => {
      isSilent = true;
    },
    settle: async (answer) => {
      let isSettled = false;
      const settled = answer.finally(() => {
        isSettled = true;
      });
      settled.catch(() => {});
      for (let step = 0; step < 1000; step += 1) {
        await clock.advance(0);
        if (isSettled) break;
        await clock.advance(100);
      }
      return settled;
    },
    dispose: async () => {},
  };
});
