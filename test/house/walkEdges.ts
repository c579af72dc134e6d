import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate';
import { getNextTransitions } from 'xstate';
import { fault } from '#machines/faults.ts';
import { masterGuardChart } from '#machines/masterGuard/masterGuard.ts';
import type { Capability, ScenarioContext } from '#machines/scenario/context.ts';
import { firstStep, nextStep, statePath } from '#machines/host/step.ts';
import { scenarioChart } from '#machines/scenario/scenario.ts';
import type { ScenarioDefinition } from '#machines/vocabulary.ts';
import { Coverage, edgesOf } from '#simulators/harness/coverage.ts';
import { definition } from '#test/unit/machines/scriptedSite.ts';
import { machine, source } from '#test/unit/machines/switchbackChart.ts';
import { eventsFor, isFresh, isTooFar, raisedByItself } from './explore.ts';

type Details = Readonly<Record<string, unknown>>;
type Payloads = Readonly<Record<string, readonly Details[]>>;

const serial = machine.disks.at(-1)?.serial ?? '';
const GiB = 2 ** 30;
const bothDisks = [...definition.master.disks, { diskId: '/dev/sdb', bytes: GiB, system: false }];
const kit = { ...machine, disks: [serial, 'second'].map((one) => ({ serial: one, bytes: GiB })) };
const mapped = (disks: ScenarioDefinition['master']['disks']) =>
  disks.map(({ diskId }, index) => ({ diskId, serial: index === 0 ? serial : 'second' }));
const mappings = [definition.master.disks, bothDisks].map(mapped);
const equal = mappings.map((mapping) => mapping.map((disk) => ({ ...disk, source: 'a', target: 'a' })));
const volumes = [{ volume: 'C:', bytes: 1, fileSystem: 'ntfs' }];
const plan = { items: [{ volume: 'C:', path: 'data' }], target: { host: 'web2', port: 25_000 } };
const unwell = [
  { outcome: 'passed', evidence: 'e' },
  { outcome: 'failed', evidence: 'e' },
];

/** What the capabilities beside the takeover tell apart. */
const further: Payloads = {
  'master.describe.done': [
    ...[bothDisks, definition.master.disks].map((disks) => ({ result: { ...source, disks } })),
    ...eventsFor('master.describe.done'),
  ],
  'hypervisor.inspect.done': eventsFor('hypervisor.inspect.done').map(({ result }) => ({
    result: { ...(result as object), networks: [{ name: 'VM Network' }, { name: 'Test' }] },
  })),
  'operator.run': [{}, { syncMethod: 'offline' }],
  // Raised by the chart as well; whoever is busy hears of it in a step that shows no change.
  'schedule.due': [{}],
  'operator.reverse': [{ target: { host: 'kit', port: 25_000 } }],
  'operator.confirmMapping': mappings.flatMap((mapping) =>
    [machine.hardwareId, 'another'].map((hardwareId) => ({ hardwareId, mapping })),
  ),
  'operator.switchback': [{}, { hard: true }],
  'operator.confirmTargetOff': [{ hardwareId: machine.hardwareId }, { hardwareId: 'another' }],
  'operator.confirmVolumes': [
    { diskIds: bothDisks.map(({ diskId }) => diskId) },
    { diskIds: ['/dev/sda'] },
    { diskIds: [] },
  ],
  'bareMetal.describe.done': [{ result: kit }, { result: { ...machine, kitVersion: '0' } }],
  'bareMetal.finish.done': [...equal, []].map((digests) => ({ result: { digests } })),
  'bareMetal.abandon.done': [{ result: { confirmed: true } }, { result: { confirmed: false } }],
  'bareMetal.caughtUp': [{ point: { sequence: 1, atNs: '1' } }],
  'bareMetal.failed': [{ fault: fault('diskFull', { path: 'p' }) }],
  'operator.mountRecoveryPoint': [{ pointId: 'p' }, { pointId: 'another' }],
  'operator.restoreFiles': [plan, {}],
  'recoveryPoints.list.done': [{ result: [{ pointId: 'p', atMs: 1, point: { sequence: 1, atNs: '1' } }] }],
  'recoveryPoints.mount.done': [{ result: { volumes } }],
  'recoveryPoints.describeTarget.done': [{ result: { volumes } }, { result: { volumes: [] } }],
  'recoveryPoints.restored': [{ files: 1, bytes: 1 }],
  'recoveryPoints.failed': [{ fault: fault('diskFull', { path: 'p' }) }],
  'recoveryPoints.lost': [{ reason: 'r' }],
  'guest.check.done': unwell.map((result) => ({ result })),
  'addresses.probe.done': [
    { result: { answers: [], askedAtMs: 0 } },
    { result: { answers: [], askedAtMs: -60_000 } },
    { result: { answers: [{ address: 'a', by: 'b' }], askedAtMs: 0 } },
  ],
  'fence.describe.done': [
    { result: { power: 'on', identity: machine.hardwareId } },
    { result: { power: 'on', identity: 'another' } },
  ],
  'guard.describe.done': [
    ...eventsFor('guard.describe.done'),
    ...[true, false].map((isolated) => ({
      result: { node: 'm', epoch: 99, armed: false, isolated, isolation: 'firewall' },
    })),
  ],
};

