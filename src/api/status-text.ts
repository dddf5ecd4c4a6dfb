/** The status document as text, made to be read in a terminal of 100 columns. */
import type {
  ClockStatus,
  LinkStatus,
  PeerStatus,
  RouteStatus,
  StatusDocument,
  ThreadStatus,
} from "./status-model.ts";
import { age, bytes, milliseconds, percent, printable, table, wrap } from "./text-table.ts";
import type { Decorate } from "./text-table.ts";

const WIDTH = 100;

/** The long names would cost a column the place of an IPv6 endpoint. */
const CIPHERS: Readonly<Record<string, string>> = { "aes-256-gcm": "AES", "chacha20-poly1305": "ChaCha20" };

export interface StatusStyle {
  /** Headings. */
  readonly bold: Decorate;
  /** Column titles. */
  readonly dim: Decorate;
  /** Warnings. */
  readonly alert: Decorate;
}

/** For output that is not a terminal. */
export const PLAIN: StatusStyle = { bold: (text) => text, dim: (text) => text, alert: (text) => text };

/** Renders the whole document; the forwarding table only if it is in the document. */
export function renderStatus(status: StatusDocument, style: StatusStyle = PLAIN): string {
  const sections = [
    overview(status, style),
    ...status.warnings.map((warning) => [style.alert(`warning: ${printable(warning)}`)]),
    section("Supernodes", supers(status, style), style),
    section("Control", control(status, style), style),
    section("Ports", ports(status, style), style),
    section("Peers", peers(status, style), style),
    section("Links", links(status, style), style),
    section("Routes", routes(status, style), style),
    section("Forwarding table", forwarding(status, style), style),
    section("Dropped", counts(status.drops), style),
    section("Counters", counts(status.counters), style),
  ].filter((lines) => lines.length > 0);
  return `${sections.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

function section(title: string, lines: string[], style: StatusStyle): string[] {
  return lines.length === 0
    ? []
    : [style.bold(title), ...lines.map((line) => (line === "" ? "" : `  ${line}`))];
}

function overview({ node, mode, udp, clock, thread, ntp }: StatusDocument, style: StatusStyle): string[] {
  const on = [
    udp.ipv4 && "IPv4",
    udp.ipv6 && "IPv6",
    udp.gso && "GSO",
    udp.gro && "GRO",
    `receive buffer ${bytes(udp.receiveBuffer)}`,
    `${udp.kernelDrops} dropped by the kernel`,
  ].filter((item) => item !== false);
  const facts: [string, string][] = [
    ["network", `${printable(node.network) || "-"} (${mode})`],
    ["public key", node.publicKey],
    ["addresses", node.addresses.join(", ") || "-"],
    ["UDP", `port ${node.listenPort}, ${on.join(", ")}`],
    ...(clock?.parent === undefined || clock.parent === null ? [] : [clockFact(clock)]),
    ...(ntp ?? []).map(({ server, offsetMs, delayMs, error }): [string, string] => [
      "wall clock",
      offsetMs === null
        ? `${printable(server)}: ${printable(error ?? "no answer")}`
        : `${offsetMs >= 0 ? "behind" : "ahead of"} ${printable(server)} by ${Math.abs(offsetMs).toFixed(1)} ms (± ${((delayMs ?? 0) / 2).toFixed(1)})`,
    ]),
    ...(thread === undefined ? [] : [threadFact(thread)]),
    ["running", `for ${age(node.uptimeSeconds)}, process ${node.pid}`],
  ];
  return [
    style.bold(`${printable(node.name)}, node ${node.nodeId}`),
    ...facts.map(([name, value]) => `  ${name.padEnd(10)}  ${value}`),
  ];
}

function clockFact({ exchanges, disciplined, ratePpm, parent, epochs }: ClockStatus): [string, string] {
  const rate = `${ratePpm >= 0 ? "+" : ""}${ratePpm.toFixed(1)} ppm`;
  const state = exchanges === 0 ? "not set yet" : disciplined ? rate : `${rate}, still settling`;
  const text = `${state}, follows node ${parent}`;
  return ["mesh clock", epochs > 1 ? `${text}, begun ${epochs} times` : text];
}

function threadFact({ scheduling, error, cpuShare }: ThreadStatus): [string, string] {
  const texts: Record<ThreadStatus["scheduling"], string> = {
    realtime: "in real time",
    normal: "as an ordinary thread while it is busy",
    refused: `as an ordinary thread: real time was refused (${printable(error ?? "unknown")})`,
    off: "as an ordinary thread (realtime: false)",
  };
  return ["data plane", `${texts[scheduling]}, ${percent(cpuShare)} % of a core`];
}

function supers({ supers: list }: StatusDocument, style: StatusStyle): string[] {
  if (list === undefined) return [];
  return table(
    [
      { title: "CONTROL" },
      { title: "STATE" },
      { title: "SINCE", align: "right" },
      { title: "BY" },
      { title: "RTT ms", align: "right" },
      { title: "SEES THIS NODE AT" },
      { title: "" },
    ],
    list.map(({ control: address, obeyed, state, sinceSeconds, transport, rttMs, observed, code, text }) => [
      address,
      code === null ? state : `${state}: ${code}`,
      age(sinceSeconds),
      transport ?? "-",
      rttMs === null ? "-" : rttMs.toFixed(1),
      observed ?? "-",
      text ?? (obeyed && list.length > 1 ? "obeyed" : ""),
    ]),
    style.dim,
  );
}

function control({ control: side }: StatusDocument, style: StatusStyle): string[] {
  if (side === undefined) return [];
  const { port, connected, settled, refused, lastRefusal, refusedReports = [] } = side;
  const lines = [
    `port ${port}, ${connected} ${connected === 1 ? "edge" : "edges"} connected${settled ? "" : ", routes kept back until all have reported"}`,
    ...counts(refused),
  ];
  if (lastRefusal !== null) {
    const { from, code, text, atMs } = lastRefusal;
    lines.push(
      `last refused ${age(Math.max(0, (Date.now() - atMs) / 1000))} ago: ${from}, ${code}: ${printable(text)}`,
    );
  }
  if (refusedReports.length === 0) return lines;
  const columns = table(
    [
      { title: "REPORTS OF" },
      { title: "REFUSED AS" },
      { title: "LINK FROM" },
      { title: "TIMES", align: "right" },
    ],
    refusedReports.map(({ node, reason, peer, count }) => [
      printable(node),
      reason,
      printable(peer ?? "-"),
      String(count),
    ]),
    style.dim,
  );
  return [...lines, "", ...columns];
}

function ports({ ports: list }: StatusDocument, style: StatusStyle): string[] {
  if (list.length === 0) return ["none"];
  const lines = table(
    [
      { title: "ID", align: "right" },
      { title: "TYPE" },
      { title: "NAME" },
      { title: "MAC" },
      { title: "MTU", align: "right" },
      { title: "FRAMES IN", align: "right" },
      { title: "IN", align: "right" },
      { title: "FRAMES OUT", align: "right" },
      { title: "OUT", align: "right" },
      { title: "DROPS", align: "right" },
    ],
    list.map((port) => [
      String(port.id),
      port.type,
      port.name,
      port.mac ?? "-",
      String(port.mtu),
      String(port.framesIn),
      bytes(port.bytesIn),
      String(port.framesOut),
      bytes(port.bytesOut),
      String(port.drops),
    ]),
    style.dim,
  );
  for (const port of list) {
    if (port.offloads.length > 0)
      lines.push(...wrap([`${port.name} offloads:`, ...port.offloads], WIDTH - 2, " "));
  }
  return lines;
}

function peers({ peers: list }: StatusDocument, style: StatusStyle): string[] {
  if (list.length === 0) return ["none"];
  const lines = table(
    [
      { title: "ID", align: "right" },
      { title: "NAME" },
      { title: "ONLINE" },
      { title: "ENDPOINT" },
      { title: "SESSION" },
      { title: "CIPHER" },
      { title: "HANDSHAKE", align: "right" },
      { title: "SENT", align: "right" },
      { title: "RECEIVED", align: "right" },
    ],
    list.map((peer) => [
      String(peer.nodeId),
      peer.name,
      peer.online === undefined || peer.online === null ? "" : peer.online ? "yes" : "no",
      peer.endpoint ?? "-",
      peer.session.state,
      CIPHERS[peer.session.aead ?? ""] ?? peer.session.aead ?? "-",
      age(peer.session.handshakeAgeSeconds),
      bytes(peer.txBytes),
      bytes(peer.rxBytes),
    ]),
    style.dim,
  );
  for (const { nodeId, name, keySource } of list) {
    // Keys from the file or the supernode are the rule and need no words.
    if (keySource.startsWith("vouched"))
      lines.push(`the key of ${nodeId} ${printable(name)} is ${printable(keySource)}`);
  }
  return lines;
}

function links({ peers: list }: StatusDocument, style: StatusStyle): string[] {
  const linked = list.filter((peer): peer is PeerStatus & { link: LinkStatus } => peer.link !== null);
  if (linked.length === 0) return [];
  return table(
    [
      { title: "ID", align: "right" },
      { title: "NAME" },
      { title: "LINK" },
      { title: "SINCE", align: "right" },
      { title: "RTT ms", align: "right" },
      { title: "IN ms", align: "right" },
      { title: "OUT ms", align: "right" },
      { title: "JITTER ms", align: "right" },
      { title: "LOSS %", align: "right" },
      { title: "MTU", align: "right" },
    ],
    linked.map(({ nodeId, name, link }) => [
      String(nodeId),
      name,
      link.state,
      age(link.sinceSeconds),
      milliseconds(link.rttUs),
      milliseconds(link.owdInUs),
      milliseconds(link.owdOutUs),
      milliseconds(link.jitterUs),
      percent(link.lossIn),
      link.mtu === null ? "-" : String(link.mtu),
    ]),
    style.dim,
  );
}

function routes({ routes: list, peers: known, node, control }: StatusDocument, style: StatusStyle): string[] {
  if (control !== undefined) return [];
  const names = new Map(known.map((peer) => [peer.nodeId, peer.name]));
  names.set(node.nodeId, node.name);
  const label = (id: number): string => {
    const name = names.get(id);
    return name === undefined ? String(id) : `${id} ${name}`;
  };
  if (list.length === 0) return ["none"];
  return table(
    [
      { title: "TO" },
      { title: "VIA" },
      { title: "NOW" },
      { title: "BACKUP" },
      { title: "COST ms", align: "right" },
      { title: "HOPS", align: "right" },
      { title: "LARGEST FRAME", align: "right" },
    ],
    list.map((route) => [
      label(route.destination),
      route.via === "direct" ? "direct" : label(route.nextHop),
      deviation(route, label),
      backup(route.backup, route.destination, label),
      route.costUs === undefined || route.costUs === null ? "" : milliseconds(route.costUs),
      route.hops === null ? "-" : String(route.hops),
      route.maxFrame === null ? "-" : String(route.maxFrame),
    ]),
    style.dim,
  );
}

/** What frames do now, where it is not what the table says. */
function deviation({ inUse, destination, nextHop }: RouteStatus, label: (id: number) => string): string {
  if (inUse === undefined || inUse.nextHop === nextHop) return "";
  if (inUse.nextHop === null) return "none";
  return inUse.nextHop === destination ? "direct" : label(inUse.nextHop);
}

function backup(node: number | null | undefined, destination: number, label: (id: number) => string): string {
  if (node === undefined || node === null) return "";
  return node === destination ? "direct" : label(node);
}

function forwarding({ fib }: StatusDocument, style: StatusStyle): string[] {
  const summary = `${fib.entries} of at most ${fib.limit} addresses`;
  if (fib.list === undefined || fib.list.length === 0) return [summary];
  const rows = fib.list.map((entry) => [
    entry.mac,
    entry.vlan === 0 ? "" : String(entry.vlan),
    entry.owner,
    age(entry.ageSeconds),
  ]);
  return [
    summary,
    ...table(
      [
        { title: "MAC" },
        { title: "VLAN", align: "right" },
        { title: "OWNER" },
        { title: "AGE", align: "right" },
      ],
      rows,
      style.dim,
    ),
  ];
}

/** `reason 12   other 3`, zeros left out. */
function counts(values: Record<string, number>): string[] {
  const seen = Object.entries(values).filter(([, value]) => value !== 0);
  return wrap(
    seen.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `${name} ${value}`),
    WIDTH - 2,
  );
}
