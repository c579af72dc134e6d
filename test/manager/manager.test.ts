import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Browser, chromiumPath } from './browser.ts';
import { answers, ids, ManagerSite } from './managerSite.ts';

/** Asks until it is so: on a busy machine a browser or a program takes its time. */
const soon = <Value>(ask: () => Value) => expect.poll(ask, { timeout: 20_000 });

const wide = { width: 1360, height: 1000 };
/** `KAGEMUSHA_SCREENSHOTS=<folder>` keeps a picture of each test. */
const screenshots = process.env['KAGEMUSHA_SCREENSHOTS'];

const textOf = (selector: string): string => `document.querySelector(${JSON.stringify(selector)})?.innerText ?? ''`;
const card = (index: number): string => `.card:nth-child(${index})`;
const button = (index: number, place: number): string => `${card(index)} .buttons button:nth-child(${place})`;

describe.skipIf(chromiumPath === undefined)('the manager in Chromium (skipped without /usr/bin/chromium)', () => {
  let site: ManagerSite;
  let browser: Browser | undefined;

  const open = async (language: string, size = wide): Promise<Browser> => {
    browser = await Browser.open(language, size);
    await browser.go(`${site.url}/`);
    const page = browser;
    await soon(() => page.evaluate<number>("document.querySelectorAll('.card').length")).toBe(3);
    await soon(() => page.evaluate<string>(textOf('.card .pill'))).not.toMatch(/不明|Unknown/);
    await soon(() => page.evaluate<number>("document.querySelectorAll('#events tr').length")).toBeGreaterThan(10);
    return page;
  };
  const picture = async (name: string): Promise<void> => {
    if (screenshots !== undefined && browser !== undefined)
      writeFileSync(join(screenshots, `${name}.png`), await browser.screenshot());
  };

  beforeAll(async () => {
    site = await ManagerSite.start();
  });
  afterEach(async () => {
    const complaints = browser?.complaints;
    await browser?.close();
    browser = undefined;
    expect(complaints).toEqual([]);
  });
  afterAll(() => site.stopControl());

  test('speaks Japanese to a Japanese browser: state, lag, progress, events', async () => {
    const page = await open('ja');
    const first = await page.evaluate<string>(textOf(card(1)));
    expect(first).toContain('レプリケーション中');
    expect(first).toContain('レプリケーションの遅延\n0.2 秒');
    expect(await page.evaluate(textOf(`${card(2)} .progress`))).toContain('同期の進捗 40%');
    expect(await page.evaluate(textOf(`${card(3)} .reason`))).toContain(
      'データストア datastore1 の空き容量が不足しています',
    );
    const events = await page.evaluate<string>(textOf('#events'));
    expect(events).toContain('同期処理中の変更はすべてレプリケートされました');
    expect(events.indexOf('マスタは停止している')).toBeLessThan(events.indexOf('シナリオが作成されました'));
    await picture('ja');
  });

  test('speaks English to others, and changes the language on demand', async () => {
    const page = await open('en-US');
    expect(await page.evaluate(textOf(card(1)))).toContain('Replication lag\n0.2 s');
    expect(await page.evaluate(textOf('#events'))).toContain(
      'All modifications during synchronization period are replicated',
    );
    await picture('en');
    await page.evaluate("document.querySelector('[data-language=ja]').click()");
    expect(await page.evaluate(textOf('#scenariosTitle'))).toBe('シナリオ');
    expect(await page.evaluate('document.documentElement.lang')).toBe('ja');
  });

  test('a command that is not accepted now keeps its reason within reach and is not sent', async () => {
    const page = await open('en-US');
    const stop = `document.querySelector(${JSON.stringify(button(3, 2))})`;
    expect(await page.evaluate(`${stop}.getAttribute('aria-disabled')`)).toBe('true');
    expect(await page.evaluate(`${stop}.title`)).toBe('The scenario is stopped.');
    await page.evaluate(`${stop}.click()`);
    expect(await page.evaluate(textOf('#message'))).toBe('The scenario is stopped.');
    expect(site.appliance.commands).toEqual([]);
  });

  test('switchover asks first, shows the lag, and passes the check box on; Escape gives no command', async () => {
    const page = await open('ja');
    const press = `document.querySelector(${JSON.stringify(button(1, 3))})`;
    await page.evaluate(`${press}.focus()`);
    await page.pressKey('Enter');
    await soon(() => page.evaluate("document.querySelector('#switchover').open")).toBe(true);
    expect(await page.evaluate(textOf('#switchoverLag'))).toBe('0.2 秒');
    await page.pressKey('Escape');
    await soon(() => page.evaluate("document.querySelector('#switchover').open")).toBe(false);
    expect(site.appliance.commands).toEqual([]);
    await page.evaluate(`${press}.click()`);
    await page.evaluate("document.querySelector('#noWait').click()");
    expect(await page.evaluate(textOf('#switchover label'))).toContain('ジャーナルがすべて適用されるまで待機しない');
    await picture('dialog');
    await page.evaluate("document.querySelector('#switchover button[value=switchover]').click()");
    await soon(() => site.appliance.commands.map(({ scenarioId, command }) => ({ scenarioId, command }))).toEqual([
      { scenarioId: ids[0], command: { command: 'switchover', waitForJournals: false, reverseAfterwards: false } },
    ]);
  });

  test('the assertion that the master is off is there when it is asked for, and takes a typed name', async () => {
    const [first] = ids;
    if (first === undefined) throw new Error('three ids');
    const before = site.appliance.statuses.get(first);
    const page = await open('ja');
    const assertion = `[...document.querySelectorAll('${card(1)} .buttons button')].find(({ textContent }) => textContent === 'マスタ停止の確認')`;
    expect(await page.evaluate(`${assertion}.hidden`)).toBe(true);
    site.appliance.statuses.set(first, {
      ...before,
      state: 'takingOver.verdict.unproven + takingOver.double.waiting',
      label: { ja: 'マスタの停止を証明できません (管理者の確認待ち)', en: 'The end of the master is unproven' },
      commands: answers({ assertMasterOff: { accepted: true }, giveUpSwitchover: { accepted: true } }),
    });
    await soon(() => page.evaluate(`${assertion}.hidden`)).toBe(false);
    expect(await page.evaluate("document.querySelector('.card').dataset.tone")).toBe('bad');
    site.appliance.commands.length = 0;
    await page.evaluate(`${assertion}.click()`);
    await page.evaluate("document.querySelector('#masterName').value = 'master'");
    await picture('assertMasterOff');
    await page.evaluate("document.querySelector('#assertMasterOff button[value=assertMasterOff]').click()");
    await soon(() => site.appliance.commands.map(({ command }) => command)).toEqual([
      { command: 'assertMasterOff', masterName: 'master' },
    ]);
    if (before !== undefined) site.appliance.statuses.set(first, before);
  });

  test('fits a narrow screen without scrolling sideways', async () => {
    const page = await open('ja', { width: 500, height: 900 });
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    await picture('narrow');
  });

  test('without the appliance, and without control itself, everything is shown as unknown with its age', async () => {
    const page = await open('ja');
    site.network.cut('control', 'appliance');
    await soon(() => page.evaluate<string>(textOf('.card .pill'))).toBe('不明');
    const lost = await page.evaluate<string>(textOf(card(1)));
    expect(lost).toMatch(/最終受信\n\d+ 秒前/);
    expect(lost).toContain('最後に確認された状態\nレプリケーション中');
    expect(lost).not.toContain('遅延');
    expect(await page.evaluate("document.querySelector('.card').dataset.tone")).toBe('unknown');
    await picture('unknown');
    site.network.heal();
    await soon(() => page.evaluate<string>(textOf('.card .pill'))).toBe('レプリケーション中');
    await site.stopControl();
    await soon(() => page.evaluate<string>(textOf('.card .pill'))).toBe('不明');
    expect(await page.evaluate(textOf('#lost'))).toContain('コントロール サービスとの接続が切れています');
    await picture('controlLost');
  });
});
