/**
 * Where frames enter and leave a node. A port either lives in the engine (`number` >= 0: bytes never come to
 * JavaScript) or in JavaScript (`deliver` takes finished frames, `onFrame` gives them).
 */
export interface PortDescription {
  kind: string;
  name: string;
  mtu: number;
  mac: Uint8Array;
  /** What the kernel does for us: "tso", "uso", "checksum". */
  offloads: string[];
}

export interface Port {
  readonly description: PortDescription;
  /** Engine port number, or −1. */
  readonly number: number;
  /** Kernel interface index, 0 where there is none. */
  readonly interfaceIndex: number;
  /** A frame for this port; only for ports that live in JavaScript. */
  deliver?(frame: Uint8Array): void;
  /** Says whether the port can still carry frames. */
  alive(): boolean;
  close(): void;
}