const terms = {
  appliance: { host: 'a', port: 1 },
  witness: { host: 'w', port: 1 },
  policy: 'automatic',
  timing: definition.fence.timing,
};
const guardFacts: Payloads = {
  'appliance.armed': [{ terms }, { terms: { ...terms, policy: 'manual' } }].map((told) => ({ ...told, epoch: 1 })),
  'appliance.disarmed': [{ epoch: 1 }],
  'appliance.isolate': [{ epoch: 1 }],
  'appliance.rejoin': [{ epoch: 1 }],
  'lease.replaced': [{ epoch: 2 }, { epoch: 0 }],
  'guard.started': [{ boot: 'b' }, { boot: 'another' }],
};

const faults = (
  ['unreachable', 'locked', 'notFound', 'probeUnavailable', 'hypervisorRefused', 'seedRefused'] as const
).map((code) => ({
  fault: fault(code, { host: 'h', reason: 'r', object: 'o', path: 'p' }),
}));

function detailsOf(type: string, own: Payloads, { scheduledForMs = 0 }: ScenarioContext): readonly Details[] {
  // Too early, in time, and too late.
  if (type.startsWith('xstate.after.nextScheduled.'))
    return [-1, 0, 3_600_000].map((lateMs) => ({ atMs: scheduledForMs + lateMs }));
  if (Object.hasOwn(own, type)) return own[type] ?? [];
  return type.endsWith('.failed') ? faults : eventsFor(type);
}

/**
 * What tells two snapshots apart for whoever only looks for edges, a line for each active leaf: far less than what the
 * laws look at. A snapshot is gone on from when one of its leaves was not met so before.
 */
function coarseKeys({ value, context }: AnyMachineSnapshot): readonly string[] {
  const { diskIndex, takeover, double, test, reverse, dataRecovery, seed, unwell, armed, stopReason } =
    context as ScenarioContext;
  const { terms: held, leased, commandedIn, replacedBy, mustAsk } = context;
  const beside = JSON.stringify([
    takeover && [takeover.cause, takeover.proof, takeover.speculative],
    double && [double.role, double.onChildren, double.vmAsked, double.vmId !== undefined],
    diskIndex,
    test && [test.mode, test.results.length],
    reverse && [reverse.confirmed, reverse.hard, reverse.restartEpoch !== undefined],
    dataRecovery && dataRecovery.plan !== undefined,
    seed?.adopted,
    unwell !== undefined,
    armed,
    stopReason === 'switchedBack',
    [held?.policy, leased, commandedIn, replacedBy, mustAsk],
  ]);
  return statePath(value)
    .split(' + ')
    .map((leaf) => `${leaf} ${beside}`);
}

type Setting = { readonly chart: AnyStateMachine; readonly input: unknown; readonly own: Payloads };

/** Walks on from every snapshot that is new, or was come to over an edge that was new. */
export function walkEdges({ chart, input, own }: Setting, coverage: Coverage): number {
  const first = firstStep(chart, input).snapshot;
  const seen = new Set<string>();
  const steps = new Set<string>();
  const ahead: AnyMachineSnapshot[] = [first];
  for (const snapshot of ahead) {
    const types = new Set(getNextTransitions(snapshot).map(({ eventType }) => eventType));
    for (const type of types) {
      if (type === '' || raisedByItself(type)) continue;
      for (const details of detailsOf(type, own, snapshot.context)) {
        const event = { type, atMs: 0, ...details };
        if (!snapshot.can(event)) continue;
        const after = nextStep(chart, snapshot, event).snapshot;
        const walked = coverage.walked.size;
        const step = `${statePath(snapshot.value)} ${type} ${statePath(after.value)}`;
        if (!steps.has(step))
          coverage.note({ chart, node: '', instance: '', before: snapshot, event, after, taken: 'taken' });
        steps.add(step);
        if (isTooFar(after.value) && !isFresh(after.value)) continue;
        const keys = coarseKeys(after);
        if (keys.every((key) => seen.has(key)) && coverage.walked.size === walked) continue;
        for (const key of keys) seen.add(key);
        ahead.push(after);
      }
    }
  }
  return ahead.length;
}

