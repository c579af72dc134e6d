import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ManagerFile } from '#control/api/parties.ts';

const files: readonly { readonly path: string; readonly file: string; readonly type: string }[] = [
  { path: '/', file: 'index.html', type: 'text/html; charset=utf-8' },
  { path: '/manager.js', file: 'manager.js', type: 'text/javascript; charset=utf-8' },
  { path: '/scenarioCard.js', file: 'scenarioCard.js', type: 'text/javascript; charset=utf-8' },
  { path: '/words.js', file: 'words.js', type: 'text/javascript; charset=utf-8' },
  { path: '/manager.css', file: 'manager.css', type: 'text/css; charset=utf-8' },
  { path: '/favicon.svg', file: 'favicon.svg', type: 'image/svg+xml' },
];

/** The manager's files, read once: a fixed list, so that no request ever names a file. */
export function readManagerFiles(folder: string): readonly ManagerFile[] {
  return files.map(({ path, file, type }) => ({ path, type, bytes: readFileSync(join(folder, file)) }));
}
