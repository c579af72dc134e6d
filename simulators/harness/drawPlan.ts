import { leaseTimingDefaults } from '#machines/masterGuard/leaseTiming.ts';
import type { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';
import type { Action, ActionKind, HostName, PlanEntry, Run, SiteShape, When } from './plan.ts';
import { drawLife, kitTroubles } from './drawLife.ts';
import { hosts, operatorCommands, processes } from './plan.ts';

export const profileNames = ['standard', 'calm', 'brutal', 'liveness-only', 'blocks', 'fence'] as const;
export type ProfileName = (typeof profileNames)[number];

type Profile = {
  readonly faultsAnHour: readonly [least: number, most: number];
  /** Of a hundred entries this many wait for something to show instead of a time. */
  readonly triggeredPercent: number;
  /** Of a hundred seeds this many end with the master losing its power. */
  readonly masterDiesPercent: number;
  readonly hours: number;
  readonly shape: (random: SimulatedRandom) => Partial<SiteShape>;
  /** Of a hundred seeds this many also see what operators do in a scenario's life beside its switchover. */
  readonly livesPercent?: number;
  /** Only what leaves the product able to go on by itself. */
  readonly recoverableOnly?: boolean;
};

const one = <Item>(random: SimulatedRandom, from: readonly Item[]): Item => {
  const item = from[random.integer(from.length)];
  if (item === undefined) throw new RangeError('there is nothing to choose from');
  return item;
};
const chance = (random: SimulatedRandom, percent: number): boolean => random.integer(100) < percent;

/** Every seed has a site of its own: each protection is there or not, but automatic only where a fence can be proven. */
function drawnShape(random: SimulatedRandom): Partial<SiteShape> {
  const fenceDevice = chance(random, 50);
  const speculation = chance(random, 70);
  const switchover = chance(random, 85) ? 'automatic' : 'manual';
  const schedule = chance(random, 20) ? one(random, ['assuredRecovery', 'suspension'] as const) : undefined;
  return { fenceDevice, speculation, switchover, ...(schedule === undefined ? {} : { schedule }) };
}

const profiles: { readonly [name in ProfileName]: Profile } = {
  standard: {
    faultsAnHour: [1, 6],
    triggeredPercent: 35,
    masterDiesPercent: 60,
    livesPercent: 50,
    hours: 1,
    shape: drawnShape,
  },
  calm: {
    faultsAnHour: [0, 1],
    triggeredPercent: 10,
    masterDiesPercent: 30,
    livesPercent: 50,
    hours: 4,
    shape: drawnShape,
  },
  brutal: {
    faultsAnHour: [8, 25],
    triggeredPercent: 40,
    masterDiesPercent: 60,
    livesPercent: 50,
    hours: 1,
    shape: drawnShape,
  },
  'liveness-only': {
    faultsAnHour: [1, 4],
    triggeredPercent: 30,
    masterDiesPercent: 60,
    hours: 1,
    shape: drawnShape,
    recoverableOnly: true,
  },
  /** The fence by itself: guard, leases and voters with a plain claimant. */
  fence: { faultsAnHour: [2, 12], triggeredPercent: 40, masterDiesPercent: 40, hours: 1, shape: drawnShape },
  blocks: {
    faultsAnHour: [1, 6],
    triggeredPercent: 20,
    masterDiesPercent: 70,
    hours: 0.25,
    shape: (random) => ({ ...drawnShape(random), blocks: true }),
  },
};

const wishesOfLife = [
  ...(['bareMetal.receive', 'bareMetal.finish', 'bareMetal.restart', 'bareMetal.abandon', 'guard.rejoin'] as const),
  ...(['guard.disarm', 'guest.check', 'recoveryPoints.mount', 'recoveryPoints.restore'] as const),
];

/** States, wishes and messages worth a fault of their own: the places where races live. */
const moments: readonly When[] = [
  ...[
    'takingOver',
    'takingOver.verdict',
    'takingOver.double',
    'standingDown',
    'switchingOver',
    'replicating.isAlive.suspecting',
    'flow.testing',
    'reverseSynchronizing',
    'switchingBack',
    'undoingSwitchback',
    'refreshingVolumes',
  ].map((state) => ({ state })),
  ...[
    'lease.claim',
    'witness.claim',
    'fence.powerOff',
    'addresses.probe',
    'master.look',
    'replica.freeze',
    ...wishesOfLife,
  ].map((wish) => ({ wish })),
  ...['createVm', 'powerOnVm', 'setNicsConnected', 'waitForGuest', 'deleteChildDisk', 'unregisterVm'].map((method) => ({
    wish: `hypervisor.${method}`,
  })),
  ...['lease.renew', 'witness.claim', 'witness.release', 'guard.isolate', 'guard.arm'].map((message) => ({ message })),
];

const drawnKinds: readonly ActionKind[] = [
  ...(['cut', 'cut', 'jam', 'slow', 'flap', 'reset', 'crash', 'crash', 'freezeProcess', 'freezeHost'] as const),
  ...(['powerOff', 'jumpClock', 'diskFull', 'changesLost', 'hypervisor', 'hypervisor', 'human'] as const),
  ...(['fenceDevice', 'witnessForgets', 'operator', 'notice', 'burst', 'kit', 'guests'] as const),
];
const unrecoverable = new Set<ActionKind>(['human', 'witnessForgets', 'operator', 'notice', 'kit', 'guests']);
const links: readonly (readonly [HostName, HostName])[] = [
  ['master', 'appliance'],
  ['master', 'witness'],
  ['appliance', 'witness'],
  ['appliance', 'esxi'],
  ['appliance', 'bmc'],
];

/** The same seed and profile draw the same run; a run that once failed is kept and replayed without drawing. */
export function drawRun(seed: string, name: ProfileName, random: SimulatedRandom, hours?: number): Run {
  const profile = profiles[name];
  const draw = random.fork(`plan/${name}`);
  const site: SiteShape = {
    switchover: 'automatic',
    speculation: true,
    witness: true,
    fenceDevice: false,
    watchdog: true,
    times: 'short',
    blocks: false,
    driftPpm: Object.fromEntries(
      hosts.map((host) => [
        host,
        draw.integer(leaseTimingDefaults.driftPpm) - Math.floor(leaseTimingDefaults.driftPpm / 2),
      ]),
    ),
    ...profile.shape(draw),
  };
  const spanHours = hours ?? profile.hours;
  return { seed, profile: name, site, hours: spanHours, plan: drawPlan(draw, profile, spanHours) };
}

function drawPlan(draw: SimulatedRandom, profile: Profile, hours: number): PlanEntry[] {
  // Swarm: a seed uses some kinds only, and uses them more; leaving kinds out finds more than mixing all.
  const allowed = drawnKinds.filter((kind) => !(profile.recoverableOnly === true && unrecoverable.has(kind)));
  const swarm = allowed.filter(() => chance(draw, 40));
  const kinds = swarm.length > 0 ? swarm : allowed;
  const [least, most] = profile.faultsAnHour;
  const count = Math.ceil((least + draw.integer(most - least + 1)) * hours);
  const spanMs = hours * 3_600_000;
  const plan = Array.from({ length: count }, (): PlanEntry => {
    const action = drawAction(draw, one(draw, kinds));
    const when = chance(draw, profile.triggeredPercent) ? drawMoment(draw) : { atMs: draw.integer(spanMs) };
    return { when, action, ...(lasts(action) ? { forMs: drawDurationMs(draw, action) } : {}) };
  });
  if (chance(draw, profile.masterDiesPercent))
    plan.push({ when: { atMs: draw.integer(spanMs) }, action: { kind: 'powerOff', host: 'master' } });
  if (chance(draw, profile.livesPercent ?? 0)) plan.push(...drawLife(draw, spanMs));
  return plan;
}

function drawMoment(draw: SimulatedRandom): When {
  const moment = one(draw, moments);
  return { ...moment, nth: 1 + draw.integer(2), afterMs: chance(draw, 50) ? 0 : draw.integer(3_000) };
}

const momentary = new Set<ActionKind>([
  ...(['reset', 'jumpClock', 'changesLost', 'hypervisor', 'human', 'witnessForgets'] as const),
  ...(['operator', 'notice', 'burst', 'healAll'] as const),
]);
const lasts = ({ kind }: Action): boolean => !momentary.has(kind);

/** Half of all durations are aimed: a little less or more than a time that the protocol rests on. */
const aimedMs = [10_000, 20_000, 30_000, 45_000, 60_000, 90_000, 145_000, 300_000];

function drawDurationMs(draw: SimulatedRandom, { kind }: Action): number {
  if (kind === 'crash') return 200 + draw.integer(chance(draw, 80) ? 5_000 : 120_000);
  if (kind === 'freezeHost' || kind === 'freezeProcess') return 500 + draw.integer(chance(draw, 60) ? 20_000 : 120_000);
  const aimed = chance(draw, 50);
  return aimed ? Math.max(100, one(draw, aimedMs) + draw.integer(6_000) - 3_000) : 500 + draw.integer(400_000);
}

const retriable = [
  'createVm',
  'powerOnVm',
  'setNicsConnected',
  'detachDisk',
  'attachDisk',
  'waitForGuest',
  'describeVm',
  'inspect',
  'powerOffVm',
  'unregisterVm',
  'deleteChildDisk',
] as const;

function drawAction(draw: SimulatedRandom, kind: ActionKind): Action {
  const [near, far] = one(draw, links);
  const [from, to] = chance(draw, 50) ? [near, far] : [far, near];
  switch (kind) {
    case 'cut':
    case 'jam':
    case 'reset':
      return { kind, from, to };
    case 'slow':
      return { kind, from, to, extraMs: one(draw, [20, 300, 1_500, 2_500, 8_000]) };
    case 'flap':
      return { kind, from, to, periodMs: 2_000 + draw.integer(18_000) };
    case 'crash':
      return { kind, process: one(draw, processes), disk: one(draw, ['kept', 'unflushedLost', 'tornTail']) };
    case 'freezeProcess':
      return { kind, process: one(draw, processes) };
    case 'freezeHost':
      return { kind, host: one(draw, ['master', 'appliance', 'witness']) };
    case 'powerOff':
      return { kind, host: one(draw, ['master', 'witness', 'appliance']) };
    case 'jumpClock':
      return { kind, host: one(draw, ['master', 'appliance', 'witness']), byMs: drawJumpMs(draw) };
    case 'diskFull':
      return { kind, host: one(draw, ['master', 'appliance', 'witness']) };
    case 'hypervisor': {
      const trouble = one(draw, ['before', 'after', 'busy', 'sessionExpired', 'noSpace', 'slow'] as const);
      const method = one(draw, retriable);
      // A host that sits on this order obeys it when the probe is old: only the host itself could refuse it then.
      const obeysLate = trouble === 'slow' && method === 'setNicsConnected';
      return { kind, trouble: obeysLate ? 'busy' : trouble, method, nth: 1 + draw.integer(3) };
    }
    case 'human':
      return { kind, edit: one(draw, ['snapshot', 'removeSnapshots', 'powerOffDouble']) };
    case 'fenceDevice':
      return { kind, trouble: one(draw, ['unreachable', 'liar', 'slow', 'replyLost']) };
    case 'operator':
      return { kind, command: one(draw, operatorCommands), times: 1 + draw.integer(3) };
    case 'kit':
      return { kind, trouble: one(draw, kitTroubles) };
    case 'guests':
      return { kind, trouble: one(draw, ['sayNo', 'neverUp']) };
    case 'notice':
      return { kind, maintenanceMs: 60_000 + draw.integer(900_000) };
    case 'burst':
      return { kind, writes: 10 + draw.integer(300) };
    default:
      return { kind };
  }
}

const drawJumpMs = (draw: SimulatedRandom): number =>
  one(draw, [1_000, 60_000, 3_600_000, 86_400_000 * 365, 86_400_000 * 365 * 13]) * (chance(draw, 50) ? 1 : -1);
