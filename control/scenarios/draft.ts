import { z } from 'zod';
import { isAliveDefaults } from '#machines/vocabulary.ts';
import type { HostAddress, ScenarioDefinition, ScenarioId } from '#machines/vocabulary.ts';
import { fieldRules } from './draftRules.ts';
import { Problem } from './problem.ts';
import type { Finding } from './problem.ts';

/** What is taken when the draft does not say; addresses come from control's own configuration. */
export type DraftDefaults = { readonly appliance: HostAddress; readonly master?: HostAddress };

const enginePort = 25_000;
const spoolBytesMaxDefault = 10 * 2 ** 30;

const host = z
  .string()
  .trim()
  .regex(/^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$/)
  .max(253);
const port = z.int().min(1).max(65_535);
const name = z.string().trim().min(1).max(80);
/** vSphere forbids these in names of inventory objects. */
const vmName = name.regex(/^[^%/\\]+$/);

const disk = z.strictObject({
  diskId: z.string().min(1).max(255),
  bytes: z.int().positive().multipleOf(512),
  system: z.boolean(),
});

const disks = z
  .array(disk)
  .min(1)
  .refine((list) => list.some(({ system }) => system), { params: { rule: 'noSystemDisk' } })
  .refine((list) => new Set(list.map(({ diskId }) => diskId)).size === list.length, { params: { rule: 'diskTwice' } });

const isAlive = z
  .strictObject({
    heartbeatMs: z.int().min(100).max(3_600_000).default(isAliveDefaults.heartbeatMs),
    timeoutMs: z.int().min(300).max(86_400_000).default(isAliveDefaults.timeoutMs),
  })
  .refine(({ heartbeatMs, timeoutMs }) => timeoutMs > 2 * heartbeatMs, {
    params: { rule: 'timeoutTooShort' },
    path: ['timeoutMs'],
  });

const draft = z.strictObject({
  name,
  master: z.strictObject({ host: host.optional(), port: port.optional(), disks }),
  appliance: z.strictObject({ host: host.optional(), port: port.optional(), vmName }),
  hypervisor: z.strictObject({
    host,
    port: port.default(443),
    user: z.string().min(1).max(256),
    secretName: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/),
    certificateSha256: z
      .string()
      .transform((text) => text.replaceAll(':', '').toLowerCase())
      .pipe(z.string().regex(/^[0-9a-f]{64}$/)),
    datastore: name,
    resourcePool: name.optional(),
  }),
  substituteVm: z.strictObject({
    name: vmName,
    cpus: z.int().min(1).max(768),
    memoryMiB: z.int().min(128).max(25_165_824),
    nicMapping: z
      .strictObject({ highAvailability: z.array(z.strictObject({ network: name })).max(10) })
      .default({ highAvailability: [] }),
  }),
  isAlive: isAlive.default({ ...isAliveDefaults }),
  switchover: z.enum(['automatic', 'manual']).default('automatic'),
  syncMethod: z.literal('volumeLevel').default('volumeLevel'),
  spool: z
    .strictObject({
      spoolBytesMax: z
        .int()
        .min(2 ** 20)
        .max(2 ** 50),
    })
    .default({ spoolBytesMax: spoolBytesMaxDefault }),
});

/**
 * A scenario's definition from what an operator sends (guide 6). Throws a `Problem` of kind `invalid` that names every
 * wrong field with the reason and the way out.
 */
export function definitionFromDraft(input: unknown, id: ScenarioId, defaults: DraftDefaults): ScenarioDefinition {
  const parsed = draft.safeParse(input);
  if (!parsed.success) throw invalidDraft(parsed.error.issues.flatMap((issue) => findings(issue, input)));
  const { name, master, appliance, hypervisor, substituteVm, isAlive, switchover, syncMethod, spool } = parsed.data;
  const masterHost = master.host ?? defaults.master?.host;
  if (masterHost === undefined) throw invalidDraft([finding('master.host', 'missing')]);
  const { resourcePool, ...place } = hypervisor;
  return {
    scenarioId: id,
    name,
    master: {
      host: masterHost,
      port: master.port ?? (master.host === undefined ? defaults.master?.port : undefined) ?? enginePort,
      disks: master.disks,
    },
    appliance: {
      host: appliance.host ?? defaults.appliance.host,
      port: appliance.port ?? (appliance.host === undefined ? defaults.appliance.port : enginePort),
      vmName: appliance.vmName,
    },
    hypervisor: resourcePool === undefined ? place : { ...place, resourcePool },
    substituteVm,
    isAlive,
    switchover,
    syncMethod,
    spool,
  };
}

const invalidDraft = (list: readonly Finding[]): Problem =>
  new Problem(
    'invalid',
    'invalidScenario',
    {
      ja: `シナリオの設定に誤りがあります。${list.map(({ ja }) => ja).join(' ')}`,
      en: `The scenario is not valid. ${list.map(({ en }) => en).join(' ')}`,
    },
    list,
  );

type Issue = z.core.$ZodIssue;
type Reason = 'missing' | 'unknown' | 'wrong';

const reasons: Readonly<Record<Reason, { ja: string; en: string }>> = {
  missing: { ja: '指定されていません。', en: 'is missing.' },
  unknown: { ja: 'は存在しない項目です。', en: 'is not a field of a scenario.' },
  wrong: { ja: 'の値が正しくありません。', en: 'is not valid.' },
};

function findings(issue: Issue, input: unknown): Finding[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => finding([...path, key].join('.'), 'unknown'));
  }
  const rule = issue.code === 'custom' ? issue.params?.['rule'] : undefined;
  const missing = issue.code === 'invalid_type' && valueAt(input, issue.path) === undefined;
  return [finding(path.join('.'), missing ? 'missing' : 'wrong', typeof rule === 'string' ? rule : undefined)];
}

function finding(field: string, reason: Reason, rule?: string): Finding {
  const wayOut = fieldRules[rule ?? (reason === 'unknown' ? unknownRule(field) : field.replace(/\.\d+/g, '[]'))];
  return {
    field,
    ja: `${field} ${reasons[reason].ja}${wayOut?.ja ?? ''}`,
    en: `${field === '' ? 'The body' : field} ${reasons[reason].en}${wayOut === undefined ? '' : ` ${wayOut.en}`}`,
  };
}

const unknownRule = (field: string): string => (/pass|secret/i.test(field) ? 'secretInDraft' : 'unknownField');

const valueAt = (input: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined,
    input,
  );
