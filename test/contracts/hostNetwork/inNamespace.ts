/**
 * A host of its own network namespace: serves TCP, and does what the test tells it, one JSON line a call.
 * `node inNamespace.ts <interfaces, comma-separated> <folder for what is kept>`
 */
import { execFileSync } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { toFault } from '#machines/faults.ts';
import { LinuxHostNetwork } from '#engine/adapters/hostNetwork/LinuxHostNetwork.ts';
import { productionPort, ports } from './namespaceHost.ts';

const productionInterfaces = (process.argv[2] ?? '').split(',').filter(Boolean);
const hostNetwork = new LinuxHostNetwork({ productionInterfaces, ports, runFolder: process.argv[3] ?? '' });

function dials(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 400 });
    const end = (reached: boolean): void => {
      socket.destroy();
      resolve(reached);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}

type Call =
  | { readonly call: 'means' | 'unblock' }
  | { readonly call: 'block'; readonly peers: readonly { readonly host: string; readonly port: number }[] }
  | { readonly call: 'routes' }
  | { readonly call: 'dial'; readonly host: string; readonly port: number };

async function answer(call: Call): Promise<unknown> {
  switch (call.call) {
    case 'means':
      return hostNetwork.means;
    case 'block':
      return hostNetwork.block(call.peers);
    case 'routes':
      return execFileSync('ip', ['-4', 'route', 'show'], { encoding: 'utf8' }).trim().split(/ *\n/).sort();
    case 'unblock':
      return hostNetwork.unblock();
    case 'dial':
      return dials(call.host, call.port);
  }
}

// A client that was there before the block is cut off as well: what it sends is sent back.
for (const port of [productionPort, ...ports])
  createServer((socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  }).listen(port, '0.0.0.0');

createInterface({ input: process.stdin }).on('line', (line) => {
  answer(JSON.parse(line) as Call).then(
    (value) => process.stdout.write(`${JSON.stringify({ value: value ?? null })}\n`),
    (thrown: unknown) => process.stdout.write(`${JSON.stringify({ fault: toFault(thrown) })}\n`),
  );
});
