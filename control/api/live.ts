import type { FastifyInstance, FastifyReply } from 'fastify';
import type { ApiParties } from './parties.ts';

const tickMs = 1_000;
const replayMost = 1_000;
/** A reader that does not read is dropped; it comes back and gets what it missed. */
const unreadBytesMax = 4 * 2 ** 20;

/**
 * Server-sent events: `scenarios` and `engines` when they have changed, looked at each second, and `event` for each new
 * line of the log, with its number as the id: a browser that reconnects gets what it missed. `alive` comes each second,
 * so that a reader on a dead connection notices and stops to show old knowledge as the present.
 */
export function serveLive(app: FastifyInstance, parties: ApiParties): void {
  const open = new Set<() => void>();
  app.addHook('preClose', async () => {
    for (const end of open) end();
  });
  app.get('/api/live', (request, reply) => {
    const last = Number(request.headers['last-event-id'] ?? Number.NaN);
    const end = stream(reply, parties, Number.isSafeInteger(last) && last >= 0 ? last : undefined);
    open.add(end);
    request.raw.on('close', () => {
      end();
      open.delete(end);
    });
  });
}

/** Starts one reader's stream. Returns its end. */
function stream(reply: FastifyReply, parties: ApiParties, lastSeq: number | undefined): () => void {
  const { scenarios, eventLog, engines, clock } = parties;
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  const sent = new Map<string, string>();
  const send = (event: string, data: string, id?: number): void => {
    if (raw.writableLength > unreadBytesMax) raw.destroy();
    else raw.write(`${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`);
  };
  const sendChanged = (event: string, value: unknown): void => {
    const data = JSON.stringify(value);
    if (sent.get(event) === data) return;
    sent.set(event, data);
    send(event, data);
  };
  let cancelTick = (): void => {};
  const tick = (): void => {
    sendChanged(
      'engines',
      engines.map(({ which, party }) => ({ which, ...party.connection() })),
    );
    sendChanged('scenarios', scenarios.list());
    send('alive', '{}');
    cancelTick = clock.after(tickMs, tick);
  };
  if (lastSeq !== undefined) {
    for (const event of eventLog.read({ after: lastSeq, most: replayMost }))
      send('event', JSON.stringify(event), event.seq);
  }
  const unfollow = eventLog.follow((event) => send('event', JSON.stringify(event), event.seq));
  tick();
  return () => {
    cancelTick();
    unfollow();
    raw.end();
  };
}
