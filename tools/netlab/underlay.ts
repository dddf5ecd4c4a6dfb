// How a topology becomes interfaces: the shell lines that make them, and the lines that tell the wire about its ports.
//
//   plain link       a:to-b ══════ b:to-a                      one veth pair
//   link by wire     a:to-b ══ w1000 │wire│ w1001 ══ b:to-a    a veth pair each; the far ends are the wire's
//   cloud            a:eth0 ══ w1 │wire│ w2 ══ b:eth0          a default route into the wire, which goes by address
//   lan              a:eth0 ══ p1 [br0] p2 ══ b:eth0
//
// Behind the wire nobody asks for MAC addresses: they are known beforehand, so that loss and delay meet only what a test
// sends. Offloads are off there, because a wire carries packets as they are on a cable.

import type { LabNode } from "./node.ts";
import { formatParameters } from "./parameters.ts";
import type { CloudSpec, LanSpec, LinkSpec, Topology } from "./topology.ts";

const noOffload = "tx off rx off tso off gso off gro off";
/** The next hop of the cloud's members; the wire answers to it (network.h). */
const router = { mac: "02:00:00:00:ff:fe", address: "198.51.100.254", address6: "fe80::ff:fe00:fffe" };
/** Ports of cables are numbered from here, those of the cloud by node. */
const firstCablePort = 1000;

export interface Underlay {
  /** in the order of their making */
  namespaces: string[];
  /** shell lines that make everything, the namespaces included */
  lines: string[];
  /** the wire's first commands; empty when the topology needs none */
  wire: string[];
  /** "a>b" → the wire's ports by which packets from a to b enter and leave */
  ways: Map<string, { from: number; to: number }>;
  /** the largest IP packet that can reach the wire */
  wireMtu: number;
}

const bridgeNamespace = (prefix: string): string => `${prefix}-lan`;
export const wireNamespace = (prefix: string): string => `${prefix}-wire`;

/** True when some of it goes through the wire. */
export const needsWire = (topology: Topology): boolean =>
  topology.cloud !== undefined || topology.links.some((link) => link.wire);

const macOfPort = (port: number): string =>
  `02:00:00:00:${[port >> 8, port & 255].map((byte) => byte.toString(16).padStart(2, "0")).join(":")}`;

/** Several lines for `ip` as one process, in this namespace or another. */
const ipBatch = (lines: readonly string[], netns?: string): string =>
  `ip ${netns === undefined ? "" : `-n ${netns} `}-batch - <<'END'\n${lines.join("\n")}\nEND`;

const noOffloads = (name: string): string => `ethtool -K ${name} ${noOffload} >/dev/null`;

/** Of every namespace, before it has interfaces, so that all inherit it: addresses are usable at once. */
const settings = [
  "for f in all default; do",
  "  echo 0 >/proc/sys/net/ipv6/conf/$f/accept_dad",
  "  echo 0 >/proc/sys/net/ipv4/conf/$f/rp_filter",
  "done",
  "echo 0 >/proc/sys/net/ipv6/conf/default/accept_ra",
  'echo "0 2147483647" >/proc/sys/net/ipv4/ping_group_range',
];

class Builder {
  readonly wire: string[] = [];
  readonly ways: Underlay["ways"] = new Map();
  /** namespace → the lines of its shell; shells run in this order, then the last one */
  readonly shells = new Map<string, string[]>();
  /** in the wire's namespace, when all its interfaces are there */
  readonly last: string[] = [];
  wireMtu = 0;
  readonly #prefix: string;
  readonly #node: (name: string) => LabNode;

  constructor(topology: Topology, prefix: string, node: (name: string) => LabNode) {
    this.#prefix = prefix;
    this.#node = node;
    // The wire's ends are to be silent: no router solicitations, no multicast reports.
    const quiet = "for f in all default; do echo 1 >/proc/sys/net/ipv6/conf/$f/disable_ipv6; done";
    if (needsWire(topology)) this.shells.set(wireNamespace(prefix), [...settings, quiet]);
    if (topology.lan) this.#bridge(topology.lan);
    for (const { name } of topology.nodes)
      this.shells.set(node(name).netns, [...settings, "ip link set lo up"]);
    for (const name of topology.lan?.members ?? []) this.#lanMember(node(name), topology.lan);
    for (const [i, link] of topology.links.entries()) this.#link(link, firstCablePort + 2 * i);
    if (topology.cloud) this.#cloud(topology.cloud);
  }

