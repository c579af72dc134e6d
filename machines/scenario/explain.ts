import type { AnyMachineSnapshot, AnyStateNode } from 'xstate';
import type { StoredTimer, StoredWish } from '#machines/parties/chartStore.ts';
import { statePath } from '#machines/host/step.ts';
import { answerTo } from './commands.ts';
import { operatorCommands } from './operatorCommands.ts';
import type { Answer } from './commands.ts';
import type { OperatorCommand } from './operatorCommands.ts';
import { conditions } from './conditions.ts';
import type { ConditionName } from './conditions.ts';
import type { ScenarioContext } from './context.ts';
import { scenarioChart } from './scenario.ts';
import { stateLabel } from './stateWords.ts';
import type { Words } from './stateWords.ts';

/** A guard of the chart, and how it stands now. */
export type Condition = Words & { readonly name: string; readonly holds: boolean; readonly value: string };

/** What an active state would do on a fact, a deadline or a command, and what stands in its way. */
export type Decision = {
  readonly state: string;
  readonly on: string;
  readonly thenState: string;
  readonly guards: readonly Condition[];
};

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
  /** Every guarded way out of the active states. */
  readonly decisions: readonly Decision[];
  /** All of them must hold before the double takes over by itself. */
  readonly automaticSwitchover: readonly Condition[];
};

type Facts = {
  readonly snapshot: AnyMachineSnapshot;
  readonly timers: readonly StoredTimer[];
  readonly outbox: readonly StoredWish[];
  readonly nowMs: number;
};

/** The why / why not of every decision: the chart's own guards with their present values, and the next deadline. */
export function explain({ snapshot, timers, outbox, nowMs }: Facts): Explanation {
  const context = snapshot.context as ScenarioContext;
  const nodes = activeNodes(snapshot.value).map((id) => scenarioChart.getStateNodeById(id) as AnyStateNode);
  return {
    state: statePath(snapshot.value),
    label: stateLabel(snapshot),
    descriptions: nodes.flatMap(({ id, description }) =>
      description === undefined ? [] : [{ state: id, text: description }],
    ),
    awaiting: outbox.map(({ name, askedAtMs }) => ({ wish: name, forMs: nowMs - askedAtMs })),
    deadlines: timers.map((timer) => deadline(timer, nowMs)).toSorted((a, b) => a.inMs - b.inMs),
    commands: Object.fromEntries(
      operatorCommands.map((command) => [command, answerTo(snapshot, command)]),
    ) as Explanation['commands'],
    decisions: nodes.flatMap((node) => decisionsOf(node, context)),
    automaticSwitchover: automaticConditions(snapshot, timers, nowMs),
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

function decisionsOf(node: AnyStateNode, context: ScenarioContext): Decision[] {
  return [...node.transitions].flatMap(([on, transitions]) =>
    transitions.flatMap(({ guard, target }) =>
      typeof guard === 'string' && guard in conditions
        ? [
            {
              state: node.id,
              on: on.replace(/^xstate\.after\.([^.]+)\..*$/, 'after $1'),
              thenState: target?.[0]?.id ?? node.id,
              guards: [conditionNow(guard as ConditionName, context)],
            },
          ]
        : [],
    ),
  );
}

const conditionNow = (name: ConditionName, context: ScenarioContext): Condition => {
  const { ja, en, holds, value } = conditions[name];
  return { name, ja, en, holds: holds(context), value: value(context) };
};

function deadline({ event, dueMs }: StoredTimer, nowMs: number): Explanation['deadlines'][number] {
  const { type } = JSON.parse(event) as { type: string };
  const [, delay = type, source = ''] = /^xstate\.after\.([^.]+)\.(.+)$/.exec(type) ?? [];
  const node = source === '' ? undefined : scenarioChart.getStateNodeById(source);
  const target = node?.transitions.get(type)?.[0]?.target?.[0]?.id;
  return { delay, inMs: dueMs - nowMs, thenState: target ?? source };
}

/** The way from silence to a takeover, station by station, whatever the state is now. */
function automaticConditions(
  snapshot: AnyMachineSnapshot,
  timers: readonly StoredTimer[],
  nowMs: number,
): readonly Condition[] {
  const context = snapshot.context as ScenarioContext;
  const { definition, silentForMs, takeover } = context;
  const value = snapshot.value as { replicating?: { isAlive: string }; takingOver?: { verdict: string } };
  const watch = value.replicating?.isAlive;
  const verdict = value.takingOver?.verdict;
  const isSilent = watch === 'suspecting' || watch === 'masterDown' || takeover?.cause === 'masterDown';
  const remaining = timers.find(({ event }) => /after\.(isAliveRemaining|restOfSuspicion)/.test(event));
  const passed = isSilent && remaining === undefined;
  const station = (name: string, ja: string, en: string, holds: boolean, shown: string): Condition => ({
    name,
    ja,
    en,
    holds,
    value: shown,
  });
  return [
    conditionNow('isAutomatic', context),
    conditionNow('isSynchronized', context),
    station(
      'isWatched',
      '死活監視が行われている',
      'the Is Alive check runs',
      verdict !== undefined || (watch !== undefined && !['starting', 'waitingToStart', 'maintenance'].includes(watch)),
      watch ?? verdict ?? '-',
    ),
    station(
      'isSilent',
      'マスタが応答していない',
      'the master is silent',
      isSilent,
      isSilent ? `${silentForMs} ms +` : '0 ms',
    ),
    station(
      'timeoutPassed',
      'Is Alive タイムアウトが経過している',
      'the Is Alive timeout has passed',
      passed,
      remaining === undefined ? `${definition.isAlive.timeoutMs} ms` : `${Math.max(0, remaining.dueMs - nowMs)} ms → 0`,
    ),
    station(
      'isProvable',
      'マスタの停止を証明する手段がある',
      'something here can prove that the master has stopped',
      conditions.deviceProves.holds(context) || conditions.leaseProves.holds(context),
      `${conditions.deviceProves.value(context)} / ${conditions.leaseProves.value(context)}`,
    ),
    conditionNow('ownClaimStands', context),
    conditionNow('witnessClaimStands', context),
    conditionNow('isFenceProven', context),
  ];
}
