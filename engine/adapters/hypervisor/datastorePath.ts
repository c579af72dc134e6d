import { PartyFault } from '#machines/faults.ts';

/** The parts of `[datastore] folder/name.vmdk`. */
export type DatastorePath = { readonly datastore: string; readonly folder: string; readonly file: string };

/** Throws `invalidSpec` for a text that is no datastore path of a file. */
export function parseDatastorePath(path: string): DatastorePath {
  const match = /^\[([^\]]+)\] (?:(.+)\/)?([^/]+)$/.exec(path);
  if (match === null) throw new PartyFault('invalidSpec', { field: 'path', reason: path });
  return { datastore: match[1] ?? '', folder: match[2] ?? '', file: match[3] ?? '' };
}
