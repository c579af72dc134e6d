import { compareVersions, isA, propertiesOf, typeNamed } from '#engine/protocol/vim25/schema.ts';
import type { VimMethod } from '#engine/protocol/vim25/schema.ts';
import { VimFault } from '../model/vimFault.ts';
import { moRef } from './wireValue.ts';
import type { DataObject, MoRef, WireValue } from './wireValue.ts';
import { attributeOf, namespaces } from './xml.ts';
import type { XmlElement } from './xml.ts';

/**
 * Reads what a client sent, as strictly as a real host: elements in the schema's order, nothing unknown, nothing newer
 * than the announced version, nothing required missing. Faults: `InvalidRequest`, `InvalidType`.
 */
export type Decoder = { readonly version: string };
export type DecodedCall = { readonly self: MoRef; readonly params: Readonly<Record<string, WireValue | undefined>> };

type Member = { readonly name: string; readonly type: string; readonly optional: boolean; readonly since: string };

export function decodeCall(decoder: Decoder, method: VimMethod, element: XmlElement): DecodedCall {
  const members: readonly Member[] = [
    { name: '_this', type: 'MoRef', optional: false, since: 'base' },
    ...method.params,
  ];
  try {
    const values = decodeMembers(decoder, members, element, '');
    const { _this: self, ...params } = values;
    return { self: self as MoRef, params };
  } catch (thrown) {
    throw addContext(thrown, `while parsing call information for method ${method.method}`);
  }
}

function addContext(thrown: unknown, line: string): unknown {
  if (!(thrown instanceof VimFault)) return thrown;
  return new VimFault(thrown.faultName, thrown.details, `${thrown.message}\n\n${line}`);
}

function isOfVersion(since: string, version: string): boolean {
  return since !== 'legacy' && compareVersions(since, version) <= 0;
}

function decodeMembers(
  decoder: Decoder,
  members: readonly Member[],
  element: XmlElement,
  typeName: string,
): Record<string, WireValue | undefined> {
  const values: Record<string, WireValue | undefined> = {};
  const known = members.filter((member) => isOfVersion(member.since, decoder.version));
  let at = 0;
  for (const child of element.children) {
    const found = known.findIndex((member, index) => index >= at && member.name === child.local);
    const member = known[found];
    if (member === undefined) throw unexpected(child.local, typeName);
    at = found;
    const list = member.type.endsWith('[]');
    const value = inMember(member.name, () =>
      decodeValue(decoder, list ? member.type.slice(0, -2) : member.type, child),
    );
    const before = values[member.name];
    if (list) values[member.name] = [...(Array.isArray(before) ? before : []), value];
    else if (before !== undefined) throw unexpected(child.local, typeName);
    else values[member.name] = value;
  }
  for (const member of known) {
    if (!member.optional && values[member.name] === undefined && !member.type.endsWith('[]')) {
      throw new VimFault(
        'InvalidRequest',
        {},
        `Required property ${member.name} is missing from data object of type ${typeName || 'call'}`,
      );
    }
  }
  return values;
}

function unexpected(tag: string, typeName: string): VimFault {
  const vmodl = typeNamed(typeName)?.vmodl ?? typeName;
  const where = typeName === '' ? '' : `\n\nwhile parsing serialized DataObject of type ${vmodl}`;
  return new VimFault('InvalidRequest', {}, `Unexpected element tag "${tag}" seen${where}`);
}

function inMember<Result>(name: string, decode: () => Result): Result {
  try {
    return decode();
  } catch (thrown) {
    throw addContext(thrown, `while parsing property "${name}"`);
  }
}

function decodeValue(decoder: Decoder, declared: string, element: XmlElement): WireValue {
  const sent = attributeOf(element, 'type', namespaces.xsi)?.replace(/^.*:/, '');
  if (declared === 'MoRef' || declared.startsWith('MoRef<')) return decodeMoRef(element);
  if (declared === 'anyType') return decodeAny(decoder, sent, element);
  const type = typeNamed(sent ?? declared);
  const declaredType = typeNamed(declared);
  if (declaredType?.kind === 'data') {
    if (type?.kind !== 'data' || (sent !== undefined && !isA(sent, declared))) {
      throw new VimFault('InvalidType', { argument: sent ?? declared }, `Type ${sent} is not a ${declared}`);
    }
    return decodeObject(decoder, sent ?? declared, element);
  }
  if (declaredType?.kind === 'enum') {
    const text = element.text.trim();
    if (!declaredType.values.includes(text)) throw badValue(text, declared);
    return text;
  }
  return decodeScalar(declared, element);
}

function decodeObject(decoder: Decoder, typeName: string, element: XmlElement): DataObject {
  const members = propertiesOf(typeName).map(([name, type, optionality, since]): Member => {
    return { name, type, optional: optionality === '?', since };
  });
  return { ...decodeMembers(decoder, members, element, typeName), $type: typeName };
}

function decodeMoRef(element: XmlElement): MoRef {
  const type = attributeOf(element, 'type');
  const id = element.text.trim();
  if (type === undefined || id === '') throw badValue(id, 'ManagedObjectReference');
  return moRef(type, id);
}

function decodeAny(decoder: Decoder, sent: string | undefined, element: XmlElement): WireValue {
  if (sent === undefined) throw new VimFault('InvalidRequest', {}, 'xsi:type is missing');
  if (sent === 'ManagedObjectReference') return decodeMoRef(element);
  return decodeValue(decoder, sent, element);
}

function badValue(text: string, declared: string): VimFault {
  return new VimFault('InvalidRequest', {}, `Value "${text}" is not a ${declared}`);
}

function decodeScalar(declared: string, element: XmlElement): string | number | boolean {
  const text = element.text.trim();
  if (element.children.length > 0) throw unexpected(element.children[0]?.local ?? '', '');
  switch (declared) {
    case 'boolean':
      if (/^(true|1)$/.test(text)) return true;
      if (/^(false|0)$/.test(text)) return false;
      throw badValue(text, declared);
    case 'byte':
    case 'short':
    case 'int':
    case 'long':
      if (!/^-?\d{1,19}$/.test(text)) throw badValue(text, declared);
      return Number(text);
    case 'float':
    case 'double':
      if (text === '' || Number.isNaN(Number(text))) throw badValue(text, declared);
      return Number(text);
    case 'dateTime':
      if (Number.isNaN(Date.parse(text))) throw badValue(text, declared);
      return text;
    default:
      return element.text;
  }
}
