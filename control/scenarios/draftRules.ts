import type { Sentences } from './problem.ts';

const host: Sentences = {
  ja: 'ホスト名または IP アドレスを指定してください。',
  en: 'Give a host name or an IP address.',
};
const port: Sentences = { ja: '1 から 65535 の整数を指定してください。', en: 'Give a whole number from 1 to 65535.' };
const vmName: Sentences = {
  ja: '仮想マシン名を 80 文字以内で指定してください (% / \\ は使用できません)。',
  en: 'Give the name of the virtual machine, at most 80 characters, without % / \\.',
};
const milliseconds: Sentences = {
  ja: 'ミリ秒単位の整数を指定してください (既定値: heartbeatMs 30000、timeoutMs 300000)。',
  en: 'Give whole milliseconds (by default heartbeatMs 30000, timeoutMs 300000).',
};
const networks: Sentences = {
  ja: 'ネットワーク アダプタのマッピングを 10 個以内の配列で指定してください。',
  en: 'Give at most 10 mapped network adapters.',
};
const network: Sentences = {
  ja: '仮想ネットワーク名を指定してください。',
  en: 'Give the name of the virtual network.',
};
const yesOrNo: Sentences = { ja: 'true または false を指定してください。', en: 'Give true or false.' };
const secretName: Sentences = {
  ja: 'POST /api/secrets で登録したパスワードの名前 (英数字と . _ -、64 文字以内) を指定してください。',
  en: 'Give the name under which POST /api/secrets stored the password: letters, digits and . _ -, at most 64.',
};
const certificate: Sentences = {
  ja: '証明書の SHA-256 を 64 桁の 16 進数で指定してください。',
  en: 'Give the SHA-256 of its certificate, 64 hex digits.',
};
const leaseTime: Sentences = {
  ja: 'ミリ秒単位の整数を指定するか、省略して既定値を使用してください。',
  en: 'Give whole milliseconds, or leave it out for the default.',
};
const leaseFields = [
  'renewMs',
  'leaseMs',
  'guardPollMs',
  'guardRestartMs',
  'watchdogMs',
  'actuationMs',
  'roundTripMs',
  'driftPpm',
  'marginMs',
];
const group: Sentences = { ja: 'オブジェクトを指定してください。', en: 'Give an object.' };

