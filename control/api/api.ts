import fastify from 'fastify';
import type { FastifyInstance } from 'fastify';
import { PartyFault } from '#machines/faults.ts';
import { operatorCommands } from '#machines/scenario/operatorCommands.ts';
import { commandTable, readCommandBody } from '#control/scenarios/commandTable.ts';
import type { EngineParty } from '#control/scenarios/engineParty.ts';
import { Problem } from '#control/scenarios/problem.ts';
import { readEventsQuery, readIdempotencyKey, readScenarioId, readSecret } from './input.ts';
import { serveLive } from './live.ts';
import type { ApiParties } from './parties.ts';
import { refuseForeignPages } from './loopbackOnly.ts';
import { answerWithProblems } from './problems.ts';

const bodyBytesMax = 1 << 20;

/** The HTTP face of control: REST and live events under `/api`, the manager under `/`. Not listening yet. */
export function createApi(parties: ApiParties): FastifyInstance {
  const app = fastify({ logger: false, bodyLimit: bodyBytesMax, forceCloseConnections: true });
  // A page on another origin can send text/plain without asking first; JSON it cannot.
  app.removeContentTypeParser('text/plain');
  answerWithProblems(app);
  refuseForeignPages(app);
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers({
      'content-security-policy': "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    });
  });
  serveScenarios(app, parties);
  serveEvents(app, parties);
  serveEngines(app, parties);
  serveHypervisor(app, parties);
  serveAnswers(app, parties);
  serveLive(app, parties);
  for (const { path, type, bytes } of parties.managerFiles) {
    app.get(path, (_request, reply) => reply.type(type).send(bytes));
  }
  return app;
}

type WithId = { Params: { id: string } };

function serveScenarios(app: FastifyInstance, { scenarios }: ApiParties): void {
  app.get('/api/scenarios', () => scenarios.list());
  app.post('/api/scenarios', async (request, reply) => {
    const created = await scenarios.create(request.body, readIdempotencyKey(request.headers['idempotency-key']));
    return reply.status(201).header('location', `/api/scenarios/${created.scenarioId}`).send(created);
  });
  app.get<WithId>('/api/scenarios/:id', (request) => scenarios.view(readScenarioId(request.params.id)));
  app.delete<WithId>('/api/scenarios/:id', async (request, reply) => {
    await scenarios.remove(readScenarioId(request.params.id));
    return reply.status(204).send();
  });
  app.put<WithId>('/api/scenarios/:id', (request) => scenarios.change(readScenarioId(request.params.id), request.body));
  for (const command of operatorCommands) {
    app.post<WithId>(`/api/scenarios/:id/${commandTable[command].path}`, async (request) => {
      const id = readScenarioId(request.params.id);
      const key = readIdempotencyKey(request.headers['idempotency-key']);
      await scenarios.command(id, readCommandBody(command, request.body), key);
      return scenarios.view(id);
    });
  }
}

function serveHypervisor(app: FastifyInstance, { scenarios, engines }: ApiParties): void {
  // Only the appliance's engine talks to a hypervisor: one adapter, one set of credentials.
  app.get<WithId>('/api/scenarios/:id/hypervisor', (request) => {
    const { hypervisor } = scenarios.view(readScenarioId(request.params.id)).definition;
    return engines[0]?.party.request('hypervisor.inspect', { hypervisor }, { timeoutMs: 30_000 });
  });
}

function serveAnswers(app: FastifyInstance, { scenarios, engines }: ApiParties): void {
  app.get<WithId>('/api/scenarios/:id/why', (request) => {
    const { scenarioId } = scenarios.view(readScenarioId(request.params.id));
    return engines[0]?.party.request('scenario.explain', { scenarioId });
  });
  app.get<WithId>('/api/scenarios/:id/rehearsal', (request) => {
    const { scenarioId } = scenarios.view(readScenarioId(request.params.id));
    const params = { scenarioId, waitForJournals: true };
    return engines[0]?.party.request('scenario.rehearse', params, { timeoutMs: 30_000 });
  });
}

function serveEvents(app: FastifyInstance, { eventLog, scenarios }: ApiParties): void {
  app.get('/api/events', (request) => eventLog.read(readEventsQuery(request.query)));
  app.get<WithId>('/api/scenarios/:id/events', (request) => {
    const { scenarioId } = scenarios.view(readScenarioId(request.params.id));
    return eventLog.read({ ...readEventsQuery(request.query), scenarioId });
  });
}

function serveEngines(app: FastifyInstance, { engines }: ApiParties): void {
  const find = (which: string): EngineParty => {
    const found = engines.find((engine) => engine.which === which);
    if (found !== undefined) return found.party;
    throw new Problem('notFound', 'engineNotConfigured', {
      ja: `エンジン ${which.slice(0, 40)} は構成されていません。appliance または master を指定してください。`,
      en: `There is no engine '${which.slice(0, 40)}' in the configuration. Ask for appliance or master.`,
    });
  };
  app.get('/api/engines', () => engines.map(({ which, party }) => ({ which, ...party.connection() })));
  app.get<{ Params: { which: string } }>('/api/hosts/:which/describe', (request) =>
    find(request.params.which).request('host.describe', {}),
  );
  app.post('/api/secrets', async (request, reply) => {
    const { name, value } = readSecret(request.body);
    try {
      await find('appliance').request('secret.put', { name, value });
    } catch (thrown) {
      // Whatever else went wrong might quote what was sent.
      if (thrown instanceof PartyFault || thrown instanceof Problem) throw thrown;
      throw new PartyFault('internal', { reason: 'secret.put' });
    }
    return reply.status(204).send();
  });
}
