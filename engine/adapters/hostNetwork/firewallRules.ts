/** Whom the firewall lets through while the host is off its network, in addresses, not names. */
export type Passage = {
  /** What engine and guard dial. */
  readonly peers: readonly { readonly address: string; readonly port: number }[];
  /** Next hops towards the peers on their links, IPv4: without their ARP no peer is reached. */
  readonly neighbours: readonly string[];
  /** Ports that engine and guard listen on. */
  readonly ports: readonly number[];
};

export const tableName = 'kagemusha_guard';

/** Takes the rules away, whether or not they are there; one transaction with what follows. */
export const lifting = ['inet', 'arp']
  .flatMap((family) => [`add table ${family} ${tableName}`, `delete table ${family} ${tableName}`])
  .join('\n');

/**
 * The ruleset in nft's language: it drops everything but loopback and the flows with the peers. ARP is answered to the
 * next hops only: a host that answers a probe for its address is taken for one that serves.
 */
export function blocking({ peers, neighbours, ports }: Passage): string {
  const local = `{ ${ports.join(', ')} }`;
  const flows = (mine: 'saddr' | 'daddr') =>
    peers.flatMap(({ address, port }) => {
      const from = `${address.includes(':') ? 'ip6' : 'ip'} ${mine} ${address}`;
      const [theirPort, ourPort] = mine === 'saddr' ? ['sport', 'dport'] : ['dport', 'sport'];
      return [`${from} tcp ${theirPort} ${port} accept`, `${from} tcp ${ourPort} ${local} accept`];
    });
  // Told nobody, the guard lets in whoever shows a certificate: else nobody could ever let the host back.
  const anybody = (ourPort: 'sport' | 'dport') => (peers.length === 0 ? [`tcp ${ourPort} ${local} accept`] : []);
  const discovery = peers.some(({ address }) => address.includes(':'))
    ? ['icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept']
    : [];
  const chain = (hook: string, rules: readonly string[]) =>
    `  chain ${hook} {\n${[`type filter hook ${hook} priority -400; policy drop;`, ...rules].map((rule) => `    ${rule}\n`).join('')}  }\n`;
  const arp = (end: 'saddr' | 'daddr') =>
    peers.length === 0 ? ['accept'] : neighbours.map((address) => `arp ${end} ip ${address} accept`);
  return [
    lifting,
    `table inet ${tableName} {`,
    chain('input', ['iif lo accept', ...flows('saddr'), ...anybody('dport'), ...discovery]),
    chain('output', ['oif lo accept', ...flows('daddr'), ...anybody('sport'), ...discovery]),
    chain('forward', []),
    '}',
    `table arp ${tableName} {`,
    chain('input', arp('saddr')),
    chain('output', arp('daddr')),
    '}',
    '',
  ].join('\n');
}