const { device: _device, ...leaseOnly } = definition.fence;
const { witness: _witness, ...deviceOnly } = definition.fence;
const { witness: _none, ...alone } = leaseOnly;
const check = { kind: 'port', name: 'http', port: 80, timeoutMs: 1000 } as const;
const script = { kind: 'script', name: 'app', path: '/check', timeoutMs: 1000 } as const;
const schedule = { days: [0], hours: [0], utcOffsetMinutes: 0, excludedDates: [] } as const;
const { nicMapping } = definition.substituteVm;
const nics = { ...nicMapping, assuredRecovery: [{ network: 'Test' }] };
/** Without anything of the takeover that another setting has. */
const quiet = { switchover: 'manual', speculation: false, fence: alone } as const;
const twoDisks = { master: { ...definition.master, disks: bothDisks } };

const scenario = (capabilities: readonly Capability[], changes: Partial<ScenarioDefinition> = {}): Setting => ({
  chart: scenarioChart,
  own: further,
  input: {
    definition: { ...definition, ...changes },
    applianceVersion: '1',
    applianceNode: 'appliance',
    capabilities,
  },
});

/** Each capability with the set-ups that it tells apart: what several of them share is walked once. */
const settings: readonly Setting[] = [
  { chart: masterGuardChart, own: guardFacts, input: { host: 'h', boot: 'b' } },
  scenario(['speculation'], twoDisks),
  scenario(['speculation', 'reverseReplication']),
  scenario(['reverseReplication'], { ...quiet, ...twoDisks }),
  scenario([], { speculation: false, fence: leaseOnly }),
  scenario([], { ...quiet, fence: definition.fence }),
  scenario([], { ...quiet, fence: deviceOnly, runAfterReboot: false }),
  scenario(['dataRecovery'], quiet),
  scenario(['offline'], { ...quiet, ...twoDisks, syncMethod: 'offline' }),
  scenario(['assuredRecovery', 'guestChecks'], {
    ...quiet,
    ...twoDisks,
    assuredRecovery: { checks: [check, check] },
    substituteVm: { ...definition.substituteVm, nicMapping: nics },
  }),
  scenario(['assuredRecovery'], { ...quiet, assuredRecovery: { checks: [] } }),
  scenario(['isAliveChecks'], { ...quiet, isAlive: { ...definition.isAlive, checks: { script, action: 'notify' } } }),
  scenario(['isAliveChecks'], {
    speculation: false,
    isAlive: { ...definition.isAlive, checks: { script, action: 'switchover' } },
  }),
  scenario(['assuredRecovery'], {
    ...quiet,
    assuredRecovery: { checks: [] },
    schedule: { task: 'assuredRecovery', ...schedule },
  }),
  scenario([], { ...quiet, schedule: { task: 'suspension', ...schedule, durationMs: 3_600_000 } }),
];

const sharedDiscard = 'a state shared with the stop; a double that is discarded here always runs on child disks';

/** Declared, and not to be walked: each with the reason. */
export const neverWalked: Readonly<Record<string, string>> = {
  'masterGuard: masterGuard.disarmed lease.replaced masterGuard.disarmed':
    'declared so that nothing happens: it is heard, and stale',
  'scenario: scenario.replicating.flow.discarding always scenario.replicating.flow.attachingDisk': sharedDiscard,
  'scenario: scenario.takingOver.double.discarding always scenario.takingOver.double.attachingDisk': sharedDiscard,
  'scenario: scenario.replicating.flow.testing.nextDisk always scenario.replicating.flow.testing.creatingVm':
    'a state shared with the takeover; a test VM always runs on child disks',
  'scenario: scenario.takingOver.verdict.claiming lease.claim.done scenario.takingOver.verdict.unproven':
    'verification refuses automatic switchover without a witness; the verdict does not rely on that',
};

/** Edges that the charts declare, and those of them that no walk takes. */
export function edgeCoverage(): { readonly declared: readonly string[]; readonly missing: readonly string[] } {
  const coverage = new Coverage();
  for (const setting of settings) walkEdges(setting, coverage);
  const declared = [...new Set([scenarioChart, masterGuardChart].flatMap(edgesOf).map(({ key }) => key))];
  return { declared, missing: declared.filter((key) => !coverage.walked.has(key)) };
}
