import type { Power } from '#engine/core/provenOff.ts';

/** What a fence needs to know of one Redfish `ComputerSystem`. */
export type RedfishSystem = {
  readonly power: Power;
  /** Maker, model, serial number and UUID, for a person to compare with the machine. */
  readonly identity: string;
  /** Where the reset goes; makers differ in it. */
  readonly resetPath: string;
  /** What the reset accepts; undefined when the device does not say. */
  readonly resetTypes: readonly string[] | undefined;
};

/** A path elsewhere would carry our password or session there. */
const ownPath = /^\/redfish\/v1\/[\w\-./]+$/;

type Members = Readonly<Record<string, unknown>>;

const membersOf = (value: unknown): Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : {};
const textOf = (value: unknown): string => (typeof value === 'string' ? value.trim() : '');

/** `Off` alone is off: a machine that is powering off, paused or undecided still has its power. */
const powerOf = (state: unknown): Power => {
  if (state === 'Off') return 'off';
  return typeof state === 'string' ? 'on' : 'unknown';
};

/** Reads a `ComputerSystem`; undefined when the text is none. */
export function parseSystem(text: string, path: string): RedfishSystem | undefined {
  const system = membersOf(parse(text));
  if (!('PowerState' in system) && !('Actions' in system)) return undefined;
  const reset = membersOf(membersOf(system['Actions'])['#ComputerSystem.Reset']);
  const target = textOf(reset['target']);
  const types = reset['ResetType@Redfish.AllowableValues'];
  const identity = ['Manufacturer', 'Model', 'SerialNumber', 'UUID'].map((name) => textOf(system[name]));
  return {
    power: powerOf(system['PowerState']),
    identity: identity.filter((part) => part !== '').join(' ') || path,
    resetPath: ownPath.test(target) ? target : `${path}/Actions/ComputerSystem.Reset`,
    resetTypes: Array.isArray(types) ? types.map(textOf) : undefined,
  };
}

/** Where sessions are made, in the words of the service root; undefined when the device has none. */
export function parseSessionsPath(serviceRoot: string): string | undefined {
  const links = membersOf(membersOf(parse(serviceRoot))['Links']);
  const path = textOf(membersOf(links['Sessions'])['@odata.id']).replace(/(?<=.)\/$/, '');
  return ownPath.test(path) ? path : undefined;
}

/** The device's own words for a refusal, one line and never long. */
export function reasonOf(status: number, text: string): string {
  const error = membersOf(membersOf(parse(text))['error']);
  const extended = error['@Message.ExtendedInfo'];
  const first = membersOf(Array.isArray(extended) ? extended[0] : undefined);
  const words = textOf(first['Message']) || textOf(first['MessageId']) || textOf(error['message']);
  return `HTTP ${status} ${words}`.trim().replace(/\s+/g, ' ').slice(0, 200);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
