import { VimFault } from './vimFault.ts';

export type DatastorePath = { readonly datastore: string; readonly file: string };

/** Takes `[datastore] folder/name` apart. Faults: `InvalidDatastorePath`. */
export function parseDatastorePath(text: string): DatastorePath {
  const match = /^\[([^\]]+)\] ?(.*)$/.exec(text);
  const file = (match?.[2] ?? '').replace(/\/+$/, '');
  const climbs = file.split('/').some((part) => part === '..' || part === '.');
  if (match?.[1] === undefined || climbs || file.startsWith('/') || file.includes('\0')) {
    throw new VimFault('InvalidDatastorePath', { datastorePath: text, name: match?.[1] ?? '' });
  }
  return { datastore: match[1], file };
}

export function formatDatastorePath(path: DatastorePath): string {
  return path.file === '' ? `[${path.datastore}]` : `[${path.datastore}] ${path.file}`;
}

/** Folder of a file, '' for the datastore's root. */
export function folderOf(file: string): string {
  return file.includes('/') ? file.slice(0, file.lastIndexOf('/')) : '';
}
