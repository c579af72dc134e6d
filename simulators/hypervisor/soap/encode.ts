import { compareVersions, propertiesOf, typeNamed } from '#engine/protocol/vim25/schema.ts';
import type { TaskResult } from '../model/taskBook.ts';
import type { VimFault } from '../model/vimFault.ts';
import { isMoRef, isObject, moRef } from './wireValue.ts';
import type { DataObject, Typed, WireValue } from './wireValue.ts';
import { escapeXml, namespaces } from './xml.ts';

/** Writes in the schema's order, and nothing that the announced version does not know. */
export type Encoder = { readonly version: string };

const scalars = new Set(['string', 'int', 'long', 'short', 'byte', 'boolean', 'dateTime', 'double', 'float']);

/** One element of a declared type; a list becomes as many elements as it has members. */
export function encodeElement(encoder: Encoder, name: string, declared: string, value: WireValue | undefined): string {
  if (value === undefined) return '';
  if (declared.endsWith('[]')) {
    if (!Array.isArray(value)) throw new TypeError(`${name} is a list`);
    return value.map((one: WireValue) => encodeElement(encoder, name, declared.slice(0, -2), one)).join('');
  }
  if (declared === 'anyType') return encodeAny(encoder, name, value);
  if (isMoRef(value)) return `<${name} type="${value.type}">${escapeXml(value.id)}</${name}>`;
  if (isObject(value)) {
    const type = value.$type === declared ? '' : ` xsi:type="${value.$type}"`;
    return `<${name}${type}>${encodeMembers(encoder, value)}</${name}>`;
  }
  if (typeof value === 'object') throw new TypeError(`${name} cannot be a ${declared}`);
  return `<${name}>${escapeXml(String(value))}</${name}>`;
}

export function encodeMembers(encoder: Encoder, object: DataObject): string {
  const rows = propertiesOf(object.$type);
  const stray = Object.keys(object).find((key) => key !== '$type' && !rows.some(([name]) => name === key));
  if (stray !== undefined) throw new TypeError(`${object.$type} has no property ${stray}`);
  return rows
    .filter(([, , , since]) => since !== 'legacy' && compareVersions(since, encoder.version) <= 0)
    .map(([name, type, optionality]) => {
      if (object[name] === undefined && optionality === '' && !type.endsWith('[]')) {
        throw new TypeError(`${object.$type}.${name} is required`);
      }
      return encodeElement(encoder, name, type, object[name]);
    })
    .join('');
}

function encodeAny(encoder: Encoder, name: string, value: WireValue): string {
  if (typeof value === 'object' && '$type' in value && value.$type === 'typed') {
    return encodeTyped(encoder, name, value as Typed);
  }
  if (isMoRef(value)) {
    return `<${name} type="${value.type}" xsi:type="ManagedObjectReference">${escapeXml(value.id)}</${name}>`;
  }
  if (isObject(value)) return `<${name} xsi:type="${value.$type}">${encodeMembers(encoder, value)}</${name}>`;
  if (typeof value === 'string') return encodeTyped(encoder, name, { $type: 'typed', declared: 'string', value });
  if (typeof value === 'boolean') return encodeTyped(encoder, name, { $type: 'typed', declared: 'boolean', value });
  if (typeof value === 'number') return encodeTyped(encoder, name, { $type: 'typed', declared: 'int', value });
  throw new TypeError(`${name}: a list needs its declared type`);
}

/** In `anyType` a list is wrapped (`ArrayOfString`), and its members are named after their type. */
function encodeTyped(encoder: Encoder, name: string, { declared, value }: Typed): string {
  if (declared.endsWith('[]')) {
    const member = plainName(declared.slice(0, -2));
    const wrapper = `ArrayOf${member.slice(0, 1).toUpperCase()}${member.slice(1)}`;
    const items = (Array.isArray(value) ? value : []).map((one: WireValue) =>
      encodeElement(encoder, member, scalars.has(member) ? member : declared.slice(0, -2), one),
    );
    return `<${name} xsi:type="${wrapper}">${items.join('')}</${name}>`;
  }
  if (isMoRef(value) || isObject(value)) return encodeAny(encoder, name, value);
  const plain = plainName(declared);
  const type = scalars.has(plain) ? `xsd:${plain}` : plain;
  return `<${name} xsi:type="${type}">${escapeXml(String(value))}</${name}>`;
}

