import { compareVersions, isA, methodNamed, propertiesOf, typeNamed } from './schema.ts';
import { isData, MoRef } from './values.ts';
import type { VimData, VimValue } from './values.ts';

export const vimNamespace = 'urn:vim25';
export const soapNamespace = 'http://schemas.xmlsoap.org/soap/envelope/';
export const xsiNamespace = 'http://www.w3.org/2001/XMLSchema-instance';
export const xsdNamespace = 'http://www.w3.org/2001/XMLSchema';

/** A value the host would refuse: our own mistake, found before a byte is sent. */
export class EncodeError extends Error {
  override readonly name = 'EncodeError';
}

const scalars = new Set([
  'string',
  'boolean',
  'int',
  'long',
  'short',
  'byte',
  'float',
  'double',
  'dateTime',
  'anyURI',
  'base64Binary',
]);

/**
 * A call as the body of an envelope, parameters in the order of the table. Throws `EncodeError` for what the host
 * would refuse: an unknown method or property, a missing required one, one newer than `apiVersion`.
 */
export function encodeCall(
  self: MoRef,
  methodName: string,
  args: Readonly<Record<string, VimValue | undefined>>,
  apiVersion: string,
): string {
  const method = methodNamed(methodName);
  if (method === undefined) throw new EncodeError(`method ${methodName} is not in the table`);
  for (const name of Object.keys(args)) {
    if (!method.params.some((parameter) => parameter.name === name)) {
      throw new EncodeError(`${methodName} has no parameter ${name}`);
    }
  }
  const parameters = method.params.map(({ name, type, optional, since }) =>
    encodeMember(methodName, [name, type, optional ? '?' : '', since], args[name], apiVersion),
  );
  const target = `<_this type="${escapeXml(self.type)}">${escapeXml(self.value)}</_this>`;
  return `<${methodName} xmlns="${vimNamespace}">${target}${parameters.join('')}</${methodName}>`;
}

/** The document around a body. */
export function envelope(body: string): string {
  return (
    `<?xml version="1.0" encoding="UTF-8"?>` +
    `<soapenv:Envelope xmlns:soapenv="${soapNamespace}" xmlns:xsd="${xsdNamespace}" xmlns:xsi="${xsiNamespace}">` +
    `<soapenv:Body>${body}</soapenv:Body></soapenv:Envelope>`
  );
}

/** One value as an element, or as many elements as an array has; `type` is the declared type. */
export function encodeValue(name: string, type: string, value: VimValue, apiVersion: string): string {
  if (type.endsWith('[]')) {
    if (!Array.isArray(value)) throw new EncodeError(`${name} is an array of ${type.slice(0, -2)}`);
    const items: readonly VimValue[] = value;
    return items.map((item) => encodeValue(name, type.slice(0, -2), item, apiVersion)).join('');
  }
  if (type === 'anyType') return encodeAny(name, value, apiVersion);
  if (value instanceof MoRef) {
    if (!type.startsWith('MoRef')) throw new EncodeError(`${name} is ${type}, not a reference`);
    return encodeReference(name, value, '');
  }
  if (isData(value)) return encodeData(name, type, value, apiVersion);
  const plain = type.replace(/\(string\)$/, '');
  const declared = typeNamed(plain);
  if (declared?.kind === 'enum' && !declared.values.includes(String(value))) {
    throw new EncodeError(`${name} is ${type}, which has no value ${String(value)}`);
  }
  if (plain === type && declared === undefined && !scalars.has(type)) {
    throw new EncodeError(`type ${type} of ${name} is not in the table`);
  }
  if (declared?.kind === 'data') throw new EncodeError(`${name} is a ${type}, not ${typeof value}`);
  return `<${name}>${escapeXml(String(value))}</${name}>`;
}

function encodeMember(
  owner: string,
  [name, type, optionality, since]: readonly [string, string, string, string],
  value: VimValue | undefined,
  apiVersion: string,
): string {
  if (value === undefined) {
    // An empty array is no element at all, so a required one cannot be told from an empty one.
    if (optionality === '' && !type.endsWith('[]')) throw new EncodeError(`${owner}.${name} is required`);
    return '';
  }
  if (compareVersions(since, apiVersion) > 0) {
    throw new EncodeError(`${owner}.${name} needs API ${since}; the host speaks ${apiVersion}`);
  }
  return encodeValue(name, type, value, apiVersion);
}

function encodeData(name: string, declaredType: string, value: VimData, apiVersion: string): string {
  const type = value.$type ?? declaredType;
  if (typeNamed(type)?.kind !== 'data') throw new EncodeError(`${name}: ${type} is no data type of the table`);
  if (type !== declaredType && declaredType !== 'anyType' && !isA(type, declaredType)) {
    throw new EncodeError(`${name}: ${type} is not a ${declaredType}`);
  }
  const rows = propertiesOf(type);
  for (const property of Object.keys(value)) {
    if (property !== '$type' && !rows.some((row) => row[0] === property)) {
      throw new EncodeError(`${type} has no property ${property}`);
    }
  }
  const members = rows.map((row) => encodeMember(type, row, value[row[0]], apiVersion)).join('');
  const xsiType = type === declaredType ? '' : ` xsi:type="${type}"`;
  return `<${name}${xsiType}>${members}</${name}>`;
}

function encodeAny(name: string, value: VimValue, apiVersion: string): string {
  if (value instanceof MoRef) return encodeReference(name, value, ' xsi:type="ManagedObjectReference"');
  if (isData(value)) return encodeData(name, 'anyType', value, apiVersion);
  if (typeof value === 'object') throw new EncodeError(`${name}: an array needs a declared type`);
  return `<${name} xsi:type="xsd:${scalarTypeOf(value)}">${escapeXml(String(value))}</${name}>`;
}

function scalarTypeOf(value: string | number | bigint | boolean): string {
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'boolean';
  if (typeof value === 'bigint') return 'long';
  return Number.isInteger(value) ? 'int' : 'double';
}

const encodeReference = (name: string, reference: MoRef, xsiType: string): string =>
  `<${name} type="${escapeXml(reference.type)}"${xsiType}>${escapeXml(reference.value)}</${name}>`;

const entities: Readonly<Record<string, string>> = { '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' };

/** Escaped text; characters that XML 1.0 cannot carry at all are refused, never silently changed. */
export function escapeXml(text: string): string {
  // oxlint-disable-next-line no-control-regex -- these are exactly the characters XML forbids
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(text)) {
    throw new EncodeError('the text holds a character that XML cannot carry');
  }
  return text.replace(/[<>&"]/g, (character) => entities[character] ?? character);
}
