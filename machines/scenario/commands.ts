import type { AnyMachineSnapshot } from 'xstate';
import { scenarioChart } from './scenario.ts';

/** An operator's commands (guide 8-1, 8-2, 10-1). */
export const operatorCommands = ['run', 'stop', 'switchover'] as const;
export type OperatorCommand = (typeof operatorCommands)[number];

export type Answer =
  | { readonly accepted: true }
  | { readonly accepted: false; readonly code: string; readonly ja: string; readonly en: string };

const why: Record<
  OperatorCommand,
  (state: string) => { readonly code: string; readonly ja: string; readonly en: string }
> = {
  run: (state) =>
    state === 'switchedOver'
      ? {
          code: 'switchedOver',
          ja: 'スイッチオーバー済みのため実行できません。スイッチバックが完了するまで、このシナリオは代替仮想マシンで稼働しています。',
          en: 'The scenario is switched over: the substitute VM is the active side until switchback.',
        }
      : { code: 'alreadyRunning', ja: 'シナリオは既に実行中です。', en: 'The scenario is running already.' },
  stop: (state) =>
    state === 'switchingOver'
      ? {
          code: 'switchingOver',
          ja: 'スイッチオーバー中は停止できません。完了を待ってください。',
          en: 'A switchover is under way and cannot be stopped half-way. Wait for it to complete.',
        }
      : { code: 'notRunning', ja: 'シナリオは実行中ではありません。', en: 'The scenario is not running.' },
  switchover: (state) =>
    state === 'switchingOver' || state === 'switchedOver'
      ? {
          code: 'switchoverUnderWay',
          ja: 'スイッチオーバーは既に実行されています。',
          en: 'The switchover is under way or done already.',
        }
      : {
          code: 'notSynchronized',
          ja: 'データの同期が完了していないため、スイッチオーバーできません。状態が「実行中」になるまで待ってください。',
          en: 'The replica is not synchronized yet, so it cannot take over. Wait until the state is Running.',
        },
};

/** Accepted or refused aloud, with the reason (law L7). */
export function answerTo(snapshot: AnyMachineSnapshot, command: OperatorCommand): Answer {
  if (snapshot.can({ type: `operator.${command}`, atMs: 0, waitForJournals: false })) return { accepted: true };
  return { accepted: false, ...why[command](topState(snapshot)) };
}

export const topState = (snapshot: AnyMachineSnapshot): string =>
  typeof snapshot.value === 'string' ? snapshot.value : (Object.keys(snapshot.value)[0] ?? '');

/** Words of the innermost active state, both languages; of a parallel state, its own and the alarming region's. */
export function stateLabel(snapshot: AnyMachineSnapshot): { readonly ja: string; readonly en: string } {
  const metaOf = (path: string) => scenarioChart.getStateNodeById(path).meta as { ja: string; en: string } | undefined;
  const top = `scenario.${topState(snapshot)}`;
  const own = metaOf(top) ?? { ja: top, en: top };
  const value = (typeof snapshot.value === 'string' ? undefined : snapshot.value[topState(snapshot)]) as
    | string
    | { flow: string; isAlive: string }
    | undefined;
  if (value === undefined) return own;
  if (typeof value === 'string') return metaOf(`${top}.${value}`) ?? own;
  const alarms = [
    value.isAlive !== 'alive' ? metaOf(`${top}.isAlive.${value.isAlive}`) : undefined,
    value.flow !== 'connected' ? metaOf(`${top}.flow.${value.flow}`) : undefined,
  ].filter((meta) => meta !== undefined);
  return alarms.length === 0
    ? own
    : { ja: alarms.map(({ ja }) => ja).join(' / '), en: alarms.map(({ en }) => en).join(' / ') };
}
