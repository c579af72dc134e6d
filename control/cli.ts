import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { ApiClient, CommandFailed } from './commandLine/client.ts';
import { explanationLines } from './commandLine/explanation.ts';
import { rehearsalLines } from './commandLine/rehearsal.ts';
import { eventLine, scenarioLine, scenarioLines, word } from './commandLine/words.ts';
import { operatorCommands } from '#machines/scenario/operatorCommands.ts';
import type { Explanation } from '#machines/scenario/explain.ts';
import type { SwitchoverRehearsal } from '#machines/switchover/rehearseSwitchover.ts';
import type { Language } from './eventLog/catalogue.ts';
import type { EventView } from './eventLog/eventLog.ts';
import { commandTable } from './scenarios/commandTable.ts';
import type { CommandOption } from './scenarios/commandRow.ts';
import type { EngineConnection } from './scenarios/engineParty.ts';
import type { ScenarioView } from './scenarios/scenarioView.ts';

type Settings = { readonly url: string; readonly language: Language; readonly json: boolean };
type Session = {
  readonly api: ApiClient;
  readonly language: Language;
  print(value: unknown, lines: readonly string[]): void;
};

const followMs = 1_000;
const languageOfEnvironment: Language = /^ja/i.test(process.env['LC_ALL'] ?? process.env['LANG'] ?? '') ? 'ja' : 'en';

const program = new Command('kagemusha')
  .description('Commands of Kagemusha (影武者): the same as the web manager, through the same API.')
  .option('--url <url>', 'address of control', 'http://127.0.0.1:8088')
  .addOption(
    new Option('--language <language>', 'language of the output').choices(['ja', 'en']).default(languageOfEnvironment),
  )
  .option('--json', 'print what the API answers', false)
  .showHelpAfterError();

function session(): Session {
  const { url, language, json } = program.opts<Settings>();
  return {
    api: new ApiClient(url, language),
    language,
    print: (value, lines) => {
      process.stdout.write(json ? `${JSON.stringify(value)}\n` : lines.map((line) => `${line}\n`).join(''));
    },
  };
}

program
  .command('scenarios')
  .description('list the scenarios')
  .action(async () => {
    const { api, language, print } = session();
    const views = await api.get<ScenarioView[]>('/api/scenarios');
    print(
      views,
      views.length === 0 ? [word('noScenarios', language)] : views.map((view) => scenarioLine(view, language)),
    );
  });

program
  .command('show <id>')
  .description('show one scenario')
  .action(async (id: string) => {
    const { api, language, print } = session();
    const view = await api.get<ScenarioView>(`/api/scenarios/${encodeURIComponent(id)}`);
    print(view, scenarioLines(view, language));
  });

program
  .command('create <file.json>')
  .description('create a scenario from a file')
  .action(async (file: string) => {
    const { api, language, print } = session();
    const view = await api.post<ScenarioView>('/api/scenarios', readJson(file, language), randomUUID());
    print(view, [`${word('created', language)}: ${view.scenarioId} ${view.name}`]);
  });

program
  .command('change <id> <file.json>')
  .description('change a stopped scenario; the file holds all of it')
  .action(async (id: string, file: string) => {
    const { api, language, print } = session();
    const view = await api.put<ScenarioView>(`/api/scenarios/${encodeURIComponent(id)}`, readJson(file, language));
    print(view, [`${word('changed', language)}: ${view.scenarioId} ${view.name}`]);
  });

for (const name of operatorCommands) {
  const { path, description, rule, options = [] } = commandTable[name];
  const added = program.command(`${path} <id>`).description(description);
  if (rule !== undefined) added.option('--body <file.json>', 'all that the command is told, as the API takes it');
  for (const { flags, description: meaning, read } of options) {
    const option = new Option(flags, meaning);
    added.addOption(read === undefined ? option : option.argParser(read));
  }
  added.action((id: string, given: Record<string, unknown>) => command(id, path, options, given));
}

program
  .command('why <id>')
  .description('explain where a scenario stands, what it awaits, and why it does or does not switch over')
  .action(async (id: string) => {
    const { api, language, print } = session();
    const explanation = await api.get<Explanation>(`/api/scenarios/${encodeURIComponent(id)}/why`);
    print(explanation, explanationLines(explanation, language));
  });

program
  .command('rehearse <id>')
  .description('print what a switchover would do now, and do nothing')
  .action(async (id: string) => {
    const { api, language, print } = session();
    const rehearsal = await api.get<SwitchoverRehearsal>(`/api/scenarios/${encodeURIComponent(id)}/rehearsal`);
    print(rehearsal, rehearsalLines(rehearsal, language));
    if (!rehearsal.answer.accepted || rehearsal.findings.length > 0) process.exitCode = 1;
  });

program
  .command('events [id]')
  .description('show the event log')
  .option('--follow', 'go on with new events', false)
  .action(async (id: string | undefined, { follow }: { follow: boolean }) => {
    const { api, language, print } = session();
    const path = id === undefined ? '/api/events' : `/api/scenarios/${encodeURIComponent(id)}/events`;
    let events = await api.get<EventView[]>(path);
    let after = events.at(-1)?.seq ?? 0;
    const { json } = program.opts<Settings>();
    if (!follow)
      return print(
        events,
        events.map((event) => eventLine(event, language)),
      );
    for (;;) {
      // Followed as JSON, each event is a line of its own.
      for (const event of events) print(event, [json ? '' : eventLine(event, language)]);
      await sleep(followMs);
      events = await api.get<EventView[]>(`${path}?after=${after}`);
      after = events.at(-1)?.seq ?? after;
    }
  });

program
  .command('status')
  .description('show the engines and the scenarios')
  .action(async () => {
    const { api, language, print } = session();
    const [engines, scenarios] = await Promise.all([
      api.get<(EngineConnection & { which: 'appliance' | 'master' })[]>('/api/engines'),
      api.get<ScenarioView[]>('/api/scenarios'),
    ]);
    const engineLines = engines.map(({ which, address, state, reason }) => {
      const why = reason === undefined || state === 'connected' ? '' : ` (${reason})`;
      return `${word(which, language)} ${address.host}:${address.port}: ${word(state, language)}${why}`;
    });
    print({ engines, scenarios }, [...engineLines, ...scenarios.map((view) => scenarioLine(view, language))]);
  });

async function command(
  id: string,
  path: string,
  options: readonly CommandOption[],
  given: Record<string, unknown>,
): Promise<void> {
  const { api, language, print } = session();
  const body = bodyOf(options, given, language);
  const view = await api.post<ScenarioView>(`/api/scenarios/${encodeURIComponent(id)}/${path}`, body, randomUUID());
  print(view, [`${word('given', language)}: ${path} ${view.scenarioId} ${view.name}`]);
}

function bodyOf(options: readonly CommandOption[], given: Record<string, unknown>, language: Language): unknown {
  if (typeof given['body'] === 'string') return readJson(given['body'], language);
  return Object.fromEntries(
    options.flatMap(({ flags, field }) => {
      const name = new Option(flags).attributeName();
      return given[name] === undefined ? [] : [[field ?? name, given[name]]];
    }),
  );
}

function readJson(file: string, language: Language): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new CommandFailed(
      language === 'ja'
        ? `${file} を JSON として読み取れません: ${reason}`
        : `${file} cannot be read as JSON: ${reason}`,
    );
  }
}

try {
  await program.parseAsync();
} catch (thrown) {
  if (!(thrown instanceof CommandFailed)) throw thrown;
  process.stderr.write(`${thrown.message}\n`);
  process.exitCode = 1;
}
