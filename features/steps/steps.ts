import { Given, Then, When } from '@cucumber/cucumber';
import { strict as assert } from 'node:assert';
import type { SwitchoverMode } from '#machines/vocabulary.ts';
import type { Site } from '#simulators/site/site.ts';
import { SimulatedSite } from '#simulators/site/SimulatedSite.ts';
import type { Runbook } from './world.ts';

const modes: Readonly<Record<string, SwitchoverMode>> = { 手動: 'manual', 自動: 'automatic' };

function modeOf(word: string): SwitchoverMode {
  const mode = modes[word];
  assert(mode, `スイッチオーバーは 手動 か 自動 です: ${word}`);
  return mode;
}

/** Some trouble can be made on the simulated site only. */
function simulated(site: Site): SimulatedSite {
  assert(site instanceof SimulatedSite, 'tag the scenario @simulated-only');
  return site;
}

// サイト: machines, network, power, time
Given('サイトにマスタ、仮想アプライアンス、ESXi ホストがある', async function (this: Runbook) {
  await this.openSite();
});

Given('サイトでマスタのディスクが縮小されている', async function (this: Runbook) {
  await this.site.shrinkMasterDisk();
});

When('サイトでマスタが突然停止する', async function (this: Runbook) {
  await this.site.killMaster();
});

When('サイトで仮想アプライアンスとマスタの間の通信が途絶える', function (this: Runbook) {
  simulated(this.site).network.cut('appliance', 'master');
});

When('サイトで通信が回復する', function (this: Runbook) {
  simulated(this.site).network.heal();
});

// 操作者: the administrator, through control
Given('スイッチオーバーが {string} のシナリオが作成されている', async function (this: Runbook, mode: string) {
  await this.site.createScenario({ switchover: modeOf(mode) });
});

Given('スイッチオーバーが {string} のシナリオが実行中である', async function (this: Runbook, mode: string) {
  await this.site.createScenario({ switchover: modeOf(mode) });
  await runUntilWatched(this);
});

Given(
  '停止を証明する手段がなく、スイッチオーバーが {string} のシナリオが作成されている',
  async function (this: Runbook, mode: string) {
    await this.site.createScenario({ switchover: modeOf(mode), fence: 'none' });
  },
);

Given(
  '停止を証明する手段がなく、スイッチオーバーが {string} のシナリオが実行中である',
  async function (this: Runbook, mode: string) {
    await this.site.createScenario({ switchover: modeOf(mode), fence: 'none' });
    await runUntilWatched(this);
  },
);

async function runUntilWatched({ site }: Runbook): Promise<void> {
  assert.deepEqual(await site.command({ command: 'run' }), { accepted: true });
  await site.until('it replicates and is watched', async () =>
    (await site.status()).state.includes('flow.connected + replicating.isAlive.alive'),
  );
}

When('操作者がシナリオを実行する', async function (this: Runbook) {
  this.answer = await this.site.command({ command: 'run' });
});

When('操作者がスイッチオーバーを実行し、ジャーナルの適用を待つ', async function (this: Runbook) {
  this.answer = await this.site.command({ command: 'switchover', waitForJournals: true });
});

When('操作者がジャーナルの適用を待たずにスイッチオーバーを実行する', async function (this: Runbook) {
  this.answer = await this.site.command({ command: 'switchover', waitForJournals: false });
});

When(
  '操作者がマスタの名前として {string} を入力し、停止を確認する',
  async function (this: Runbook, masterName: string) {
    this.answer = await this.site.command({ command: 'assertMasterOff', masterName, by: '操作者' });
  },
);

When('操作者が案内されたマスタの名前を入力し、停止を確認する', async function (this: Runbook) {
  const masterName = this.answer?.accepted === false ? /「(.+)」/.exec(this.answer.ja)?.[1] : undefined;
  assert(masterName, 'the refusal does not tell what to type');
  this.answer = await this.site.command({ command: 'assertMasterOff', masterName, by: '操作者' });
  assert.deepEqual(this.answer, { accepted: true });
});

When('操作者がスイッチオーバーをリハーサルする', async function (this: Runbook) {
  this.rehearsal = await this.site.rehearse();
});

When('操作者が自動スイッチオーバーの条件を確認する', async function (this: Runbook) {
  this.explanation = await this.site.explain();
});

Then('手順に {string} が含まれる', function (this: Runbook, name: string) {
  const names = this.rehearsal?.wishes?.map((wish) => wish.name) ?? [];
  assert(names.includes(name), `the steps are: ${names.join(', ')}`);
});

Then('条件 {string} は満たされていない', function (this: Runbook, words: string) {
  const condition = this.explanation?.automaticSwitchover.find(({ ja }) => ja === words);
  assert.equal(condition?.holds, false);
});

Then('操作は {string} という理由で拒否される', function (this: Runbook, reason: string) {
  assert(this.answer && !this.answer.accepted, 'the command was accepted');
  assert(this.answer.ja.includes(reason), `the reason given is: ${this.answer.ja}`);
});

// イベント: what the event log and the state say
Then('イベント {string} が記録される', async function (this: Runbook, sentence: string) {
  await this.site.until(`the event 「${sentence}」`, async () =>
    (await this.site.events()).some((event) => event.startsWith(sentence)),
  );
});

Then('イベント {string} は記録されていない', async function (this: Runbook, sentence: string) {
  assert(!(await this.site.events()).some((event) => event.startsWith(sentence)));
});

Then(
  'イベント {string} の後に {string} が記録されている',
  async function (this: Runbook, first: string, second: string) {
    const events = await this.site.events();
    const [earlier, later] = [first, second].map((sentence) => events.findIndex((event) => event.startsWith(sentence)));
    assert(earlier !== undefined && earlier >= 0, `「${first}」 is not in the log`);
    assert(later !== undefined && later > earlier, `「${second}」 does not follow it`);
  },
);

Then('状態が {string} になる', async function (this: Runbook, label: string) {
  await this.site.until(`the state 「${label}」`, async () =>
    (await this.site.status()).label.ja.split(' / ').includes(label),
  );
});

Then('レプリケーションの遅延が示される', async function (this: Runbook) {
  await this.site.until('a replication lag', async () => (await this.site.status()).replicationLagMs !== undefined);
});

// What is true on the machines
Then('マスタのネットワークが切り離される', async function (this: Runbook) {
  await this.site.until('the master is isolated', () => this.site.isMasterIsolated());
});

Then('マスタのネットワークは切り離されていない', async function (this: Runbook) {
  assert.equal(await this.site.isMasterIsolated(), false);
});

Then('ESXi で代替仮想マシンの電源がオンである', async function (this: Runbook) {
  assert.equal((await this.site.substituteVm())?.power, 'on');
});

Then('ESXi に代替仮想マシンはない', async function (this: Runbook) {
  assert.equal(await this.site.substituteVm(), undefined);
});

Then('ESXi に仮想ディスクは作成されていない', async function (this: Runbook) {
  assert.equal(await this.site.replicaDisks(), 0);
});

Then('レプリカが確認した書き込みは代替仮想マシンにすべてある', async function (this: Runbook) {
  const { acknowledged, lost } = await this.site.writes();
  assert(acknowledged > 0, 'no write was acknowledged: the step would prove nothing');
  assert.equal(lost, 0);
});
