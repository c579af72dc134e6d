import table from './schema.json' with { type: 'json' };

/** `''` required, `'?'` optional. */
export type Optionality = '' | '?';
/** `[name, type, optionality, API version that added it]`. An array type ends in `[]`. */
export type PropertyRow = readonly [name: string, type: string, optionality: Optionality, since: string];

export type VimParameter = {
  readonly name: string;
  readonly type: string;
  readonly optional: boolean;
  readonly since: string;
};
export type VimMethod = {
  /** The managed type that carries it, and the ancestor that declares it. */
  readonly object: string;
  readonly declaredOn: string;
  readonly method: string;
  readonly since: string;
  readonly privilege: string;
  readonly params: readonly VimParameter[];
  /** Null for void. A task's own result is named in `returnsDetail`. */
  readonly returns: string | null;
  readonly task: boolean;
  readonly returnsDetail: string;
  readonly faults: readonly string[];
};
export type DataType = {
  readonly kind: 'data';
  readonly vmodl: string;
  readonly base: string;
  readonly since: string;
  readonly props: readonly PropertyRow[];
};
export type EnumType = { readonly kind: 'enum'; readonly vmodl: string; readonly values: readonly string[] };
export type VimType = DataType | EnumType;
export type ManagedType = { readonly vmodl: string; readonly base: string; readonly props: readonly PropertyRow[] };

type Schema = {
  readonly source: string;
  readonly methods: readonly VimMethod[];
  readonly types: Readonly<Record<string, VimType>>;
  readonly managed: Readonly<Record<string, ManagedType>>;
  readonly versions: Readonly<Record<string, string>>;
};
const schema = table as unknown as Schema;

const methods = new Map(schema.methods.map((method) => [method.method, method]));
const managed = new Map(Object.entries(schema.managed));

/** The roots of every fault are vmodl's own and stand in no table of vim types. */
const roots: readonly (readonly [string, DataType])[] = [
  ['DataObject', { kind: 'data', vmodl: 'vmodl.DataObject', base: '', since: 'base', props: [] }],
  [
    'MethodFault',
    {
      kind: 'data',
      vmodl: 'vmodl.MethodFault',
      base: 'DataObject',
      since: 'base',
      props: [
        ['faultCause', 'LocalizedMethodFault', '?', '4.0'],
        ['faultMessage', 'LocalizableMessage[]', '?', '4.0'],
      ],
    },
  ],
  ['RuntimeFault', { kind: 'data', vmodl: 'vmodl.RuntimeFault', base: 'MethodFault', since: 'base', props: [] }],
];
const types = new Map<string, VimType>([...roots, ...Object.entries(schema.types)]);

/** The method with this name on the wire, e.g. `CreateVM_Task`. */
export function methodNamed(name: string): VimMethod | undefined {
  return methods.get(name);
}

/** The data or enum type with this name on the wire. */
export function typeNamed(name: string): VimType | undefined {
  return types.get(name);
}

/** The managed type, with the properties a property collector can read. */
export function managedNamed(name: string): ManagedType | undefined {
  return managed.get(name);
}

/** Some vmodl bases stand in the table under their full name (`vmodl.RuntimeFault`). */
const wireName = (base: string): string => base.slice(base.lastIndexOf('.') + 1);

/** The type itself, then its bases up to the root, as far as the table knows them. */
export function ancestryOf(typeName: string): readonly string[] {
  const chain: string[] = [];
  for (let name = typeName; name !== '';) {
    chain.push(name);
    const type = types.get(name);
    name = type?.kind === 'data' ? wireName(type.base) : '';
  }
  return chain;
}

const propertiesByType = new Map<string, readonly PropertyRow[]>();

/** Every property of a data type, the base's first: the order of the elements on the wire. Empty for other types. */
export function propertiesOf(typeName: string): readonly PropertyRow[] {
  const known = propertiesByType.get(typeName);
  if (known !== undefined) return known;
  const rows = ancestryOf(typeName)
    .toReversed()
    .flatMap((name) => {
      const type = types.get(name);
      return type?.kind === 'data' ? type.props : [];
    });
  propertiesByType.set(typeName, rows);
  return rows;
}

/** Whether `type` is `ancestor` or derived from it. */
export function isA(type: string, ancestor: string): boolean {
  return ancestryOf(type).includes(ancestor);
}

/** Negative when `a` is the older API version. `base` and `legacy` are older than every number. */
export function compareVersions(a: string, b: string): number {
  const left = numbersOf(a);
  const right = numbersOf(b);
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

const numbersOf = (version: string): readonly number[] =>
  version.split(/[.u]/).map((part) => Number.parseInt(part, 10) || 0);

/** The API versions this table knows, newest first. */
export const knownVersions: readonly string[] = Object.entries(schema.versions)
  .filter(([vmodl, version]) => vmodl.startsWith('vim.version.') && /^\d/.test(version))
  .map(([, version]) => version)
  .sort((a, b) => compareVersions(b, a));