/** The way out for each field of a draft, by its path, and for each rule that spans fields. */
export const fieldRules: Readonly<Record<string, Sentences>> = {
  '': { ja: 'シナリオの設定を JSON オブジェクトで送信してください。', en: 'Send the scenario as a JSON object.' },
  name: { ja: '1 から 80 文字のシナリオ名を指定してください。', en: 'Give the scenario a name of 1 to 80 characters.' },
  master: group,
  'master.host': host,
  'master.port': port,
  'master.guardPort': port,
  'master.disks': {
    ja: 'GET /api/hosts/master/describe が返すディスクから 1 つ以上を指定してください。',
    en: 'Give at least one of the disks that GET /api/hosts/master/describe lists.',
  },
  'master.disks[].diskId': {
    ja: 'マスタ上のディスク名を指定してください。',
    en: 'Give the name of the disk on the master.',
  },
  'master.disks[].bytes': {
    ja: '512 の倍数のバイト数を指定してください。',
    en: 'Give its size in bytes, a multiple of 512.',
  },
  'master.disks[].system': yesOrNo,
  noSystemDisk: {
    ja: 'システム ボリュームを含むディスクは除外できません。system が true のディスクを追加してください。',
    en: 'The disk with the system volume cannot be left out. Add the disk whose system is true.',
  },
  diskTwice: {
    ja: '同じディスクが 2 回指定されています。1 つにしてください。',
    en: 'A disk is given twice. Keep one of them.',
  },
  appliance: group,
  'appliance.host': host,
  'appliance.port': port,
  'appliance.vmName': vmName,
  hypervisor: group,
  'hypervisor.host': host,
  'hypervisor.port': port,
  'hypervisor.user': {
    ja: 'ハイパーバイザのユーザー名を指定してください。',
    en: 'Give the user name on the hypervisor.',
  },
  'hypervisor.secretName': secretName,
  'hypervisor.certificateSha256': certificate,
  'hypervisor.datastore': { ja: 'データストア名を指定してください。', en: 'Give the name of the datastore.' },
  'hypervisor.resourcePool': {
    ja: 'リソース プール名を指定するか、省略してください。',
    en: 'Give the name of the resource pool, or leave it out.',
  },
  substituteVm: group,
  'substituteVm.name': vmName,
  'substituteVm.cpus': { ja: '1 から 768 の整数を指定してください。', en: 'Give a whole number from 1 to 768.' },
  'substituteVm.memoryMiB': { ja: '128 以上の整数 (MiB) を指定してください。', en: 'Give whole MiB, at least 128.' },
  'substituteVm.nicMapping': group,
  'substituteVm.nicMapping.highAvailability': networks,
  'substituteVm.nicMapping.highAvailability[].network': network,
  'substituteVm.nicMapping.assuredRecovery': networks,
  'substituteVm.nicMapping.assuredRecovery[].network': network,
  isAlive: group,
  'isAlive.heartbeatMs': milliseconds,
  'isAlive.timeoutMs': milliseconds,
  'isAlive.timeoutMs unsafe': {
    ja: 'timeoutMs を長くするか、heartbeatMs または fence.timing の値 (leaseMs、watchdogMs など) を短くしてください。フェンス装置を構成する方法もあります。',
    en: 'Make timeoutMs longer, or heartbeatMs or the times of fence.timing (leaseMs, watchdogMs …) shorter; a fence device is another way.',
  },
  switchover: { ja: 'automatic または manual を指定してください。', en: 'Give automatic or manual.' },
  speculation: yesOrNo,
  runAfterReboot: yesOrNo,
  fence: group,
  'fence.witness': group,
  'fence.witness.host': host,
  'fence.witness.port': port,
  'fence.device': group,
  'fence.device.kind': { ja: 'redfish または hypervisor を指定してください。', en: 'Give redfish or hypervisor.' },
  'fence.device.host': host,
  'fence.device.port': port,
  'fence.device.user': {
    ja: 'フェンス装置のユーザー名を指定してください。',
    en: 'Give the user name on the fence device.',
  },
  'fence.device.secretName': secretName,
  'fence.device.certificateSha256': certificate,
  'fence.device.systemId': {
    ja: 'BMC が返すシステムの ID (例: 1) を指定してください。',
    en: 'Give the id of the system as the BMC lists it, for example 1.',
  },
  'fence.device.vmName': vmName,
  'fence.timing': group,
  ...Object.fromEntries(leaseFields.map((field) => [`fence.timing.${field}`, leaseTime])),
  'fence.timing.leaseMs unsafe': {
    ja: 'leaseMs を長くするか、renewMs または roundTripMs を短くしてください。',
    en: 'Make leaseMs longer, or renewMs or roundTripMs shorter.',
  },
  'fence.timing.watchdogMs unsafe': {
    ja: 'leaseMs を長くするか、watchdogMs を短くしてください。',
    en: 'Make leaseMs longer, or watchdogMs shorter.',
  },
  'fence.productionAddresses': {
    ja: 'マスタが使用する IPv4 アドレスを 64 個以内の配列で指定してください。',
    en: 'Give the IPv4 addresses of the master, at most 64.',
  },
  'fence.productionAddresses[]': { ja: 'IPv4 アドレスを指定してください。', en: 'Give an IPv4 address.' },
  syncMethod: {
    ja: 'volumeLevel、blockLevel、fileLevel、offline のいずれかを指定してください。',
    en: 'Give volumeLevel, blockLevel, fileLevel or offline.',
  },
  'isAlive.checks': group,
  'isAlive.checks.action': { ja: 'notify または switchover を指定してください。', en: 'Give notify or switchover.' },
  assuredRecovery: group,
  'assuredRecovery.checks': {
    ja: 'port、script、database の確認を 32 個以内の配列で指定してください。',
    en: 'Give at most 32 checks of kind port, script or database.',
  },
  'assuredRecovery.testMsMax': {
    ja: '60000 から 604800000 のミリ秒数を指定してください。',
    en: 'Give milliseconds from 60000 to 604800000.',
  },
  schedule: {
    ja: 'task (assuredRecovery または suspension)、utcOffsetMinutes と、days と hours、または everyHours (1 から 168) を指定してください。',
    en: 'Give task (assuredRecovery or suspension), utcOffsetMinutes, and either days with hours, or everyHours (1 to 168).',
  },
  spool: group,
  'spool.spoolBytesMax': { ja: '1048576 以上のバイト数を指定してください。', en: 'Give bytes, at least 1048576.' },
  unknownField: { ja: '削除するか、綴りを確認してください。', en: 'Remove it, or check its spelling.' },
  secretInDraft: {
    ja: 'パスワードはシナリオに含めず、POST /api/secrets で登録してください。',
    en: 'A password is never part of a scenario: send it to POST /api/secrets.',
  },
};
