import type { CatalogueRecord } from '#control/eventLog/catalogueRecord.ts';

/** Offline synchronization (guide, appendix). */
export const offlineEvents = {
  seedExported: {
    number: 'SR90321',
    severity: 'significant',
    ja: 'マスタのフォルダ {folder} にスナップショットを書き出しました ({bytes} バイト)。すべての内容を仮想アプライアンスにコピーしてください。',
    en: 'The snapshot was written to folder {folder} on the master ({bytes} bytes). Copy everything in it to the appliance.',
  },
  /** Guide OS-5. */
  seedFolderReady: {
    number: 'IR90322',
    severity: 'information',
    ja: "ルート ディレクトリ '{root}' はレプリカ上で '{folder}' にマウントされており、マスタからデータをコピーする準備ができています。",
    en: "Root directory '{root}' is mounted on the Replica at '{folder}' and is ready for data to be copied from the Master.",
  },
  seedRefused: {
    number: 'ER90323',
    severity: 'error',
    ja: '運ばれたデータは取り込まれませんでした: {fault}',
    en: 'The data that were carried here were not adopted: {fault}',
  },
  seedAdopted: {
    number: 'SR90324',
    severity: 'significant',
    ja: '運ばれたデータを取り込みました ({bytes} バイト)。差分のみを同期します。',
    en: 'The data that were carried here were adopted ({bytes} bytes). Only the difference is synchronized.',
  },
} as const satisfies Record<string, CatalogueRecord>;
