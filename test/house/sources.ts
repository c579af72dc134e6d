import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

export const root = new URL('../..', import.meta.url).pathname;
export const rooms = ['machines', 'engine', 'control', 'simulators', 'features', 'test'] as const;

export type Source = { readonly path: string; readonly text: string; readonly imports: readonly string[] };

/** Every TypeScript file of these folders, with what it imports. */
export function sources(...folders: readonly string[]): Source[] {
  return folders
    .flatMap((folder) => filesUnder(join(root, folder)))
    .filter((path) => path.endsWith('.ts'))
    .map(readSource);
}

export function filesUnder(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesUnder(path) : [path];
  });
}

export function foldersOf(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}

function readSource(path: string): Source {
  const text = readFileSync(path, 'utf8');
  const imports = [
    ...text.matchAll(/^(?:import|export)[^'";]*?from '([^']+)'|^import '([^']+)'|import\('([^']+)'\)/gm),
  ].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
  return { path: relative(root, path), text, imports };
}