  #shell(netns: string): string[] {
    return this.shells.get(netns) ?? [];
  }

  #bridge(lan: LanSpec): void {
    this.shells.set(bridgeNamespace(this.#prefix), [
      ...settings,
      // Else bridged packets would pass this namespace's IP filters, and odd ones be dropped there.
      "for f in iptables ip6tables arptables; do",
      "  echo 0 2>/dev/null >/proc/sys/net/bridge/bridge-nf-call-$f || true",
      "done",
      `ip link add br0 mtu ${lan.mtu ?? 1500} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
      `ip link set br0 up`,
    ]);
  }

  #lanMember(node: LabNode, lan: LanSpec = { members: [] }): void {
    const bridge = bridgeNamespace(this.#prefix);
    const mtu = lan.mtu ?? 1500;
    const port = `p${node.id}`;
    const lines = this.#shell(node.netns);
    lines.push(
      ipBatch([
        `link add eth0 mtu ${mtu} type veth peer name ${port} netns ${bridge} mtu ${mtu}`,
        `addr add ${node.address}/24 dev eth0`,
        `addr add ${node.address6}/64 dev eth0 nodad`,
      ]),
      `ip -n ${bridge} link set ${port} master br0 up`,
      `ip link set eth0 up`,
    );
    if (lan.offload === false)
      lines.push(noOffloads("eth0"), `nsenter --net=${netnsFile(bridge)} ${noOffloads(port)}`);
  }

  /** `port` is the wire's at the first end, the next one that at the other; plain links have none. */
  #link(link: LinkSpec, port: number): void {
    const [a, b] = [this.#node(link.between[0]), this.#node(link.between[1])];
    const mtu = link.mtu ?? 1500;
    // Both namespaces must have their settings before they get an interface.
    const order = [...this.shells.keys()];
    const later = order.indexOf(a.netns) > order.indexOf(b.netns) ? a : b;
    const lines = this.#shell(later.netns);
    const ends = [
      { here: a, there: b, port, farPort: port + 1 },
      { here: b, there: a, port: port + 1, farPort: port },
    ];
    if (link.wire) this.#cable(link.wire, [a, b], port, mtu);
    else
      lines.push(
        `ip link add to-${b.name} netns ${a.netns} mtu ${mtu} type veth peer name to-${a.name} netns ${b.netns} mtu ${mtu}`,
      );
    for (const end of ends) {
      const { here, there } = end;
      const name = `to-${there.name}`;
      const neighbours = [there.address, there.address6].map(
        (address) => `neigh replace ${address} lladdr ${macOfPort(end.farPort)} dev ${name} nud permanent`,
      );
      const added = `link add ${name} mtu ${mtu} address ${macOfPort(end.port)} type veth peer name w${end.port} netns ${wireNamespace(this.#prefix)} mtu ${mtu}`; // prettier-ignore
      lines.push(
        ipBatch(
          [
            ...(link.wire ? [added] : []),
            // Point to point: every node keeps one address, and nobody is reachable but over his own link.
            `addr add ${here.address} peer ${there.address} dev ${name}`,
            `addr add ${here.address6}/128 dev ${name} nodad`,
            `link set ${name} up`,
            `route add ${there.address6} dev ${name}`,
            ...(link.wire ? neighbours : []),
          ],
          here.netns,
        ),
      );
      if (link.offload === false || link.wire)
        lines.push(`nsenter --net=${netnsFile(here.netns)} ${noOffloads(name)}`);
    }
  }

  #cable(
    wire: NonNullable<LinkSpec["wire"]>,
    [a, b]: readonly [LabNode, LabNode],
    port: number,
    mtu: number,
  ): void {
    const far = port + 1;
    this.#port(port, mtu);
    this.#port(far, mtu);
    this.wire.push(`join ${port} ${far}`);
    if (wire.ab) this.wire.push(`set ${port} ${far} ${formatParameters(wire.ab)}`);
    if (wire.ba) this.wire.push(`set ${far} ${port} ${formatParameters(wire.ba)}`);
    this.ways.set(`${a.name}>${b.name}`, { from: port, to: far });
    this.ways.set(`${b.name}>${a.name}`, { from: far, to: port });
  }

  /** What the wire and its namespace need for an interface there. */
  #port(port: number, mtu: number): void {
    this.last.push(noOffloads(`w${port}`), `ip link set w${port} arp off up`);
    this.wire.push(`port ${port} w${port} ${macOfPort(port)}`);
    this.wireMtu = Math.max(this.wireMtu, mtu);
  }

  #cloud(cloud: CloudSpec): void {
    const mtu = cloud.mtu ?? 1500;
    const members = cloud.members.map((name) => this.#node(name));
    for (const { netns, id, address, address6 } of members) {
      this.#shell(netns).push(
        ipBatch([
          `link add eth0 mtu ${mtu} address ${macOfPort(id)} type veth peer name w${id} netns ${wireNamespace(this.#prefix)} mtu ${mtu}`,
          `addr add ${address}/32 dev eth0`,
          `addr add ${address6}/128 dev eth0 nodad`,
          `link set eth0 up`,
          ...[router.address, router.address6].map(
            (gateway) => `neigh replace ${gateway} lladdr ${router.mac} dev eth0 nud permanent`,
          ),
          `route add 0.0.0.0/0 via ${router.address} dev eth0 onlink`,
          `route add ::/0 via ${router.address6} dev eth0 onlink`,
        ]),
        noOffloads("eth0"),
      );
      this.#port(id, mtu);
      this.wire.push(`route ${address} ${id}`, `route ${address6} ${id}`);
    }
    for (const from of members) {
      for (const to of members) {
        if (from === to) continue;
        const way = `${from.name}>${to.name}`;
        this.ways.set(way, { from: from.id, to: to.id });
        const parameters = formatParameters({ ...cloud.all, ...cloud.ways?.[way] });
        if (parameters !== "") this.wire.push(`set ${from.id} ${to.id} ${parameters}`);
      }
    }
  }
}

const netnsFile = (netns: string): string => `/run/netns/${netns}`;

/** One shell in one namespace: cheaper than entering it for every line. */
const shell = (netns: string, lines: readonly string[]): string =>
  `nsenter --net=${netnsFile(netns)} sh -e <<'SHELL'\n${lines.join("\n")}\nSHELL`;

export function buildUnderlay(topology: Topology, prefix: string, node: (name: string) => LabNode): Underlay {
  const { shells, last, wire, ways, wireMtu } = new Builder(topology, prefix, node);
  const namespaces = [...shells.keys()];
  const lines = [
    ...namespaces.map((netns) => `ip netns add ${netns}`),
    ...[...shells].map(([netns, ofIt]) => shell(netns, ofIt)),
    ...(last.length > 0 ? [shell(wireNamespace(prefix), last)] : []),
  ];
  return { namespaces, lines, wire, ways, wireMtu };
}
