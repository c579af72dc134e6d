import { VimFault } from '../model/vimFault.ts';
import { required } from './call.ts';
import type { Call, MethodCode } from './call.ts';
import { dateTime, refs, serviceContent } from './hostIdentity.ts';
import { inventoryOf, isManagedA, propertiesOfObject, userSession } from './managedObjects.ts';
import { objectContent, UpdateCollector } from './propertyCollector.ts';
import { selectObjects } from './selection.ts';
import type { SelectedObject } from './selection.ts';
import { moRef, read } from './wireValue.ts';
import type { MoRef, WireValue } from './wireValue.ts';

/** Session, views and the property collector. */
export const sessionMethods: Readonly<Record<string, MethodCode>> = {
  RetrieveServiceContent: ({ host }) => serviceContent(host),
  CurrentTime: ({ model }) => dateTime(model.clock.nowMs()),
  Login: (call) => {
    const { model, params } = call;
    const session = model.sessions.login(read.text(params.userName) ?? '', read.text(params.password) ?? '');
    call.setSession(session);
    return userSession(session);
  },
  Logout: ({ model, session, setSession }) => {
    if (session !== undefined) model.sessions.logout(session.key);
    setSession(undefined);
    return undefined;
  },
  CreateContainerView: createContainerView,
  DestroyView: ({ self, state }) => {
    if (!state.views.delete(self.id)) throw notFound(self);
    return undefined;
  },
  RetrievePropertiesEx: (call) => {
    const selected = read.objects(call.params.specSet).flatMap((spec) => selectObjects(call.reader, spec));
    const maxObjects = read.number(read.object(call.params.options)?.maxObjects) ?? Number.MAX_SAFE_INTEGER;
    return page(call, selected, Math.max(1, maxObjects));
  },
  ContinueRetrievePropertiesEx: (call) => {
    const token = read.text(call.params.token) ?? '';
    const next = call.state.pages.get(token);
    if (next === undefined) throw new VimFault('InvalidProperty', { name: 'token' });
    call.state.pages.delete(token);
    return page(call, next.rest, next.maxObjects);
  },
  CancelRetrievePropertiesEx: ({ params, state }) => {
    state.pages.delete(read.text(params.token) ?? '');
    return undefined;
  },
  CreatePropertyCollector: ({ state }) => {
    const id = state.nextId('propertyCollector-');
    state.collectors.set(id, new UpdateCollector(id));
    return moRef('PropertyCollector', id);
  },
  DestroyPropertyCollector: ({ self, state, model }) => {
    const collector = collectorOf(self, state.collectors);
    collector.cancelled = true;
    state.collectors.delete(self.id);
    model.changed();
    return undefined;
  },
  CreateFilter: (call) => {
    const spec = required(read.object(call.params.spec), 'spec');
    selectObjects(call.reader, spec);
    return collectorFor(call).createFilter(spec);
  },
  DestroyPropertyFilter: ({ self, state }) => {
    const owner = [...state.collectors.values()].find((one) => one.filters.delete(self.id));
    if (owner === undefined) throw notFound(self);
    return undefined;
  },
  WaitForUpdatesEx: waitForUpdates,
  CancelWaitForUpdates: (call) => {
    collectorFor(call).cancelled = true;
    call.model.changed();
    return undefined;
  },
};

function notFound(ref: MoRef): VimFault {
  return new VimFault('ManagedObjectNotFound', { obj: { type: ref.type, id: ref.id } });
}

function createContainerView(call: Call): WireValue {
  const { host, params, reader, state } = call;
  const container = required(read.ref(params.container), 'container');
  const properties = propertiesOfObject(reader, container);
  const types = read.texts(params.type);
  const recursive = read.flag(params.recursive) ?? true;
  const id = state.nextId('session[view]');
  state.views.set(id, () => {
    const children = properties.childEntity?.();
    const whole = recursive && container.id === refs.rootFolder.id;
    const seen = whole ? inventoryOf(host) : read.list(children).flatMap((one) => read.ref(one) ?? []);
    return types.length === 0 ? seen : seen.filter((ref) => types.some((type) => isManagedA(ref.type, type)));
  });
  return moRef('ContainerView', id);
}

function page(call: Call, selected: readonly SelectedObject[], maxObjects: number): WireValue | undefined {
  if (selected.length === 0) return undefined;
  const rest = selected.slice(maxObjects);
  const objects = selected.slice(0, maxObjects).map(objectContent);
  if (rest.length === 0) return { $type: 'RetrieveResult', objects };
  const token = call.state.nextId('');
  call.state.pages.set(token, { rest, maxObjects });
  return { $type: 'RetrieveResult', token, objects };
}

function collectorOf(self: MoRef, collectors: ReadonlyMap<string, UpdateCollector>): UpdateCollector {
  const found = collectors.get(self.id);
  if (found === undefined) throw notFound(self);
  return found;
}

/** A session's default collector comes into being when it is first used. */
function collectorFor({ self, state }: Call): UpdateCollector {
  if (self.id === refs.propertyCollector.id && !state.collectors.has(self.id)) {
    state.collectors.set(self.id, new UpdateCollector(self.id));
  }
  return collectorOf(self, state.collectors);
}

async function waitForUpdates(call: Call): Promise<WireValue | undefined> {
  const { model, params, reader } = call;
  const collector = collectorFor(call);
  collector.cancelled = false;
  const version = read.text(params.version) ?? '';
  const maxWaitMs = (read.number(read.object(params.options)?.maxWaitSeconds) ?? 1800) * 1000;
  const endsAtNs = model.clock.monotonicNs() + BigInt(Math.round(maxWaitMs)) * 1_000_000n;
  for (;;) {
    const updates = collector.updatesSince(reader, version);
    if (updates !== undefined) return updates;
    const leftMs = Number(endsAtNs - model.clock.monotonicNs()) / 1e6;
    if (leftMs <= 0) return undefined;
    await new Promise<void>((resolve) => {
      const finish = (): void => {
        stopListening();
        stopTimer();
        resolve();
      };
      const stopListening = model.onChanged(finish);
      const stopTimer = model.clock.after(Math.ceil(leftMs), finish);
    });
    if (collector.cancelled) throw new VimFault('RequestCanceled');
  }
}
