import { createServer } from 'node:net';

export type Claim = { release(): void };

/**
 * Claims a name on this machine for this process; undefined when it is taken. The claim is a Linux abstract socket: the
 * kernel lets one process bind the name and frees it when that process ends, by `kill -9` too. A lock file would stay
 * behind, and proving its owner dead is a race.
 */
export function claim(name: string): Promise<Claim | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error) => {
      if ('code' in error && error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(`\0kagemusha-replica-disk-${name}`, () => {
      server.unref();
      resolve({ release: () => server.close() });
    });
  });
}
