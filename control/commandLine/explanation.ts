import type { Explanation } from '#machines/scenario/explain.ts';
import type { Language } from '#control/eventLog/catalogue.ts';

const words = {
  state: { ja: '状態', en: 'State' },
  awaiting: { ja: '応答待ち', en: 'Awaiting the answer to' },
  leadsTo: { ja: '経過後の状態', en: 'then' },
  automatic: {
    ja: '自動スイッチオーバーの条件 (すべて満たすと実行されます):',
    en: 'Automatic switchover happens when all of these hold:',
  },
  refused: { ja: '実行できません', en: 'refused' },
} as const;

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

export function explanationLines(explanation: Explanation, language: Language): string[] {
  const { label, state, descriptions, awaiting, deadlines, commands, automaticSwitchover } = explanation;
  return [
    `${words.state[language]}: ${label[language]}  (${state})`,
    ...descriptions.map(({ text }) => `  ${text}`),
    ...awaiting.map(({ wish, forMs }) => `${words.awaiting[language]} ${wish} (${seconds(forMs)})`),
    ...deadlines.map(
      ({ delay, inMs, thenState }) => `${delay}: ${seconds(inMs)} → ${words.leadsTo[language]} ${thenState}`,
    ),
    ...Object.entries(commands).flatMap(([command, answer]) =>
      answer.accepted ? [] : [`${command}: ${words.refused[language]}: ${answer[language]}`],
    ),
    words.automatic[language],
    ...automaticSwitchover.map(
      (condition) => `  [${condition.holds ? 'x' : ' '}] ${condition[language]}: ${condition.value}`,
    ),
  ];
}
