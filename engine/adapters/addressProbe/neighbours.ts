import { createSocket } from 'node:dgram';
import { PartyFault } from '#machines/faults.ts';
import type { Clock } from '#machines/parties/clock.ts';
import { command, ipObjects } from './command.ts';

const looks = 10;
const lookMs = 500;
/** RFC 863: nobody minds a byte there, and for any byte the kernel must first ask who has the address. */
const discardPort = 9;

/**
 * Who answers the kernel's own ARP, as a hardware address, or `silent`. What it remembers is forgotten first: only
 * what is heard now counts. Fault: `probeUnavailable`, also when the kernel was kept from asking.
 */
export async function probeByNeighbours(clock: Clock, address: string, dev: string): Promise<string> {
  const forgotten = await command('ip', 'neigh', 'flush', 'to', address, 'dev', dev);
  if (forgotten.code !== 0) throw unavailable(`ip neigh flush: ${forgotten.stderr.trim()}`);
  let hasAsked = false;
  for (let look = 0; look < looks; look += 1) {
    if (look % 4 === 0) await poke(address);
    await clock.sleep(lookMs);
    const [seen] = await ipObjects('neigh', 'show', 'to', address, 'dev', dev);
    const states = Array.isArray(seen?.['state']) ? (seen['state'] as readonly unknown[]) : [];
    if (states.includes('PERMANENT') || states.includes('NOARP')) throw unavailable(`${address} is entered by hand`);
    if (typeof seen?.['lladdr'] === 'string') return seen['lladdr'];
    hasAsked ||= states.includes('FAILED') || states.includes('INCOMPLETE');
  }
  if (!hasAsked) throw unavailable(`nothing was sent to ${address}`);
  return 'silent';
}

/** One datagram whose fate does not matter: the network table tells. */
function poke(address: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const end = (): void => {
      socket.removeAllListeners('error');
      socket.on('error', () => undefined);
      socket.close(() => resolve());
    };
    socket.once('error', end);
    socket.send(Buffer.alloc(1), discardPort, address, end);
  });
}

const unavailable = (reason: string): PartyFault => new PartyFault('probeUnavailable', { reason });
