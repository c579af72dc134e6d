import { z } from 'zod';
import type { OperatorCommand, ScenarioCommand } from '#machines/scenario/operatorCommands.ts';
import type { SyncMethod } from '#machines/vocabulary.ts';
import { noDetails } from './commandRow.ts';
import type { CommandRows } from './commandRow.ts';
import { Problem } from './problem.ts';
import type { Sentences } from './problem.ts';
import { dataRecoveryRows, switchbackRows } from './returnCommands.ts';

const syncMethods = ['volumeLevel', 'blockLevel', 'fileLevel', 'offline'] as const satisfies readonly SyncMethod[];
const emptyBody: Sentences = { ja: 'このコマンドの本文は空にしてください。', en: 'The body of this command is empty.' };

/** Every command of an operator: its route, its input and its options on the command line. */
export const commandTable: CommandRows<OperatorCommand> = {
  run: {
    path: 'run',
    description: 'start a scenario',
    body: z.strictObject({
      syncMethod: z.enum(syncMethods).exactOptional(),
      ignoreSameSizeAndTime: z.boolean().exactOptional(),
    }),
    rule: {
      ja: 'syncMethod (volumeLevel、blockLevel、fileLevel、offline) と ignoreSameSizeAndTime (true または false) だけを指定できます。',
      en: 'The body may hold syncMethod (volumeLevel, blockLevel, fileLevel, offline) and ignoreSameSizeAndTime (true or false).',
    },
    options: [
      { flags: '--sync-method <method>', description: 'how to synchronize in this run' },
      { flags: '--ignore-same-size-and-time', description: 'leave files of the same size and time out' },
    ],
  },
  stop: { path: 'stop', description: 'stop a scenario', body: noDetails },
  switchover: {
    path: 'switchover',
    description: 'let the substitute VM take over',
    // Waiting for the journals is the dialog's default (guide product 6.2).
    body: z.strictObject({
      waitForJournals: z.boolean().default(true),
      reverseAfterwards: z.boolean().default(false),
    }),
    rule: {
      ja: '本文には waitForJournals と reverseAfterwards (true または false) だけを指定できます。',
      en: 'The body may hold waitForJournals and reverseAfterwards (true or false) and nothing else.',
    },
    options: [
      { flags: '--no-wait-for-journals', description: 'do not wait until all journals are applied' },
      { flags: '--reverse-afterwards', description: 'remind of reverse replication afterwards' },
    ],
  },
  assertMasterOff: {
    path: 'assert-master-off',
    description: 'vouch that the master is powered off, where nothing can prove it',
    body: z.strictObject({
      masterName: z.string().trim().min(1).max(253),
      by: z.string().trim().min(1).max(80).exactOptional(),
    }),
    rule: {
      ja: 'masterName に、電源が切れていることを確認したマスタの名前を入力してください。by には確認した管理者の名前を指定できます。',
      en: 'Give as masterName the name of the master that you have found powered off; by may name the administrator.',
    },
    options: [
      { flags: '--master-name <name>', description: 'name of the master that is powered off' },
      { flags: '--by <name>', description: 'who vouches for it' },
    ],
  },
  giveUpSwitchover: {
    path: 'give-up-switchover',
    description: 'give a switchover up that has not completed',
    body: noDetails,
  },
  suspend: { path: 'suspend', description: 'suspend the replication', body: noDetails },
  resume: { path: 'resume', description: 'resume a suspended replication', body: noDetails },
  announceMaintenance: {
    path: 'maintenance',
    description: 'announce that the master will be silent for a while',
    body: z.strictObject({ forMs: z.int().min(1) }),
    rule: {
      ja: 'forMs にメンテナンスの長さをミリ秒で指定してください。',
      en: 'Give as forMs how long the maintenance takes, in milliseconds.',
    },
    options: [
      {
        flags: '--for <duration>',
        description: 'how long, as 90s, 15m or 2h',
        field: 'forMs',
        read: milliseconds,
      },
    ],
  },
  startTest: {
    path: 'start-test',
    description: 'boot a test VM from the replica (assured recovery)',
    body: z.strictObject({ mode: z.enum(['manual', 'automatic']).default('automatic') }),
    rule: {
      ja: 'mode に manual または automatic を指定してください。',
      en: 'Give as mode manual or automatic.',
    },
    options: [{ flags: '--mode <mode>', description: 'manual or automatic' }],
  },
  endTest: {
    path: 'end-test',
    description: 'end the test and discard what the test VM has written',
    body: z.strictObject({ verdict: z.enum(['passed', 'failed']).exactOptional() }),
    rule: {
      ja: 'verdict に passed または failed を指定してください。',
      en: 'Give as verdict passed or failed.',
    },
    options: [{ flags: '--verdict <verdict>', description: 'passed or failed, as you have found it' }],
  },
  seedArrived: {
    path: 'seed-arrived',
    description: 'the copied disks of an offline synchronization are at the appliance',
    body: noDetails,
  },
  endMaintenance: { path: 'end-maintenance', description: 'end the maintenance before its time', body: noDetails },
  ...switchbackRows,
  ...dataRecoveryRows,
};

/** The command that a body asks for. Throws a `Problem` of kind `invalid` that names the field. */
export function readCommandBody(name: OperatorCommand, body: unknown): ScenarioCommand {
  const { body: schema, rule = emptyBody } = commandTable[name];
  const parsed = schema.safeParse(body ?? {});
  // Schema and name belong together by the table's type; their union cannot be followed.
  if (parsed.success) return { command: name, ...parsed.data } as ScenarioCommand;
  const issue = parsed.error.issues[0];
  const field = issue?.code === 'unrecognized_keys' ? (issue.keys[0] ?? '') : (issue?.path.join('.') ?? '');
  throw new Problem('invalid', 'invalidInput', rule, [{ field, ...rule }]);
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `15m`, `2h`; anything else is handed on as it came, for the rule to refuse. */
function milliseconds(text: string): number | string {
  const [, count, unit = ''] = /^(\d+)(ms|s|m|h|d)$/.exec(text) ?? [];
  return count === undefined ? text : Number(count) * (units[unit] ?? Number.NaN);
}
