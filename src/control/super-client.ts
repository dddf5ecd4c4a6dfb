/**
 * The edge's side of the super protocol: one connection to each supernode, for ever. DESIGN §9.
 *
 * Each supernode has a SuperLink of its own; they share the libp2p hosts, which are made when first needed.
 */
import type { Libp2p } from "@libp2p/interface";
import { importPrivateKey } from "../noise/primitives.ts";
import { createHost } from "./host.ts";
import type { TransportName } from "./host.ts";
import { libp2pIdentity } from "./identity.ts";
import type { EdgeMessage, HelloFields, Welcome } from "./messages.ts";
import { SuperLink } from "./super-link.ts";
import type { SuperNews, SuperState } from "./super-link.ts";
import type { ControlLog } from "./super-server.ts";

export type { SuperNews, SuperState } from "./super-link.ts";

/** Each supernode may be connected twice while the ways race. */
const CONNECTIONS_PER_SUPER = 8;
const NEGOTIATION_MS = 5_000;

export interface SuperAddress {
  /** `host:port` or `[IPv6]:port` of its control port. */
  readonly control: string;
  /** X25519, 32 bytes: pinned by the proof. */
  readonly pubKey: Uint8Array;
}

export interface SuperClientOptions {
  /** X25519, 32 bytes. */
  readonly privKey: Uint8Array;
  readonly networkSecret?: Uint8Array | undefined;
  readonly supers: readonly SuperAddress[];
  /** Asked anew for each connection. */
  hello(): HelloFields;
  onConnected(index: number, welcome: Welcome): void;
  onMessage(index: number, message: SuperNews): void;
  /** Once after each onConnected. */
  onClosed(index: number, reason: string): void;
  onState?: ((index: number, state: SuperState) => void) | undefined;
  readonly log?: ControlLog | undefined;
}

export interface SuperClient {
  /** False: not connected, or the message is too long, or the supernode does not read. */
  send(index: number, message: EdgeMessage): boolean;
  status(): readonly SuperState[];
  /** Says goodbye. */
  close(): Promise<void>;
}

/** Connects at once, and again whenever a connection ends. */
export async function createSuperClient(options: SuperClientOptions): Promise<SuperClient> {
  const { privKey, networkSecret, supers, log } = options;
  const keys = importPrivateKey(privKey);
  const privateKey = await libp2pIdentity(privKey);
  const peerId = privateKey.publicKey.toString();
  const hosts = new Map<TransportName, Promise<Libp2p>>();
  const hostOf = (transport: TransportName): Promise<Libp2p> => {
    const known = hosts.get(transport);
    if (known !== undefined) return known;
    const host = createHost({
      privateKey,
      transports: [transport],
      maxConnections: CONNECTIONS_PER_SUPER * supers.length,
      negotiationTimeoutMs: NEGOTIATION_MS,
      maxStreams: 1,
    });
    hosts.set(transport, host);
    host.catch(() => hosts.delete(transport));
    return host;
  };
  const links = supers.map(
    (address, index) =>
      new SuperLink({
        ...{ keys, peerId, networkSecret, hostOf, log },
        ...{ control: address.control, pubKey: address.pubKey },
        hello: () => options.hello(),
        onConnected: (welcome) => options.onConnected(index, welcome),
        onMessage: (message) => options.onMessage(index, message),
        onClosed: (reason) => options.onClosed(index, reason),
        onState: (state) => options.onState?.(index, state),
      }),
  );
  for (const link of links) link.start();
  return {
    send: (index, message) => links[index]?.send(message) ?? false,
    status: () => links.map((link) => link.state),
    close: async () => {
      await Promise.all(links.map((link) => link.stop()));
      await Promise.allSettled([...hosts.values()].map(async (host) => (await host).stop()));
    },
  };
}
