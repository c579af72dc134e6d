import { VimFault } from '../model/vimFault.ts';
import { encodeElement, localizedFault } from './encode.ts';
import type { Reader } from './managedObjects.ts';
import { selectObjects } from './selection.ts';
import type { SelectedObject } from './selection.ts';
import { moRef } from './wireValue.ts';
import type { DataObject, MoRef } from './wireValue.ts';

export function objectContent(selected: SelectedObject): DataObject {
  return {
    $type: 'ObjectContent',
    obj: selected.obj,
    propSet: selected.values.map(({ path, value }) => ({ $type: 'DynamicProperty', name: path, val: value })),
    missingSet: missingSet(selected),
  };
}

function missingSet(selected: SelectedObject): readonly DataObject[] {
  return selected.missing.map(({ path, fault }) => {
    return { $type: 'MissingProperty', path, fault: localizedFault(fault) };
  });
}

/** Objects of one filter as a client has last seen them: path → the value's text, to tell what changed. */
type Picture = ReadonlyMap<string, { readonly selected: SelectedObject; readonly texts: ReadonlyMap<string, string> }>;
type Pictures = ReadonlyMap<string, Picture>;

/** Filters of one collector, and the difference between what a client has seen and what is. */
export class UpdateCollector {
  readonly id: string;
  readonly filters = new Map<string, DataObject>();
  #version = 0;
  #seen: Pictures = new Map();
  /** Kept until the next version is asked for: an answer may have been lost. */
  #before: Pictures = new Map();
  #filterCount = 0;
  cancelled = false;

  constructor(id: string) {
    this.id = id;
  }

  createFilter(spec: DataObject): MoRef {
    this.#filterCount += 1;
    const id = `${this.id}:filter${this.#filterCount}`;
    this.filters.set(id, spec);
    return moRef('PropertyFilter', id);
  }

  /** The changes since `version`, or undefined when there are none. Faults: `InvalidCollectorVersion`. */
  updatesSince(reader: Reader, version: string): DataObject | undefined {
    if (version !== '' && version !== String(this.#version) && version !== String(this.#version - 1)) {
      throw new VimFault('InvalidCollectorVersion');
    }
    const base: Pictures = version === '' ? new Map() : version === String(this.#version) ? this.#seen : this.#before;
    const now = new Map([...this.filters].map(([id, spec]) => [id, takePicture(reader, spec)]));
    const filterSet = [...now].flatMap(([id, picture]) => {
      const objectSet = difference(base.get(id) ?? new Map(), picture);
      return objectSet.length === 0
        ? []
        : [{ $type: 'PropertyFilterUpdate', filter: moRef('PropertyFilter', id), objectSet }];
    });
    if (filterSet.length === 0) return undefined;
    this.#before = base;
    this.#seen = now;
    this.#version = (version === '' ? this.#version : Number(version)) + 1;
    return { $type: 'UpdateSet', version: String(this.#version), filterSet };
  }
}

function takePicture(reader: Reader, spec: DataObject): Picture {
  let selection: readonly SelectedObject[];
  try {
    selection = selectObjects(reader, spec);
  } catch (thrown) {
    // A watched object that vanished leaves the filter; it does not break it.
    if (!(thrown instanceof VimFault) || thrown.faultName !== 'ManagedObjectNotFound') throw thrown;
    selection = [];
  }
  return new Map(
    selection.map((selected) => {
      const texts = new Map(
        selected.values.map(({ path, value }) => [path, encodeElement({ version: '6.7.1' }, 'val', 'anyType', value)]),
      );
      return [`${selected.obj.type}:${selected.obj.id}`, { selected, texts }];
    }),
  );
}

function difference(before: Picture, now: Picture): readonly DataObject[] {
  const changes: DataObject[] = [];
  for (const [id, { selected, texts }] of now) {
    const old = before.get(id);
    const changed = selected.values.filter(({ path }) => old?.texts.get(path) !== texts.get(path));
    const gone = [...(old?.texts.keys() ?? [])].filter((path) => !texts.has(path));
    if (old !== undefined && changed.length === 0 && gone.length === 0) continue;
    changes.push({
      $type: 'ObjectUpdate',
      kind: old === undefined ? 'enter' : 'modify',
      obj: selected.obj,
      changeSet: [
        ...changed.map(({ path, value }) => ({ $type: 'PropertyChange', name: path, op: 'assign', val: value })),
        ...gone.map((path) => ({ $type: 'PropertyChange', name: path, op: 'indirectRemove' })),
      ],
      missingSet: missingSet(selected),
    });
  }
  for (const [id, { selected }] of before) {
    if (!now.has(id)) changes.push({ $type: 'ObjectUpdate', kind: 'leave', obj: selected.obj });
  }
  return changes;
}
