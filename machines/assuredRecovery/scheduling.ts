import { assign, raise } from 'xstate';
import { announce, scenarioSetup } from '#machines/scenario/scenarioSetup.ts';
import type { ScenarioContext } from '#machines/scenario/context.ts';
import { timeOf } from './facts.ts';
import { nextOccurrenceMs } from './schedule.ts';

/** A task meant for the night does not begin in the morning because nobody was there before. */
const latestMs = 15 * 60_000;

type Scope = { readonly context: ScenarioContext; readonly event: { readonly type: string } };

const lateMs = ({ context, event }: Scope): number => timeOf(event) - (context.scheduledForMs ?? Infinity);

/**
 * The scheduled task of a scenario (guide product 9; R10: there is one at most). It only says when; the stream of
 * changes begins it when it flows, and says so when it does not.
 */
export const scheduling = scenarioSetup.createStateConfig({
  description: 'When the scheduled task begins next.',
  meta: { guide: 'product 9', ja: 'スケジュール', en: 'Schedule' },
  initial: 'choosing',
  states: {
    choosing: {
      meta: { guide: 'product 9', ja: 'スケジュールの確認', en: 'Looking for a schedule' },
      always: [{ guard: 'hasSchedule', target: 'scheduled' }, { target: 'unscheduled' }],
    },
    unscheduled: { meta: { guide: 'product 9', ja: 'スケジュールなし', en: 'Nothing is scheduled' } },
    scheduled: {
      description: 'The next moment is reckoned from the event that leads here: a chart has no clock.',
      meta: { guide: 'product 9', ja: 'スケジュール待機中', en: 'Waiting for the scheduled time' },
      entry: assign({
        scheduledForMs: ({ context, event }) =>
          context.definition.schedule && nextOccurrenceMs(context.definition.schedule, timeOf(event)),
      }),
      after: {
        nextScheduled: [
          { guard: (scope: Scope) => lateMs(scope) < 0, target: 'scheduled', reenter: true },
          {
            guard: (scope: Scope) => lateMs(scope) > latestMs,
            target: 'scheduled',
            reenter: true,
            actions: announce('scheduledTaskSkipped', (c) => ({
              task: c.definition.schedule?.task ?? '',
              why: 'late',
            })),
          },
          {
            target: 'scheduled',
            reenter: true,
            actions: raise(({ event }) => ({ type: 'schedule.due' as const, atMs: timeOf(event) })),
          },
        ],
      },
    },
  },
});
