import type { Clock } from '#machines/parties/clock.ts';
import { PartyFault } from '#machines/faults.ts';
import { dataListAt, dataListOf, MoRef, moRefAt, textAt } from '#engine/protocol/vim25/values.ts';
import type { VimData, VimValue } from '#engine/protocol/vim25/values.ts';
import { VimFault } from './faults.ts';
import type { VimClient } from './VimClient.ts';

/** Properties of one object by path; what the host left unset is absent. */
export type Properties = ReadonlyMap<string, VimValue>;
export type Found = { readonly ref: MoRef; readonly properties: Properties };
export type Wanted = { readonly type: string; readonly paths: readonly string[] };

const pageObjectsMax = 100;
/** Below the patience of every proxy on the way. */
const longPollMs = 20_000;

/** Every object of these types below the root folder. */
export async function readAll(client: VimClient, wanted: readonly Wanted[]): Promise<readonly Found[]> {
  const [collector, viewManager, rootFolder] = await Promise.all([
    client.part('propertyCollector'),
    client.part('viewManager'),
    client.part('rootFolder'),
  ]);
  return client.inSession(async () => {
    const view = await client.callOnce(viewManager, 'CreateContainerView', {
      container: rootFolder,
      type: wanted.map(({ type }) => type),
      recursive: true,
    });
    if (!(view instanceof MoRef)) throw new TypeError('CreateContainerView returned no view');
    try {
      return await readPages(client, collector, {
        propSet: propertySpecs(wanted),
        objectSet: [
          {
            obj: view,
            skip: true,
            selectSet: [{ $type: 'TraversalSpec', name: 'inView', type: 'ContainerView', path: 'view', skip: false }],
          },
        ],
      });
    } finally {
      // A view that cannot be destroyed dies with the session.
      await client.callOnce(view, 'DestroyView').catch(() => undefined);
    }
  });
}

/** Properties of one object. Throws `VimFault` ManagedObjectNotFound when it is gone. */
export async function readOne(client: VimClient, ref: MoRef, paths: readonly string[]): Promise<Properties> {
  const collector = await client.part('propertyCollector');
  const found = await client.inSession(() =>
    readPages(client, collector, {
      propSet: propertySpecs([{ type: ref.type, paths }]),
      objectSet: [{ obj: ref }],
    }),
  );
  const properties = found[0]?.properties;
  if (properties === undefined) {
    throw new VimFault({ type: 'ManagedObjectNotFound', message: ref.toString(), detail: { obj: ref } });
  }
  return properties;
}

/**
 * Waits until the properties of an object satisfy `isDone`, by long polls on a collector of its own, so that waiters
 * never hold each other up. Faults: `timedOut` at `deadlineAtMs` (wall clock); `VimFault` ManagedObjectNotFound.
 */
export async function waitForProperties(
  client: VimClient,
  clock: Clock,
  wait: {
    readonly ref: MoRef;
    readonly paths: readonly string[];
    readonly isDone: (properties: Properties) => boolean;
    readonly deadlineAtMs: number;
    readonly what: string;
  },
): Promise<Properties> {
  const root = await client.part('propertyCollector');
  return client.inSession(async () => {
    const collector = await client.callOnce(root, 'CreatePropertyCollector');
    if (!(collector instanceof MoRef)) throw new TypeError('CreatePropertyCollector returned no collector');
    try {
      await client.callOnce(collector, 'CreateFilter', {
        spec: { propSet: propertySpecs([{ type: wait.ref.type, paths: wait.paths }]), objectSet: [{ obj: wait.ref }] },
        partialUpdates: false,
      });
      return await pollUpdates(client, clock, collector, wait);
    } finally {
      await client.callOnce(collector, 'DestroyPropertyCollector').catch(() => undefined);
    }
  });
}

async function pollUpdates(
  client: VimClient,
  clock: Clock,
  collector: MoRef,
  wait: Parameters<typeof waitForProperties>[2],
): Promise<Properties> {
  const properties = new Map<string, VimValue>();
  let version = '';
  for (;;) {
    const leftMs = wait.deadlineAtMs - clock.nowMs();
    if (leftMs <= 0) throw new PartyFault('timedOut', { what: wait.what });
    const pollMs = Math.min(longPollMs, leftMs);
    const maxWaitSeconds = Math.max(1, Math.ceil(pollMs / 1000));
    const updates = await client.callOnce(
      collector,
      'WaitForUpdatesEx',
      { version, options: { maxWaitSeconds } },
      maxWaitSeconds * 1000,
    );
    // No answer in time is an empty one: ask again with the version as it was.
    if (updates === undefined) continue;
    version = textAt(updates, 'version') ?? version;
    for (const update of dataListAt(updates, 'filterSet').flatMap((filter) => dataListAt(filter, 'objectSet'))) {
      applyUpdate(properties, update, wait.ref);
    }
    if (wait.isDone(properties)) return properties;
  }
}

function applyUpdate(properties: Map<string, VimValue>, update: VimData, ref: MoRef): void {
  if (textAt(update, 'kind') === 'leave') {
    throw new VimFault({ type: 'ManagedObjectNotFound', message: ref.toString(), detail: { obj: ref } });
  }
  for (const change of dataListAt(update, 'changeSet')) {
    const name = textAt(change, 'name');
    if (name === undefined) continue;
    const value = change['val'];
    if (value === undefined) properties.delete(name);
    else properties.set(name, value);
  }
}

async function readPages(client: VimClient, collector: MoRef, spec: VimData): Promise<readonly Found[]> {
  const found: Found[] = [];
  let page = await client.callOnce(collector, 'RetrievePropertiesEx', {
    specSet: [spec],
    options: { maxObjects: pageObjectsMax },
  });
  for (;;) {
    found.push(...dataListAt(page, 'objects').flatMap(foundIn));
    const token = textAt(page, 'token');
    if (token === undefined) return found;
    page = await client.callOnce(collector, 'ContinueRetrievePropertiesEx', { token });
  }
}

function foundIn(object: VimData): readonly Found[] {
  const ref = moRefAt(object, 'obj');
  if (ref === undefined) return [];
  const properties = new Map<string, VimValue>();
  for (const property of dataListOf(object['propSet'])) {
    const name = textAt(property, 'name');
    const value = property['val'];
    if (name !== undefined && value !== undefined) properties.set(name, value);
  }
  return [{ ref, properties }];
}

const propertySpecs = (wanted: readonly Wanted[]): readonly VimData[] =>
  wanted.map(({ type, paths }) => ({ type, pathSet: [...paths] }));
