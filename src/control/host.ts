/**
 * The libp2p host: QUIC, and TCP with Noise and Yamux as second transport; nothing else (no identify, ping, DHT or
 * pubsub), so that no protocol is served but those that the owner registers. DESIGN §9.
 */
import type { Connection, Ed25519PrivateKey, Libp2p, Listener, MultiaddrConnection } from "@libp2p/interface";
import { createLibp2p } from "libp2p";
import type { Libp2pOptions } from "libp2p";

export type TransportName = "quic" | "tcp";

export interface HostOptions {
  readonly privateKey: Ed25519PrivateKey;
  readonly transports: readonly TransportName[];
  /** Multiaddrs to listen on. */
  readonly listen?: readonly string[];
  /** True turns an inbound connection away before anything is negotiated. */
  denyInbound?(connection: MultiaddrConnection): boolean;
  /** Connections at a time. */
  readonly maxConnections: number;
  /** Until a connection and until a stream are negotiated, ms. */
  readonly negotiationTimeoutMs: number;
  /** Streams that a peer may have open on one connection. */
  readonly maxStreams: number;
}

/** A QUIC connection on which nothing is heard for so long is closed, ms. */
const QUIC_IDLE_MS = 8_000;
const QUIC_KEEPALIVE_MS = 2_500;
/** QUIC handshakes at a time on one address. */
const QUIC_HANDSHAKES = 64;
/** What a peer may send before it is read, bytes. */
const STREAM_WINDOW = 1024 * 1024;

/** Of @chainsafe/libp2p-quic, besides what every listener has: takes connections until the listener is closed. */
interface QuicListener extends Listener {
  awaitInboundConnections(): Promise<void>;
}

type Factory = NonNullable<Libp2pOptions["transports"]>[number];

async function quicTransport(maxStreams: number): Promise<Factory> {
  const { quic } = await import("@chainsafe/libp2p-quic");
  const make = quic({
    handshakeTimeout: 5_000,
    maxIdleTimeout: QUIC_IDLE_MS,
    keepAliveInterval: QUIC_KEEPALIVE_MS,
    maxConcurrentStreamLimit: maxStreams,
    maxStreamData: STREAM_WINDOW,
    maxConnectionData: 2 * STREAM_WINDOW,
  });
  return (components) => {
    const transport = make(components);
    const createListener = transport.createListener.bind(transport);
    transport.createListener = (options) => acceptingMany(createListener(options));
    return transport;
  };
}

/**
 * The listener takes its next connection when the handshake of the last one is over, so that one client which falls
 * silent in it shuts out all others until its time is over. Several such loops at once do not wait for each other.
 */
function acceptingMany(listener: Listener): Listener {
  const { awaitInboundConnections } = listener as Partial<QuicListener>;
  if (awaitInboundConnections === undefined) return listener;
  const listen = listener.listen.bind(listener);
  listener.listen = async (address) => {
    await listen(address);
    for (let i = 1; i < QUIC_HANDSHAKES; i++) void awaitInboundConnections.call(listener);
  };
  return listener;
}

/** Started. What it costs in memory is loaded for the transports asked for only. */
export async function createHost(options: HostOptions): Promise<Libp2p> {
  const { privateKey, maxStreams, denyInbound, negotiationTimeoutMs } = options;
  const withTcp = options.transports.includes("tcp");
  const transports: Factory[] = [];
  if (options.transports.includes("quic")) transports.push(await quicTransport(maxStreams));
  if (withTcp) transports.push((await import("@libp2p/tcp")).tcp());
  const host = await createLibp2p({
    privateKey,
    addresses: { listen: [...(options.listen ?? [])] },
    transports,
    connectionEncrypters: withTcp ? [(await import("@libp2p/noise")).noise()] : [],
    streamMuxers: withTcp
      ? [
          (await import("@libp2p/yamux")).yamux({
            maxInboundStreams: maxStreams,
            streamOptions: { maxStreamWindowSize: STREAM_WINDOW },
          }),
        ]
      : [],
    connectionMonitor: { enabled: false },
    connectionGater: denyInbound === undefined ? {} : { denyInboundConnection: denyInbound },
    connectionManager: {
      maxConnections: options.maxConnections,
      // The bounds that count are those of `denyInbound`.
      inboundConnectionThreshold: 1000,
      maxIncomingPendingConnections: 1000,
      inboundUpgradeTimeout: negotiationTimeoutMs,
      inboundStreamProtocolNegotiationTimeout: negotiationTimeoutMs,
      outboundStreamProtocolNegotiationTimeout: negotiationTimeoutMs,
      reconnectRetries: 0,
    },
  });
  // libp2p remembers each peer that opened a stream, for ever: strangers come with new peer ids as they please.
  host.addEventListener(
    "peer:disconnect",
    ({ detail }) => void host.peerStore.delete(detail).catch(() => {}),
  );
  return host;
}

/** Close at once. An aborted stream may abort its connection again, at which libp2p throws when it is done. */
export function abortConnection(connection: Connection, why: string): void {
  try {
    connection.abort(new Error(why));
  } catch {
    // It is closed: by the call from within.
  }
}

/** `/ip4/192.0.2.1/udp/3002/quic-v1` and the like. */
export function multiaddrText(address: string, port: number, transport: TransportName): string {
  const family = address.includes(":") ? "ip6" : "ip4";
  const host = `/${family}/${address.split("%")[0]!}`;
  return transport === "quic" ? `${host}/udp/${port}/quic-v1` : `${host}/tcp/${port}`;
}

export interface RemoteAddress {
  readonly address: string;
  readonly port: number;
  readonly transport: TransportName;
  /** `ip:port` */
  readonly text: string;
}

/** The reverse of {@link multiaddrText}, for what libp2p says of a connection. */
export function parseMultiaddrText(text: string): RemoteAddress {
  const match = /\/(ip4|ip6)\/([^/]+)(?:\/[^/]+)*?\/(udp|tcp)\/(\d+)/.exec(text);
  if (match === null) return { address: "", port: 0, transport: "tcp", text };
  const [, family, address, protocol, port] = match;
  const shown = family === "ip6" ? `[${address}]:${port}` : `${address}:${port}`;
  return {
    address: address!,
    port: Number(port),
    transport: protocol === "udp" ? "quic" : "tcp",
    text: shown,
  };
}
