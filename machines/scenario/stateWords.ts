import type { AnyMachineSnapshot, AnyStateNode } from 'xstate';
import type { StopReason } from './context.ts';

export type Words = { readonly ja: string; readonly en: string };

export const topState = (snapshot: AnyMachineSnapshot): string =>
  typeof snapshot.value === 'string' ? snapshot.value : (Object.keys(snapshot.value)[0] ?? '');

/** Regions whose quiet state is not worth a word beside the state they are in. */
const quiet = new Set([
  'replicating.flow.connected',
  'replicating.isAlive.alive',
  'replicating.lease.armed',
  'replicating.lease.settling',
  'replicating.lease.arming',
  'replicating.scheduling.unscheduled',
  'replicating.scheduling.scheduled',
  'replicating.dataRecovery.idle',
  'takingOver.double.waiting',
  'takingOver.verdict.proven',
]);

/** Words of the innermost active states; of a parallel state, those of its regions that have something to say. */
export function stateLabel(snapshot: AnyMachineSnapshot): Words {
  const top = topState(snapshot);
  const root = snapshot.machine.root as AnyStateNode;
  const own = wordsOf(root.states[top]) ?? { ja: top, en: top };
  const value: unknown = typeof snapshot.value === 'string' ? undefined : snapshot.value[top];
  if (value === undefined) return own;
  if (typeof value === 'string') return wordsOf(root.states[top]?.states[value]) ?? own;
  const spoken = Object.entries(value as Record<string, unknown>).flatMap(([region, inner]) => {
    const name = typeof inner === 'string' ? inner : (Object.keys(inner as object)[0] ?? '');
    if (quiet.has(`${top}.${region}.${name}`)) return [];
    return innermost(root.states[top]?.states[region], inner) ?? [];
  });
  if (spoken.length === 0) return own;
  return { ja: spoken.map(({ ja }) => ja).join(' / '), en: spoken.map(({ en }) => en).join(' / ') };
}

/** Of the deepest active state that has words. */
function innermost(node: AnyStateNode | undefined, value: unknown): Words | undefined {
  if (typeof value === 'string') return wordsOf(node?.states[value]);
  const [name = '', inner] = Object.entries(value as object)[0] ?? [];
  return innermost(node?.states[name], inner) ?? wordsOf(node?.states[name]);
}

const wordsOf = (node: AnyStateNode | undefined): Words | undefined => node?.meta as Words | undefined;

/** Why a scenario is stopped, and what to do next. */
export const stopReasons: Readonly<Record<StopReason, Words>> = {
  neverRun: {
    ja: 'まだ実行されていません。[実行] を押すと検証が始まります。',
    en: 'It was never run. Run begins with the verification.',
  },
  byUser: {
    ja: '管理者が停止しました。再開するには [実行] を押してください。',
    en: 'An administrator stopped it. Run starts it again.',
  },
  verificationFailed: {
    ja: '検証でエラーが見つかりました。検証結果のエラーを解消して再度実行してください。',
    en: 'Verification found errors. Mend them, then run it again.',
  },
  fault: {
    ja: 'エラーのため停止しました。イベントの内容に従って対処し、再度実行してください。',
    en: 'It was stopped by an error. Mend what the event names, then run it again.',
  },
  masterRebooted: {
    ja: 'マスタが再起動し、「再起動後に実行」が無効のため停止しました。都合のよい時に [実行] を押してください。',
    en: 'The master was restarted and "run after reboot" is off. Run it when it suits you.',
  },
  switchedBack: {
    ja: 'スイッチバックが完了しました。ボリューム設定を更新してから実行してください。',
    en: 'The switchback is complete. Refresh the volume settings, then run it.',
  },
};
