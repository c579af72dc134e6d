import type { CatalogueRecord } from '#control/eventLog/catalogueRecord.ts';

/** How it is proven that the master serves nobody any more. */
export const fenceEvents = {
  guardUnarmed: {
    number: 'WM90091',
    severity: 'warning',
    ja: 'マスタのガードを設定できません ({fault})。設定できるまで、リースの失効ではマスタの停止を証明できません。',
    en: 'The guard on the master cannot be armed ({fault}). Until it is, a lapsed lease proves nothing.',
  },
  masterRejoined: {
    number: 'SM90092',
    severity: 'significant',
    ja: 'マスタは業務ネットワークに復帰しました。',
    en: 'The master is back on its production network.',
  },
  claimRefused: {
    number: 'WM90093',
    severity: 'warning',
    ja: 'スイッチオーバーは承認されませんでした ({fault})。',
    en: 'The switchover was not agreed to ({fault}).',
  },
  claimUnanswered: {
    number: 'WM90094',
    severity: 'warning',
    ja: 'ウィットネスから応答がないため、スイッチオーバーは行われません ({fault})。',
    en: 'The witness does not answer, so nothing is switched over ({fault}).',
  },
  masterPoweredOff: {
    number: 'SM90095',
    severity: 'significant',
    ja: 'マスタの電源を切断し、オフであることを確認しました。',
    en: 'The master was powered off, and its power was read back as off.',
  },
  fenceDeviceFailed: {
    number: 'WM90096',
    severity: 'warning',
    ja: 'フェンス装置でマスタの電源を切断できませんでした ({fault})。リースの失効を待ちます。',
    en: 'The fence device could not power the master off ({fault}). Its lease is waited out instead.',
  },
  waitingOutLease: {
    number: 'IM90097',
    severity: 'information',
    ja: 'マスタのリースが失効するまで待機しています。',
    en: 'Waiting until every lease of the master has lapsed.',
  },
  masterLeaseLapsed: {
    number: 'SM90098',
    severity: 'significant',
    ja: 'マスタのリースが失効しました。マスタは業務ネットワークから切り離されています。',
    en: 'Every lease of the master has lapsed: it has left its production network.',
  },
  fenceUnproven: {
    number: 'CM90099',
    severity: 'critical',
    ja: 'マスタの停止を証明できません ({fault})。マスタの電源が切れていることを確認し、「マスタ停止の確認」を実行してください。',
    en: 'It cannot be proven that the master has stopped ({fault}). Make sure that it is powered off, then assert it.',
  },
  masterAssertedOff: {
    number: 'SM90100',
    severity: 'significant',
    ja: '管理者 ({by}) がマスタの停止を確認しました。',
    en: 'An administrator ({by}) has asserted that the master is off.',
  },
  witnessUnpromised: {
    number: 'WM90117',
    severity: 'warning',
    ja: 'ウィットネスの承認がないため、代替仮想マシンをネットワークに接続していません。ウィットネスが失われた場合は、マスタの電源が二度と入らないことを確かめ、「マスタ停止の確認」をもう一度実行してください。',
    en: 'The witness has not promised yet, so the double is not plugged in. If the witness is lost for good, make sure that nobody switches the master on, then assert once more that it is off.',
  },
  witnessPromised: {
    number: 'SM90118',
    severity: 'significant',
    ja: 'ウィットネスが承認しました。マスタの電源が入っても業務ネットワークには復帰しません。',
    en: 'The witness has promised: a master that is switched on again stays off its production network.',
  },
} as const satisfies Record<string, CatalogueRecord>;
