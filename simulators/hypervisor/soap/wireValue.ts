/** Values of the API between XML and the model. A data object names its type in `$type`. */
export type MoRef = { readonly $type: 'MoRef'; readonly type: string; readonly id: string };
export type DataObject = { readonly $type: string; readonly [property: string]: WireValue | undefined };
/** A value whose declared type is known though the place where it stands is `anyType`. */
export type Typed = { readonly $type: 'typed'; readonly declared: string; readonly value: WireValue };
export type WireValue = string | number | boolean | MoRef | DataObject | Typed | readonly WireValue[];

export const moRef = (type: string, id: string): MoRef => ({ $type: 'MoRef', type, id });
export const typed = (declared: string, value: WireValue): Typed => ({ $type: 'typed', declared, value });

export function isObject(value: WireValue | undefined): value is DataObject {
  return typeof value === 'object' && '$type' in value && value.$type !== 'MoRef' && value.$type !== 'typed';
}

export function isMoRef(value: WireValue | undefined): value is MoRef {
  return typeof value === 'object' && '$type' in value && value.$type === 'MoRef';
}

/** A typed look at what a client sent; the schema has been checked when it was decoded. */
export const read = {
  text: (value: WireValue | undefined): string | undefined => (typeof value === 'string' ? value : undefined),
  number: (value: WireValue | undefined): number | undefined => (typeof value === 'number' ? value : undefined),
  flag: (value: WireValue | undefined): boolean | undefined => (typeof value === 'boolean' ? value : undefined),
  ref: (value: WireValue | undefined): MoRef | undefined => (isMoRef(value) ? value : undefined),
  object: (value: WireValue | undefined): DataObject | undefined => (isObject(value) ? value : undefined),
  list: (value: WireValue | undefined): readonly WireValue[] => (Array.isArray(value) ? value : []),
  objects: (value: WireValue | undefined): readonly DataObject[] => read.list(value).filter(isObject),
  texts: (value: WireValue | undefined): readonly string[] =>
    read.list(value).filter((one): one is string => typeof one === 'string'),
} as const;
