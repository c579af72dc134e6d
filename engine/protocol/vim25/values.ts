/** Reference to a managed object: a type and an opaque id. */
export class MoRef {
  readonly type: string;
  readonly value: string;

  constructor(type: string, value: string) {
    this.type = type;
    this.value = value;
  }

  toString(): string {
    return `${this.type}:${this.value}`;
  }
}

/**
 * A data object. `$type` names its type where it is not the declared one, or where the declared one is abstract
 * (a device, a backing, a fault).
 */
export type VimData = { readonly $type?: string; readonly [property: string]: VimValue | undefined };

/** A dateTime stays text (ISO 8601); `long` is a bigint beyond 2^53 and a number otherwise. */
export type VimValue = string | number | bigint | boolean | MoRef | readonly VimValue[] | VimData;

/** An element of a parsed document, namespaces resolved: what `decode.ts` reads. */
export type XmlElement = {
  readonly name: string;
  readonly namespace: string;
  readonly attributes: readonly { readonly name: string; readonly namespace: string; readonly value: string }[];
  readonly text: string;
  readonly children: readonly XmlElement[];
};

export const isData = (value: VimValue | undefined): value is VimData =>
  typeof value === 'object' && !Array.isArray(value) && !(value instanceof MoRef);

/** The value at a dotted path of data objects, if it is there. */
export function valueAt(value: VimValue | undefined, path: string): VimValue | undefined {
  let current = value;
  for (const name of path.split('.')) {
    if (!isData(current)) return undefined;
    current = current[name];
  }
  return current;
}

export function textAt(value: VimValue | undefined, path: string): string | undefined {
  const found = valueAt(value, path);
  return typeof found === 'string' ? found : undefined;
}

export function booleanAt(value: VimValue | undefined, path: string): boolean | undefined {
  const found = valueAt(value, path);
  return typeof found === 'boolean' ? found : undefined;
}

export function numberAt(value: VimValue | undefined, path: string): number | undefined {
  const found = valueAt(value, path);
  return typeof found === 'number' || typeof found === 'bigint' ? Number(found) : undefined;
}

export function moRefAt(value: VimValue | undefined, path: string): MoRef | undefined {
  const found = valueAt(value, path);
  return found instanceof MoRef ? found : undefined;
}

export function dataAt(value: VimValue | undefined, path: string): VimData | undefined {
  const found = valueAt(value, path);
  return isData(found) ? found : undefined;
}

/** The data objects of an array; empty when it is absent, as an empty array is on the wire. */
export function dataListAt(value: VimValue | undefined, path: string): readonly VimData[] {
  return dataListOf(valueAt(value, path));
}

export function dataListOf(value: VimValue | undefined): readonly VimData[] {
  return Array.isArray(value) ? value.filter((item: VimValue): item is VimData => isData(item)) : [];
}

/** The first child element with this local name. */
export function childNamed(element: XmlElement | undefined, name: string): XmlElement | undefined {
  return element?.children.find((child) => child.name === name);
}
