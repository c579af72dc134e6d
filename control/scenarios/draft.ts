import { z } from 'zod';
import { isAliveDefaults } from '#machines/vocabulary.ts';
import type { HostAddress, ScenarioDefinition, ScenarioId } from '#machines/vocabulary.ts';
import { fieldRules } from './draftRules.ts';
import { fence, safetyFindings } from './fenceDraft.ts';
import { certificateSha256, host, name, port, secretName, userName, vmName } from './draftFields.ts';
import { Problem } from './problem.ts';
import type { Finding } from './problem.ts';
import { assuredRecovery, isAliveChecks, schedule } from './taskDraft.ts';

/** What is taken when the draft does not say; addresses come from control's own configuration. */
export type DraftDefaults = { readonly appliance: HostAddress; readonly master?: HostAddress };

const enginePort = 25_000;
const guardPort = 25_001;
const spoolBytesMaxDefault = 10 * 2 ** 30;

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

const isAlive = z.strictObject({
  heartbeatMs: z.int().min(100).max(3_600_000).default(isAliveDefaults.heartbeatMs),
  timeoutMs: z.int().min(300).max(86_400_000).default(isAliveDefaults.timeoutMs),
  checks: isAliveChecks,
});

const networks = z.array(z.strictObject({ network: name })).max(10);

const draft = z.strictObject({
  name,
  master: z.strictObject({ host: host.optional(), port: port.optional(), guardPort: port.default(guardPort), disks }),
  appliance: z.strictObject({ host: host.optional(), port: port.optional(), vmName }),
  hypervisor: z.strictObject({
    host,
    port: port.default(443),
    user: userName,
    secretName,
    certificateSha256,
    datastore: name,
    resourcePool: name.optional(),
  }),
  substituteVm: z.strictObject({
    name: vmName,
    cpus: z.int().min(1).max(768),
    memoryMiB: z.int().min(128).max(25_165_824),
    nicMapping: z
      .strictObject({ highAvailability: networks.default([]), assuredRecovery: networks.default([]) })
      .default({ highAvailability: [], assuredRecovery: [] }),
  }),
  isAlive: isAlive.default({ ...isAliveDefaults }),
  switchover: z.enum(['automatic', 'manual']).default('automatic'),
  /** Takes effect with automatic switchover only. */
  speculation: z.boolean().default(true),
  fence,
  runAfterReboot: z.boolean().default(true),
  assuredRecovery,
  schedule,
  syncMethod: z.enum(['volumeLevel', 'blockLevel', 'fileLevel', 'offline']).default('volumeLevel'),
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
  const { master, appliance, hypervisor, ...others } = parsed.data;
  const masterHost = master.host ?? defaults.master?.host;
  if (masterHost === undefined) throw invalidDraft([finding('master.host', 'missing')]);
  const { resourcePool, ...place } = hypervisor;
  const definition: ScenarioDefinition = {
    ...others,
    scenarioId: id,
    master: {
      host: masterHost,
      port: master.port ?? (master.host === undefined ? defaults.master?.port : undefined) ?? enginePort,
      guardPort: master.guardPort,
      disks: master.disks,
    },
    appliance: {
      host: appliance.host ?? defaults.appliance.host,
      port: appliance.port ?? (appliance.host === undefined ? defaults.appliance.port : enginePort),
      vmName: appliance.vmName,
    },
    hypervisor: resourcePool === undefined ? place : { ...place, resourcePool },
  };
  const unsafe = safetyFindings(definition);
  if (unsafe.length > 0) throw invalidDraft(unsafe);
  return definition;
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
