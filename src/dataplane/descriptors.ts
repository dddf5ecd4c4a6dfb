/**
 * Field orders of the descriptor arrays shared with the engine (`native/engine.h`): Int32Array, fixed strides. One
 * descriptor stands for a frame, a super-frame, or a run of transit datagrams, so a decision is made once for each.
 */

/** Counters that decisions add to themselves (`native/counters.h`). */
export const COUNTER_FRAMES_FROM_PORTS = 0;
export const COUNTER_FRAMES_TO_PORTS = 1;

/** Frames read from a port: offset and length in the port arena, frames it stands for, port number. */
export const PORT_FRAME_WORDS = 4;
export const PORT_FRAME_OFFSET = 0;
export const PORT_FRAME_LENGTH = 1;
export const PORT_FRAME_COUNT = 2;

/**
 * What to seal: frame index, keypair slot, slot of the hop's keypair or −1, link, TTL, longest frame in one record,
 * flags of the hop's header.
 */
export const SEND_WORDS = 8;
export const SEND_FRAME = 0;
export const SEND_KEYPAIR = 1;
export const SEND_HOP = 2;
export const SEND_LINK = 3;
export const SEND_TTL = 4;
export const SEND_MAX_FRAME = 5;
export const SEND_HOP_FLAGS = 6;
export const MAX_SENDS = 4096;

/** Frames from the mesh: offset and length in the receive arena, keypair slot, flags, frames it stands for, receive slot. */
export const FRAME_WORDS = 8;
export const FRAME_OFFSET = 0;
export const FRAME_LENGTH = 1;
export const FRAME_KEYPAIR = 2;
export const FRAME_FLAGS = 3;
export const FRAME_COUNT = 4;
export const FRAME_SLOT = 5;
/** The record came from another address than the link's endpoint. */
export const FLAG_MOVED = 2;

/** Transit runs: first item, items, hop's keypair, destination, source, TTL, inner type and flags, bytes. */
export const RUN_WORDS = 8;
export const RUN_ITEMS = 1;
export const RUN_KEYPAIR = 2;
export const RUN_DESTINATION = 3;
export const RUN_SOURCE = 4;
export const RUN_TTL = 5;
export const RUN_KIND = 6;

/** Probes, control and handshakes: kind, offset, length, keypair or −1, flags, receive slot, hop's keypair or −1, source. */
export const MESSAGE_WORDS = 8;
export const MESSAGE_KIND = 0;
export const MESSAGE_OFFSET = 1;
export const MESSAGE_LENGTH = 2;
export const MESSAGE_KEYPAIR = 3;
export const MESSAGE_FLAGS = 4;
export const MESSAGE_SLOT = 5;
export const MESSAGE_HOP = 6;
export const MESSAGE_SOURCE = 7;
/** Receive slots from here on are those of probes that waited: their address, arrival and count, not a batch's. */
export const RECEIVE_SLOTS = 16;
/** Kind of a handshake message of type t: HANDSHAKE_BASE + t. */
export const HANDSHAKE_BASE = 16;

/** Where a run goes: run index, slot of the next hop's keypair or −1 (header comes off), link, TTL, inner type and flags. */
export const FORWARD_WORDS = 8;

/** What to write: source (0 the mesh, 1 a port), index, port number. */
export const WRITE_WORDS = 4;
export const MAX_WRITES = 4096;
export const FROM_MESH = 0;
export const FROM_PORT = 1;

/** Record kinds (DESIGN §5). */
export const KIND_FRAME = 0;
export const KIND_PROBE = 2;
export const KIND_CONTROL = 3;
export const KIND_PATH_MTU = 5;
export const KIND_PATH_PROBE = 6;

/** Statistics of one engine port. */
export const PORT_STATS = 8;

/** `onReady` ids from here on are no port numbers but the sockets. */
export const READY_UDP4 = 100;

export const PACKED_ADDRESS = 20;
