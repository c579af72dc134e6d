import type { CommandAnswer, ScenarioStatus } from '#engine/protocol/messages.ts';
import { operatorCommands } from '#machines/scenario/operatorCommands.ts';
import type { ScenarioDefinition, ScenarioId } from '#machines/vocabulary.ts';
import type { Sentences } from './problem.ts';

/** Knowledge older than this is no knowledge: a status is polled each second. */
export const knowledgeAgeMsMax = 5_000;

/**
 * A scenario as control shows it. What is known now is in `status`; what was known once is in `lastKnown`, under another
 * name, so that nobody takes it for the present.
 */
export type ScenarioView = {
  readonly scenarioId: ScenarioId;
  readonly name: string;
  readonly createdAtMs: number;
  readonly definition: ScenarioDefinition;
  readonly commands: ScenarioStatus['commands'];
} & (
  | {
      readonly known: true;
      readonly ageMs: number;
      readonly status: ScenarioStatus;
      /** The last fault as sentences. */
      readonly fault?: Sentences;
    }
  | {
      readonly known: false;
      /** Milliseconds since the appliance was last heard of; absent when it never was. */
      readonly ageMs?: number;
      readonly label: Sentences;
      readonly reason: Sentences;
      readonly lastKnown?: ScenarioStatus;
    }
);

const unknownCommand: CommandAnswer = {
  accepted: false,
  code: 'statusUnknown',
  ja: '仮想アプライアンスのエンジンから状態を受信できないため、実行できません。エンジンとの接続を確認してください。',
  en: 'The state is unknown because the engine of the appliance is not heard. Check the connection to it.',
};

export const unknownCommands = Object.fromEntries(
  operatorCommands.map((command) => [command, unknownCommand]),
) as ScenarioStatus['commands'];

export const unknownLabel: Sentences = { ja: '不明', en: 'Unknown' };

export function unknownReason(ageMs: number | undefined): Sentences {
  if (ageMs === undefined) {
    return {
      ja: '仮想アプライアンスのエンジンから、まだ一度も状態を受信していません。',
      en: 'The engine of the appliance has not been heard yet.',
    };
  }
  const seconds = Math.round(ageMs / 1000);
  return {
    ja: `仮想アプライアンスのエンジンから ${seconds} 秒間、状態を受信していません。`,
    en: `The engine of the appliance has not been heard for ${seconds} s.`,
  };
}
