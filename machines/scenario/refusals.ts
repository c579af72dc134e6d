import type { AnyMachineSnapshot } from 'xstate';
import { dataRecoveryCommands, dataRecoveryRefusal } from '#machines/dataRecovery/refusals.ts';
import type { DataRecoveryCommand } from '#machines/dataRecovery/refusals.ts';
import { switchbackCommands, switchbackRefusal, whileSwitchingBackRefusal } from '#machines/switchback/refusals.ts';
import type { SwitchbackCommand } from '#machines/switchback/refusals.ts';
import type { OperatorCommand } from './operatorCommands.ts';
import type { ScenarioContext } from './context.ts';
import { topState } from './stateWords.ts';

type Reason = { readonly code: string; readonly ja: string; readonly en: string };

const underWay: Reason = {
  code: 'switchoverUnderWay',
  ja: 'スイッチオーバーは既に実行されています。',
  en: 'The switchover is under way or done already.',
};
const switchedOver: Reason = {
  code: 'switchedOver',
  ja: 'スイッチオーバー済みのため実行できません。スイッチバックが完了するまで、このシナリオは代替仮想マシンで稼働しています。',
  en: 'The scenario is switched over: the substitute VM is the active side until switchback.',
};
const notRunning: Reason = {
  code: 'notRunning',
  ja: 'シナリオは実行中ではありません。',
  en: 'The scenario is not running.',
};
const notSynchronized: Reason = {
  code: 'notSynchronized',
  ja: 'データの同期が完了していないため実行できません。状態が「実行中」になるまで待ってください。',
  en: 'The replica is not synchronized yet. Wait until the state is Running.',
};

const takeoverStates = ['takingOver', 'switchingOver', 'switchedOver'];

const testNotChosen: Reason = {
  code: 'assuredRecoveryNotChosen',
  ja: 'このシナリオではアシュアード リカバリが選択されていないため、整合性テストは実行できません。シナリオの作成時に選択してください (ガイド 6-5)。',
  en: 'Assured recovery was not chosen for this scenario, so there is no integrity test. Choose it when a scenario is created (guide 6-5).',
};
const testNotCapable: Reason = {
  code: 'capabilityMissing',
  ja: 'このエンジンはアシュアード リカバリに対応していません。',
  en: 'This engine is not capable of assured recovery.',
};
const cannotTestNow: Reason = {
  code: 'cannotTestNow',
  ja: '切断中、再同期中、一時停止中、または既にテスト中のため、整合性テストを開始できません。状態が「レプリケーション」になるまで待ってください。',
  en: 'Replication is disconnected, resynchronizing, suspended or under test already, so no integrity test can begin. Wait until it flows.',
};

/** One sentence for each way in which a command can come at the wrong time (R1, R2, R5, R9, R12). */
const reasons: Record<
  Exclude<OperatorCommand, SwitchbackCommand | DataRecoveryCommand>,
  (state: string, context: ScenarioContext) => Reason
> = {
  run: (state) =>
    state === 'switchedOver'
      ? switchedOver
      : { code: 'alreadyRunning', ja: 'シナリオは既に実行中です。', en: 'The scenario is running already.' },
  stop: (state) =>
    state === 'takingOver' || state === 'switchingOver'
      ? {
          code: 'switchingOver',
          ja: 'スイッチオーバー中は停止できません。完了を待つか、スイッチオーバーを中止してください。',
          en: 'A switchover is under way and cannot be stopped half-way. Wait for it to complete, or give it up.',
        }
      : notRunning,
  switchover: (state) => (takeoverStates.includes(state) ? underWay : notSynchronized),
  assertMasterOff: () => ({
    code: 'nothingToAssert',
    ja: 'マスタの停止の確認は求められていません。',
    en: 'Nobody waits for the assertion that the master is off.',
  }),
  giveUpSwitchover: (state) =>
    state === 'switchedOver'
      ? switchedOver
      : {
          code: 'nothingToGiveUp',
          ja: '中止できるスイッチオーバーはありません。',
          en: 'There is no switchover that could be given up now.',
        },
  // R9: not during synchronization; one replica, so one suspension.
  suspend: (state) => {
    if (state === 'replicating')
      return {
        code: 'cannotSuspendNow',
        ja: '再同期中、テスト中、または既に一時停止中のため、一時停止できません。',
        en: 'Replication is resynchronizing, under test or suspended already, so it cannot be suspended now.',
      };
    return takeoverStates.includes(state) ? underWay : notSynchronized;
  },
  resume: () => ({
    code: 'notSuspended',
    ja: 'レプリケーションは一時停止していません。',
    en: 'Replication is not suspended.',
  }),
  announceMaintenance: (state) => (takeoverStates.includes(state) ? underWay : notSynchronized),
  endMaintenance: () => ({
    code: 'noMaintenance',
    ja: 'マスタのメンテナンスは予告されていません。',
    en: 'No maintenance of the master was announced.',
  }),
  startTest: (state, { definition, capabilities }) => {
    if (!definition.assuredRecovery) return testNotChosen;
    if (!capabilities.includes('assuredRecovery')) return testNotCapable;
    if (takeoverStates.includes(state)) return underWay;
    return state === 'replicating' ? cannotTestNow : notSynchronized;
  },
  endTest: () => ({
    code: 'notTesting',
    ja: '整合性テストは実行されていません。',
    en: 'No integrity test is under way.',
  }),
  seedArrived: () => ({
    code: 'noSeedAwaited',
    ja: 'オフライン同期のデータの到着を待っていません。',
    en: 'No data of an offline synchronization are awaited.',
  }),
};

const isOf = <Name extends string>(names: readonly Name[], command: string): command is Name =>
  (names as readonly string[]).includes(command);

/** Why the command is refused in this state, both languages. */
export function refusalOf(snapshot: AnyMachineSnapshot, command: OperatorCommand): Reason {
  const state = topState(snapshot);
  const context = snapshot.context as ScenarioContext;
  if (isOf(switchbackCommands, command)) return switchbackRefusal(command, state);
  if (isOf(dataRecoveryCommands, command))
    return dataRecoveryRefusal(command, state, context.dataRecovery !== undefined);
  // R1, R7: on the way back the usual commands have reasons of their own.
  const returning = isOf(['run', 'stop', 'switchover'], command)
    ? whileSwitchingBackRefusal(command, state)
    : undefined;
  return returning ?? reasons[command](state, context);
}
