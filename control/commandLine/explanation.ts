import type { Condition, Explanation } from '#machines/scenario/explain.ts';
import type { Language } from '#control/eventLog/catalogue.ts';

const words = {
  state: { ja: '状態', en: 'State' },
  awaiting: { ja: '応答待ち', en: 'Awaiting the answer to' },
  deadlines: { ja: '次の期限:', en: 'Next deadlines:' },
  leadsTo: { ja: '経過後の状態', en: 'then' },
  decisions: { ja: '分岐と条件の現在値:', en: 'Decisions, and how their conditions stand now:' },
  automatic: {
    ja: '自動スイッチオーバーの条件 (すべて満たすと実行されます):',
    en: 'Automatic switchover happens when all of these hold:',
  },
  commands: { ja: 'コマンド:', en: 'Commands:' },
  accepted: { ja: '実行できます', en: 'accepted' },
  refused: { ja: '実行できません', en: 'refused' },
} as const;

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** Everything that a why / why-not answer knows, a line each; a part without content is left out. */
export function explanationLines(explanation: Explanation, language: Language): string[] {
  const { label, state, descriptions, awaiting, deadlines, decisions, commands, automaticSwitchover } = explanation;
  const conditionLine = (condition: Condition, indent: string): string =>
    `${indent}[${condition.holds ? 'x' : ' '}] ${condition[language]}: ${condition.value}`;
  const part = (title: keyof typeof words, lines: readonly string[]): string[] =>
    lines.length === 0 ? [] : [words[title][language], ...lines];
  return [
    `${words.state[language]}: ${label[language]}  (${state})`,
    ...descriptions.map(({ text }) => `  ${text}`),
    ...awaiting.map(({ wish, forMs }) => `${words.awaiting[language]} ${wish} (${seconds(forMs)})`),
    ...part(
      'deadlines',
      deadlines.map(
        ({ delay, inMs, thenState }) => `  ${delay}: ${seconds(inMs)} → ${words.leadsTo[language]} ${thenState}`,
      ),
    ),
    ...part(
      'decisions',
      decisions.flatMap(({ state: from, on, thenState, guards }) => [
        `  ${from}: ${on} → ${thenState}`,
        ...guards.map((guard) => conditionLine(guard, '    ')),
      ]),
    ),
    ...part(
      'automatic',
      automaticSwitchover.map((condition) => conditionLine(condition, '  ')),
    ),
    ...part(
      'commands',
      Object.entries(commands).map(([command, answer]) =>
        answer.accepted
          ? `  ${command}: ${words.accepted[language]}`
          : `  ${command}: ${words.refused[language]}: ${answer[language]}`,
      ),
    ),
  ];
}
