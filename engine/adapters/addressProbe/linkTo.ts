import { PartyFault } from '#machines/faults.ts';
import { ipObjects } from './command.ts';

/** The interface on whose network an address is, or that it is our own. Fault: `probeUnavailable` behind a router. */
export async function wayTo(address: string): Promise<'own' | { readonly dev: string }> {
  const [route] = await ipObjects('route', 'get', address);
  const dev = route?.['dev'];
  if (typeof dev !== 'string') throw new PartyFault('probeUnavailable', { reason: `no route to ${address}` });
  if (route?.['type'] === 'local') return 'own';
  if (route?.['gateway'] !== undefined || route?.['via'] !== undefined) {
    throw new PartyFault('probeUnavailable', { reason: `${address} is behind a router, where ARP does not reach` });
  }
  return { dev };
}

/** Whether ARP leaves by an interface: without a carrier the loudest network is silent. */
export async function carries(dev: string): Promise<boolean> {
  const [link] = await ipObjects('link', 'show', 'dev', dev);
  const flags: unknown = link?.['flags'];
  if (!Array.isArray(flags)) return false;
  return flags.includes('LOWER_UP') && flags.includes('BROADCAST') && !flags.includes('NOARP');
}
