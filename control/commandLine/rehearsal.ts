import type { SwitchoverRehearsal } from '#machines/switchover/rehearseSwitchover.ts';
import type { Language } from '#control/eventLog/catalogue.ts';

const words = {
  performed: {
    ja: '何も実行していません。今スイッチオーバーを実行した場合の手順:',
    en: 'Nothing was performed. A switchover now would:',
  },
  refused: { ja: '今スイッチオーバーを実行すると拒否されます', en: 'A switchover would be refused now' },
  hinders: { ja: '支障', en: 'In its way' },
  endsIn: { ja: '終了時の状態', en: 'It would end in' },
} as const;

/** Each wish a line: its number, the party's method, what it is asked for. */
export function rehearsalLines(
  { answer, findings, wishes = [], endsIn }: SwitchoverRehearsal,
  language: Language,
): string[] {
  const hindrances = findings.map((finding) => `${words.hinders[language]}: ${finding[language]}`);
  if (!answer.accepted) return [`${words.refused[language]}: ${answer[language]}`, ...hindrances];
  return [
    words.performed[language],
    ...wishes.map(
      ({ name, args }, index) =>
        `${String(index + 1).padStart(3)}. ${name}${args === undefined ? '' : ` ${JSON.stringify(args)}`}`,
    ),
    ...(endsIn === undefined ? [] : [`${words.endsIn[language]}: ${endsIn}`]),
    ...hindrances,
  ];
}
