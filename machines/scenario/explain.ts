import type { AnyMachineSnapshot } from 'xstate';
import type { StoredTimer, StoredWish } from '#machines/parties/chartStore.ts';
import { statePath } from '#machines/host/step.ts';
import { answerTo, operatorCommands, stateLabel } from './commands.ts';
import type { Answer, OperatorCommand } from './commands.ts';
import { scenarioChart } from './scenario.ts';
import type { ScenarioContext } from './scenarioSetup.ts';

type Words = { readonly ja: string; readonly en: string };

/** One thing that an automatic switchover needs, and how it stands now. */
export type Condition = Words & { readonly holds: boolean; readonly value: string };

/** Why the scenario stands where it stands, and what happens next. */
export type Explanation = {
  readonly state: string;
  readonly label: Words;
  /** What each active state guarantees or awaits, innermost last. */
  readonly descriptions: readonly { readonly state: string; readonly text: string }[];
  /** Answers that are outstanding. */
  readonly awaiting: readonly { readonly wish: string; readonly forMs: number }[];
  /** What happens without any further fact, soonest first. */
  readonly deadlines: readonly { readonly delay: string; readonly inMs: number; readonly thenState: string }[];
  readonly commands: Readonly<Record<OperatorCommand, Answer>>;
  /** All of them must hold before the double takes over by itself. */
  readonly automaticSwitchover: readonly Condition[];
};

type Facts = {
  readonly snapshot: AnyMachineSnapshot;
  readonly timers: readonly StoredTimer[];
  readonly outbox: readonly StoredWish[];
  readonly nowMs: number;
};

const silentStates = ['suspecting', 'lookingAgain', 'doubting', 'masterDown'];

/** The why / why not of every decision: conditions with their present values, and the next deadline. */
export function explain({ snapshot, timers, outbox, nowMs }: Facts): Explanation {
  return {
    state: statePath(snapshot.value),
    label: stateLabel(snapshot),
    descriptions: activeNodes(snapshot.value).flatMap((id) => {
      const { description } = scenarioChart.getStateNodeById(id);
      return description === undefined ? [] : [{ state: id, text: description }];
    }),
    awaiting: outbox.map(({ name, askedAtMs }) => ({ wish: name, forMs: nowMs - askedAtMs })),
    deadlines: timers.map((timer) => deadline(timer, nowMs)).toSorted((a, b) => a.inMs - b.inMs),
    commands: Object.fromEntries(
      operatorCommands.map((command) => [command, answerTo(snapshot, command)]),
    ) as Explanation['commands'],
    automaticSwitchover: conditions(snapshot, timers, nowMs),
  };
}

/** Ids of the active states from the outside in. */
function activeNodes(value: unknown, parent = 'scenario'): string[] {
  if (typeof value === 'string') return [`${parent}.${value}`];
  return Object.entries(value as Record<string, unknown>).flatMap(([key, child]) => [
    `${parent}.${key}`,
    ...activeNodes(child, `${parent}.${key}`),
  ]);
}

function deadline({ event, dueMs }: StoredTimer, nowMs: number): Explanation['deadlines'][number] {
  const { type } = JSON.parse(event) as { type: string };
  const [, delay = type, source = ''] = /^xstate\.after\.([^.]+)\.(.+)$/.exec(type) ?? [];
  const node = source === '' ? undefined : scenarioChart.getStateNodeById(source);
  const target = node?.transitions.get(type)?.[0]?.target?.[0]?.id;
  return { delay, inMs: dueMs - nowMs, thenState: target ?? source };
}

function conditions(snapshot: AnyMachineSnapshot, timers: readonly StoredTimer[], nowMs: number): Condition[] {
  const { definition, synchronized, silentForMs } = snapshot.context as ScenarioContext;
  const value = snapshot.value as { replicating?: { isAlive: string } };
  const watch = value.replicating?.isAlive;
  const silent = watch !== undefined && silentStates.includes(watch);
  const remaining = timers.find(({ event }) => event.includes('after.isAliveRemaining'));
  return [
    {
      ja: 'スイッチオーバーの方式が自動である',
      en: 'the switchover mode is automatic',
      holds: definition.switchover === 'automatic',
      value: definition.switchover,
    },
    {
      ja: '同期が完了している',
      en: 'a synchronization has completed',
      holds: synchronized,
      value: String(synchronized),
    },
    {
      ja: '死活監視が行われている',
      en: 'the Is Alive check runs',
      holds: watch !== undefined && watch !== 'starting' && watch !== 'waitingToStart',
      value: watch ?? '-',
    },
    {
      ja: 'マスタが応答していない',
      en: 'the master is silent',
      holds: silent,
      value: silent ? `${silentForMs} ms +` : '0 ms',
    },
    {
      ja: 'Is Alive タイムアウトが経過している',
      en: 'the Is Alive timeout has passed',
      holds: silent && watch !== 'suspecting',
      value:
        remaining === undefined
          ? `${definition.isAlive.timeoutMs} ms`
          : `${Math.max(0, remaining.dueMs - nowMs)} ms → 0`,
    },
    {
      ja: '再確認でもマスタが見つからない',
      en: 'a second look finds nobody either',
      holds: watch === 'masterDown',
      value: watch === 'lookingAgain' ? '…' : watch === 'doubting' ? 'alive or unknown' : '-',
    },
  ];
}