function plainName(declared: string): string {
  if (declared === 'MoRef' || declared.startsWith('MoRef<')) return 'ManagedObjectReference';
  const alias = /^\w+\((\w+)\)$/.exec(declared);
  return alias?.[1] ?? declared;
}

/** A fault as data, for a property or a task. */
export function faultObject(fault: VimFault): DataObject {
  const rows = propertiesOf(fault.faultName);
  const known = typeNamed(fault.faultName) === undefined ? 'SystemError' : fault.faultName;
  const entries = Object.entries(fault.details)
    .filter(([key]) => rows.some(([name]) => name === key))
    .map(([key, value]): [string, WireValue] => [key, typeof value === 'object' ? moRef(value.type, value.id) : value]);
  const reason = known === 'SystemError' ? { reason: fault.message } : {};
  return { ...reason, ...Object.fromEntries(entries), $type: known };
}

export function localizedFault(fault: VimFault): DataObject {
  return { $type: 'LocalizedMethodFault', fault: faultObject(fault), localizedMessage: fault.message };
}

export function taskResult(result: TaskResult): WireValue | undefined {
  if (result === undefined || typeof result === 'string') return result;
  if ('type' in result) return moRef(result.type, result.id);
  const { folderPath, datastoreId, files, details } = result.searchResult;
  return {
    $type: 'HostDatastoreBrowserSearchResults',
    datastore: moRef('Datastore', datastoreId),
    folderPath,
    file: files.map((file) => ({
      $type: file.capacityBytes === undefined ? 'FileInfo' : 'VmDiskFileInfo',
      path: file.path,
      ...(details.size ? { fileSize: file.bytes } : {}),
      ...(details.modified ? { modification: new Date(file.modifiedAtMs).toISOString() } : {}),
      ...(details.capacity && file.capacityBytes !== undefined ? { capacityKb: file.capacityBytes / 1024 } : {}),
    })),
  };
}

const envelopeHead =
  `<?xml version="1.0" encoding="UTF-8"?>\n<soapenv:Envelope xmlns:soapenc="http://schemas.xmlsoap.org/soap/encoding/"` +
  ` xmlns:soapenv="${namespaces.soap}" xmlns:xsd="${namespaces.xsd}" xmlns:xsi="${namespaces.xsi}">\n<soapenv:Body>\n`;
const envelopeTail = `\n</soapenv:Body>\n</soapenv:Envelope>`;

export function encodeResponse(
  encoder: Encoder,
  method: { readonly method: string; readonly returns: string | null },
  value: WireValue | undefined,
): string {
  const returned = method.returns === null ? '' : encodeElement(encoder, 'returnval', method.returns, value);
  return `${envelopeHead}<${method.method}Response xmlns="${namespaces.vim}">${returned}</${method.method}Response>${envelopeTail}`;
}

export function encodeFault(encoder: Encoder, fault: VimFault, faultCode = 'ServerFaultCode'): string {
  const object = faultObject(fault);
  const detail =
    faultCode === 'ServerFaultCode'
      ? `<detail><${object.$type}Fault xmlns="${namespaces.vim}" xsi:type="${object.$type}">${encodeMembers(encoder, object)}</${object.$type}Fault></detail>`
      : '';
  return `${envelopeHead}<soapenv:Fault><faultcode>${faultCode}</faultcode><faultstring>${escapeXml(fault.message)}</faultstring>${detail}</soapenv:Fault>${envelopeTail}`;
}
