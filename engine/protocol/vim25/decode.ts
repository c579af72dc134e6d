import { xsiNamespace } from './encode.ts';
import { methodNamed, propertiesOf, typeNamed } from './schema.ts';
import { childNamed, MoRef } from './values.ts';
import type { VimData, VimValue, XmlElement } from './values.ts';

/** A fault as the host sent it: the most derived type it names, its sentence, its properties. */
export type DecodedFault = { readonly type: string; readonly message: string; readonly detail: VimData };

/**
 * An element as a value. `declaredType` is what the table says; `xsi:type` on the element wins over it. Unknown
 * elements of a known type are dropped, of an unknown type kept: a host may be newer than the table.
 */
export function decodeValue(element: XmlElement, declaredType?: string): VimValue {
  const type = xsiTypeOf(element) ?? declaredType?.replace(/\(string\)$/, '');
  const referenceType = plainTypeAttributeOf(element);
  if (
    type === 'ManagedObjectReference' ||
    type?.startsWith('MoRef') === true ||
    (referenceType !== undefined && element.children.length === 0)
  ) {
    return new MoRef(referenceType ?? '', element.text);
  }
  if (type?.startsWith('ArrayOf') === true) {
    const itemType = arrayItemType(type.slice('ArrayOf'.length));
    return element.children.map((child) => decodeValue(child, itemType));
  }
  const scalar = type === undefined ? undefined : decodeScalar(type, element.text);
  if (scalar !== undefined) return scalar;
  const known = type === undefined ? undefined : typeNamed(type);
  if (known?.kind === 'data') return decodeData(element, type ?? '');
  if (element.children.length === 0) return element.text;
  return decodeUnknown(element, type);
}

/** The result of a call: its `returnval`, as many as the table says. Undefined for void. */
export function decodeReturn(methodName: string, response: XmlElement): VimValue | undefined {
  const returns = methodNamed(methodName)?.returns ?? undefined;
  const values = response.children.filter((child) => child.name === 'returnval');
  if (returns?.endsWith('[]') === true) return values.map((value) => decodeValue(value, returns.slice(0, -2)));
  const value = values[0];
  return value === undefined ? undefined : decodeValue(value, returns);
}

/** A SOAP fault. Without a detail (malformed request, unknown version) the type is the fault code. */
export function decodeFault(element: XmlElement): DecodedFault {
  const message = childNamed(element, 'faultstring')?.text.trim() ?? '';
  const detail = childNamed(element, 'detail')?.children[0];
  if (detail === undefined) {
    const code = childNamed(element, 'faultcode')?.text.trim() ?? '';
    return { type: code.slice(code.indexOf(':') + 1), message, detail: {} };
  }
  const type = xsiTypeOf(detail) ?? detail.name.replace(/Fault$/, '');
  const decoded = typeNamed(type)?.kind === 'data' ? decodeData(detail, type) : decodeUnknown(detail, type);
  return { type, message, detail: decoded };
}

function decodeData(element: XmlElement, type: string): VimData {
  const rows = propertiesOf(type);
  const data: Record<string, VimValue> = { $type: type };
  for (const child of element.children) {
    const row = rows.find((candidate) => candidate[0] === child.name);
    if (row === undefined) continue;
    const declared = row[1];
    if (declared.endsWith('[]')) {
      const list = data[child.name];
      const item = decodeValue(child, itemOf(declared.slice(0, -2)));
      data[child.name] = Array.isArray(list) ? [...(list as readonly VimValue[]), item] : [item];
    } else {
      data[child.name] = decodeValue(child, itemOf(declared));
    }
  }
  return data;
}

function decodeUnknown(element: XmlElement, type: string | undefined): VimData {
  const data: Record<string, VimValue> = type === undefined ? {} : { $type: type };
  for (const child of element.children) {
    const earlier = data[child.name];
    const value = decodeValue(child);
    if (earlier === undefined) data[child.name] = value;
    else data[child.name] = Array.isArray(earlier) ? [...(earlier as readonly VimValue[]), value] : [earlier, value];
  }
  return data;
}

const numberTypes = new Set(['int', 'short', 'byte', 'float', 'double']);
const textTypes = new Set(['string', 'dateTime', 'anyURI', 'base64Binary']);

function decodeScalar(type: string, text: string): string | number | bigint | boolean | undefined {
  if (textTypes.has(type)) return text;
  if (numberTypes.has(type)) return Number(text);
  if (type === 'boolean') return text.trim() === 'true' || text.trim() === '1';
  if (type === 'long') return decodeLong(text);
  return undefined;
}

function decodeLong(text: string): number | bigint {
  if (!/^\s*[-+]?\d+\s*$/.test(text)) return Number.NaN;
  const value = BigInt(text);
  const asNumber = Number(value);
  return Number.isSafeInteger(asNumber) ? asNumber : value;
}

/** `anyType` says nothing: the element's own `xsi:type` decides. */
const itemOf = (declared: string): string | undefined => (declared === 'anyType' ? undefined : declared);

const arrayItemTypes: Readonly<Record<string, string | undefined>> = {
  String: 'string',
  Int: 'int',
  Long: 'long',
  Short: 'short',
  Byte: 'byte',
  Boolean: 'boolean',
  Double: 'double',
  DateTime: 'dateTime',
  AnyType: undefined,
  AnyURI: 'anyURI',
};
const arrayItemType = (name: string): string | undefined => (name in arrayItemTypes ? arrayItemTypes[name] : name);

/** By namespace, never by prefix: hosts name the prefix as they like. */
function xsiTypeOf(element: XmlElement): string | undefined {
  const value = element.attributes.find(({ name, namespace }) => name === 'type' && namespace === xsiNamespace)?.value;
  return value?.slice(value.indexOf(':') + 1);
}

const plainTypeAttributeOf = (element: XmlElement): string | undefined =>
  element.attributes.find(({ name, namespace }) => name === 'type' && namespace === '')?.value;
