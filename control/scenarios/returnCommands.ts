import { z } from 'zod';
import type { DataRecoveryCommand } from '#machines/dataRecovery/refusals.ts';
import type { SwitchbackCommand } from '#machines/switchback/refusals.ts';
import { noDetails } from './commandRow.ts';
import type { CommandRows } from './commandRow.ts';
import { host, port } from './draftFields.ts';

const enginePort = 25_000;
const address = z.strictObject({ host, port: port.default(enginePort) });
const id = z.string().min(1).max(255);

/** `host` or `host:port`. */
function readAddress(text: string): unknown {
  const [, at, given] = /^(.+?)(?::(\d+))?$/.exec(text) ?? [];
  return { host: at, port: given === undefined ? enginePort : Number(given) };
}

/** Guide 11: from the substitute VM back to a machine. */
export const switchbackRows: CommandRows<SwitchbackCommand> = {
  reverse: {
    path: 'reverse',
    description: 'begin reverse replication to a machine booted from the boot kit',
    body: z.strictObject({
      target: address,
      source: address.exactOptional(),
      method: z.enum(['volumeLevel', 'blockLevel']).exactOptional(),
    }),
    rule: {
      ja: 'target にブート キットで起動したマシンの host (と port) を指定してください。source には代替仮想マシンのアドレス、method には volumeLevel または blockLevel を指定できます。',
      en: 'Give as target the host (and port) of the machine booted from the boot kit; source may be the address of the substitute VM, method volumeLevel or blockLevel.',
    },
    options: [
      { flags: '--target <host[:port]>', description: 'the machine booted from the boot kit', read: readAddress },
      {
        flags: '--source <host[:port]>',
        description: "the substitute VM, where it is not at the master's address",
        read: readAddress,
      },
      { flags: '--method <method>', description: 'volumeLevel or blockLevel' },
    ],
  },
  confirmMapping: {
    path: 'confirm-mapping',
    description: 'agree to overwrite the proposed disks of the machine',
    body: z.strictObject({
      hardwareId: id,
      mapping: z
        .array(z.strictObject({ diskId: id, serial: id }))
        .min(1)
        .max(256),
    }),
    rule: {
      ja: 'hardwareId と、上書きに同意するディスクの mapping (diskId と serial の配列) を指定してください。',
      en: 'Give hardwareId and as mapping the disks you agree to overwrite, each with diskId and serial.',
    },
  },
  switchback: {
    path: 'switchback',
    description: 'shut the substitute VM down and restart the machine in its place',
    body: z.strictObject({ hard: z.boolean().exactOptional() }),
    rule: {
      ja: '本文には hard (true または false) だけを指定できます。',
      en: 'The body may hold hard (true or false) and nothing else.',
    },
    options: [{ flags: '--hard', description: 'do not wait for the guest of the substitute VM' }],
  },
  undoSwitchback: {
    path: 'undo-switchback',
    description: 'let the substitute VM take its place again',
    body: noDetails,
  },
  confirmTargetOff: {
    path: 'confirm-target-off',
    description: 'vouch that the machine to be restored is powered off, where nothing can prove it',
    body: z.strictObject({ hardwareId: id }),
    rule: {
      ja: 'hardwareId に、電源が切れていることを確認したマシンのハードウェア ID を指定してください。',
      en: 'Give as hardwareId the id of the machine that you have found powered off.',
    },
    options: [{ flags: '--hardware-id <id>', description: 'id of the machine that is powered off' }],
  },
  refreshVolumes: {
    path: 'refresh-volumes',
    description: 'read the disks of the restored master',
    body: noDetails,
  },
  confirmVolumes: {
    path: 'confirm-volumes',
    description: 'agree to the disks that are protected from now on',
    body: z.strictObject({ diskIds: z.array(id).min(1).max(256) }),
    rule: {
      ja: 'diskIds に、今後保護するディスクの名前を配列で指定してください。',
      en: 'Give as diskIds the names of the disks to be protected from now on.',
    },
    options: [{ flags: '--disk <diskId...>', description: 'disks to be protected from now on', field: 'diskIds' }],
  },
};

const item = z.strictObject({ volume: id, path: z.string().min(1).max(4_096) });

/** Guide 12: files from an earlier point of the replica. */
export const dataRecoveryRows: CommandRows<DataRecoveryCommand> = {
  recoverData: { path: 'recover-data', description: 'list the recovery points', body: noDetails },
  mountRecoveryPoint: {
    path: 'mount-recovery-point',
    description: 'mount a recovery point read-only',
    body: z.strictObject({ pointId: id }),
    rule: {
      ja: 'pointId にリカバリ ポイントの ID を指定してください。',
      en: 'Give as pointId the id of a recovery point.',
    },
    options: [{ flags: '--point <pointId>', description: 'id of the recovery point', field: 'pointId' }],
  },
  restoreFiles: {
    path: 'restore-files',
    description: 'copy files out of the mounted recovery point',
    body: z.strictObject({
      items: z.array(item).min(1).max(10_000),
      target: address,
      folder: z.string().min(1).max(4_096).exactOptional(),
    }),
    rule: {
      ja: 'items (volume と path の配列)、target (host と port) を指定してください。folder には復元先のフォルダを指定できます。',
      en: 'Give items (each with volume and path) and target (host and port); folder may name where to restore to.',
    },
  },
  endRecovery: { path: 'end-recovery', description: 'end the data recovery', body: noDetails },
};
