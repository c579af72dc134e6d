import { VimFault } from '../model/vimFault.ts';
import { isManagedA, managedProperties, propertiesOfObject, readProperty } from './managedObjects.ts';
import type { Reader } from './managedObjects.ts';
import { isMoRef, read } from './wireValue.ts';
import type { DataObject, MoRef, Typed } from './wireValue.ts';

export type SelectedObject = {
  readonly obj: MoRef;
  readonly values: readonly { readonly path: string; readonly value: Typed }[];
  readonly missing: readonly { readonly path: string; readonly fault: VimFault }[];
};

/** What a PropertyFilterSpec selects now. Faults: `InvalidProperty`, `ManagedObjectNotFound`. */
export function selectObjects(reader: Reader, spec: DataObject): readonly SelectedObject[] {
  const propertySpecs = read.objects(spec.propSet);
  const found = new Map<string, MoRef>();
  for (const objectSpec of read.objects(spec.objectSet)) {
    const start = read.ref(objectSpec.obj);
    if (start === undefined) continue;
    for (const ref of traverse(reader, start, objectSpec)) found.set(`${ref.type}:${ref.id}`, ref);
  }
  return [...found.values()].flatMap((obj) => {
    const wanted = propertySpecs.filter((one) => isManagedA(obj.type, read.text(one.type) ?? ''));
    return wanted.length === 0 ? [] : [selectProperties(reader, obj, wanted)];
  });
}

function traverse(reader: Reader, start: MoRef, objectSpec: DataObject): readonly MoRef[] {
  const selections = read.objects(objectSpec.selectSet);
  if (reader.session === undefined) return read.flag(objectSpec.skip) === true ? [] : [start];
  propertiesOfObject(reader, start);
  const named = new Map<string, DataObject>();
  collectNames(selections, named);
  const result: MoRef[] = read.flag(objectSpec.skip) === true ? [] : [start];
  const seen = new Set<string>();
  const visit = (obj: MoRef, set: readonly DataObject[]): void => {
    for (const one of set) {
      const spec = one.$type === 'TraversalSpec' ? one : named.get(read.text(one.name) ?? '');
      if (spec === undefined) throw new VimFault('InvalidArgument', { invalidProperty: 'specSet.objectSet.selectSet' });
      const path = read.text(spec.path) ?? '';
      const mark = `${obj.type}:${obj.id}|${read.text(spec.type)}|${path}`;
      if (!isManagedA(obj.type, read.text(spec.type) ?? '') || seen.has(mark)) continue;
      seen.add(mark);
      const value = readProperty(propertiesOfObject(reader, obj), obj.type, path)?.value;
      const next = isMoRef(value) ? [value] : read.list(value).filter(isMoRef);
      for (const ref of next) {
        if (read.flag(spec.skip) !== true) result.push(ref);
        visit(ref, read.objects(spec.selectSet));
      }
    }
  };
  visit(start, selections);
  return result;
}

function collectNames(set: readonly DataObject[], named: Map<string, DataObject>): void {
  for (const one of set) {
    const name = read.text(one.name);
    if (one.$type !== 'TraversalSpec') continue;
    if (name !== undefined) named.set(name, one);
    collectNames(read.objects(one.selectSet), named);
  }
}

function selectProperties(reader: Reader, obj: MoRef, specs: readonly DataObject[]): SelectedObject {
  const paths = new Set<string>();
  for (const spec of specs) {
    if (read.flag(spec.all) === true) for (const [name] of managedProperties(obj.type)) paths.add(name);
    for (const path of read.texts(spec.pathSet)) paths.add(path);
  }
  const details = { object: { type: obj.type, id: obj.id }, privilegeId: 'System.View' };
  if (reader.session === undefined && obj.type !== 'ServiceInstance') {
    const fault = new VimFault('NotAuthenticated', details, 'The session is not authenticated.');
    return { obj, values: [], missing: [...paths].map((path) => ({ path, fault })) };
  }
  const properties = propertiesOfObject(reader, obj);
  const values = [...paths].flatMap((path) => {
    const value = readProperty(properties, obj.type, path);
    return value === undefined ? [] : [{ path, value }];
  });
  return { obj, values, missing: [] };
}
