import type { AnyMachineSnapshot } from 'xstate';
import type { TestMode } from '#machines/assuredRecovery/facts.ts';
import type { DataRecoveryFact } from '#machines/dataRecovery/facts.ts';
import { dataRecoveryCommands } from '#machines/dataRecovery/refusals.ts';
import type { SwitchbackFact } from '#machines/switchback/facts.ts';
import { switchbackCommands } from '#machines/switchback/refusals.ts';
import type { Fact } from '#machines/host/step.ts';
import type { ScenarioDefinition, SyncMethod } from '#machines/vocabulary.ts';
import type { ScenarioContext } from './context.ts';
import { refusalOf } from './refusals.ts';

/** An operator's commands, with what each needs to be told (guide 8-1, 8-2, 10-1; guide product 6.2, 12). */
export type ScenarioCommand =
  | {
      readonly command: 'run';
      /** The choice of the Run dialog, for this run (guide 8-3). */
      readonly syncMethod?: SyncMethod;
      readonly ignoreSameSizeAndTime?: boolean;
    }
  | { readonly command: 'stop' }
  | {
      readonly command: 'switchover';
      /** The dialog's two check boxes (guide product 6.2). */
      readonly waitForJournals: boolean;
      readonly reverseAfterwards?: boolean;
    }
  | {
      /** The operator vouches that the master is off; the name is typed, so that it is no slip. */
      readonly command: 'assertMasterOff';
      readonly masterName: string;
      readonly by?: string;
    }
  | { readonly command: 'giveUpSwitchover' }
  | { readonly command: 'suspend' }
  | { readonly command: 'resume' }
  | { readonly command: 'announceMaintenance'; readonly forMs: number }
  | { readonly command: 'endMaintenance' }
  | {
      /** Guide 9-1, 9-2. */
      readonly command: 'startTest';
      readonly mode: TestMode;
    }
  | {
      /** Guide 9-5; a manual test is judged by whoever has looked. */
      readonly command: 'endTest';
      readonly verdict?: 'passed' | 'failed';
    }
  | { /** Guide OS-6. */ readonly command: 'seedArrived' }
  | CommandOf<SwitchbackFact | DataRecoveryFact>;
/** What a capability's own facts say of its commands. */
type CommandOf<Facts extends { readonly type: string }> = Facts extends { readonly type: `operator.${infer Name}` }
  ? { readonly command: Name } & Omit<Facts, 'type' | 'atMs'>
  : never;
export type OperatorCommand = ScenarioCommand['command'];

export const operatorCommands = [
  'run',
  'stop',
  'switchover',
  'assertMasterOff',
  'giveUpSwitchover',
  'suspend',
  'resume',
  'announceMaintenance',
  'endMaintenance',
  'startTest',
  'endTest',
  'seedArrived',
  ...switchbackCommands,
  ...dataRecoveryCommands,
] as const satisfies readonly OperatorCommand[];

export type Refusal = { readonly accepted: false; readonly code: string; readonly ja: string; readonly en: string };
export type Answer = { readonly accepted: true } | Refusal;

/** Whether the chart takes the command now: accepted or refused aloud, with the reason (law L7). */
export function answerTo(snapshot: AnyMachineSnapshot, command: OperatorCommand): Answer {
  if (snapshot.can({ type: `operator.${command}`, atMs: 0, waitForJournals: false, forMs: 1 }))
    return { accepted: true };
  return { accepted: false, ...refusalOf(snapshot, command) };
}

const maintenanceMsMax = 7 * 24 * 3_600_000;

/** The same for a command with all it says, and the fact it becomes. */
export function readCommand(
  snapshot: AnyMachineSnapshot,
  command: ScenarioCommand,
  saved: ScenarioDefinition | undefined,
): { readonly answer: Answer; readonly event: Fact } {
  const { command: name, ...details } = command;
  const event: Fact = {
    type: `operator.${name}`,
    ...details,
    ...(name === 'run' && saved !== undefined ? { definition: saved } : {}),
  };
  const answer = answerTo(snapshot, name);
  if (!answer.accepted) return { answer, event };
  if (command.command === 'assertMasterOff') return { answer: typedName(snapshot, command.masterName), event };
  if (command.command === 'announceMaintenance' && !(command.forMs > 0 && command.forMs <= maintenanceMsMax))
    return { answer: unreasonable(command.forMs), event };
  return { answer, event };
}

function typedName({ context }: AnyMachineSnapshot, masterName: string): Answer {
  const { definition, master } = context as ScenarioContext;
  const names = [definition.master.host, ...(master ? [master.hostName] : [])];
  if (names.includes(masterName)) return { accepted: true };
  return {
    accepted: false,
    code: 'wrongMasterName',
    ja: `入力されたマスタの名前が一致しません。マスタの電源が切れていることを確認し、「${names[0]}」と入力してください。`,
    en: `The typed name is not the master's. Make sure that the master is powered off, then type '${names[0]}'.`,
  };
}

const unreasonable = (forMs: number): Refusal => ({
  accepted: false,
  code: 'invalidDuration',
  ja: `メンテナンスの長さ ${forMs} ms が正しくありません。1 ms 以上、7 日以内で指定してください。`,
  en: `The maintenance of ${forMs} ms is out of range. Give from 1 ms to 7 days.`,
});
