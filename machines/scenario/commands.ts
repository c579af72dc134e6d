import type { AnyMachineSnapshot } from 'xstate';
import type { Fact } from '#machines/host/step.ts';
import type { ScenarioDefinition } from '#machines/vocabulary.ts';
import type { ScenarioContext } from './context.ts';
import type { OperatorCommand, ScenarioCommand } from './operatorCommands.ts';
import { refusalOf } from './refusals.ts';

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
