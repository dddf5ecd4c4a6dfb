/** What a message of the super protocol must look like: types, ranges and sizes of messages.ts. DESIGN §9. */
import { z } from "zod";
import { parseEndpoint } from "../api/endpoint-text.ts";
import { SUPER_NODE_ID } from "../wire/node-id.ts";
import { REJECT_CODES } from "./messages.ts";
import type { EdgeMessage, SuperMessage } from "./messages.ts";

/** Most members of one network that a message can hold. */
const MAX_MEMBERS = 4096;
const MAX_ENDPOINTS = 64;
const MAX_U32 = 0xffffffff;
/** Costs and delays stay far inside what Float64 adds exactly: ± 52 days in µs. */
const MAX_US = 2 ** 52;

const byteLength = (text: string): number => Buffer.byteLength(text);

const nodeId = z.int().min(0).max(SUPER_NODE_ID);
const count = z.int().min(0);
const u32 = z.int().min(0).max(MAX_U32);
const microseconds = z.int().min(-MAX_US).max(MAX_US);
/** For people and logs: whatever might break a line becomes a space. */
const shortText = z
  .string()
  .max(256)
  .transform((text) => text.replaceAll(/\p{Cc}/gu, " "));
const name = z
  .string()
  .refine((text) => byteLength(text) <= 32 && !/\p{Cc}/u.test(text), "a name of ≤ 32 bytes");
const version = z
  .string()
  .max(32)
  .regex(/^\P{Cc}*$/u);
const endpoint = z
  .string()
  .max(80)
  .refine((text) => parseEndpoint(text) !== undefined, "ip:port");
const toldPlaces = { endpoints: z.array(endpoint).max(MAX_ENDPOINTS), observed: endpoint.optional() };
/** 32 bytes in base64. */
const key = z.string().regex(/^[A-Za-z0-9+/]{43}=$/);
const relay = z.enum(["auto", "never", "always"]);

const hello = z.object({
  type: z.literal("hello"),
  protocol: z.int().min(0).max(MAX_U32),
  nodeId,
  name,
  version,
  networkTag: z.string().regex(/^[0-9a-f]{16}$/),
  incarnation: count,
  epoch: u32,
  rowOf: count.optional(),
  ...toldPlaces,
  listenPort: z.int().min(0).max(65535),
  relay,
  additionalCostUs: microseconds,
});

/** src/routing/types.ts LinkReport; what stands in `links` is checked by the coordinator. */
const report = z.object({
  type: z.literal("report"),
  report: z.looseObject({
    incarnation: count,
    counter: count,
    epoch: u32,
    full: z.boolean().optional(),
    links: z.array(z.unknown()).max(MAX_MEMBERS),
    gone: z.array(nodeId).max(MAX_MEMBERS),
    dead: z.array(nodeId).max(MAX_MEMBERS),
  }),
});

const endpointsMessage = z.object({ type: z.literal("endpoints"), ...toldPlaces });
const rowRequest = z.object({ type: z.literal("row-request") });
const ask = z.object({
  type: z.literal("ask"),
  id: u32,
  question: z.enum(["why", "trace"]),
  to: nodeId,
});

const ping = z.object({ type: z.literal("ping"), id: u32 });
const pong = z.object({ type: z.literal("pong"), id: u32 });
const goodbye = z.object({
  type: z.literal("goodbye"),
  code: z.enum(REJECT_CODES).optional().catch(undefined),
  text: shortText.optional(),
});

const parameters = z.object({
  sendPingIntervalMs: z.int().min(10).max(3_600_000).optional(),
  superNodeInfoTimeoutS: z.number().min(0).max(1e9),
  usePskForInterEdge: z.boolean(),
  resetEndPointIntervalS: z.number().min(0).max(1e9),
});

const welcome = z.object({
  type: z.literal("welcome"),
  protocol: z.int().min(0).max(MAX_U32),
  incarnation: count,
  version: version.optional(),
  name: name.optional(),
  parameters,
  observed: endpoint.optional(),
});

const reject = z.object({
  type: z.literal("reject"),
  code: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/),
  text: shortText,
});

const member = z.object({
  nodeId,
  name,
  pubKey: key,
  psk: key.optional(),
  endpoints: z
    .array(
      z.object({
        address: z
          .string()
          .max(262)
          .regex(/^[^\s\p{Cc}]+$/u),
        source: z.enum(["configured", "observed", "local"]),
      }),
    )
    .max(MAX_ENDPOINTS),
  online: z.boolean(),
  relay,
  additionalCostUs: microseconds,
  static: z.boolean().optional(),
});

/** One member of whom something impossible is said must not keep the others, and who is removed, from being heard. */
const wellFormedMembers = z
  .array(z.unknown())
  .max(MAX_MEMBERS)
  .transform((entries) =>
    entries.flatMap((entry) => {
      const { success, data } = member.safeParse(entry);
      return success ? [data] : [];
    }),
  );

const members = z.object({
  type: z.literal("members"),
  generation: count,
  full: z.boolean(),
  part: z.enum(["first", "more", "last"]).optional(),
  set: wellFormedMembers,
  removed: z.array(nodeId).max(MAX_MEMBERS),
});

const rowEntry = z.object({
  destination: nodeId,
  nextHop: nodeId,
  backup: nodeId.nullable(),
  hops: z.int().min(1).max(255),
  size: z.int().min(0).max(65535),
  costUs: microseconds,
});
const hash = z.string().max(64);

const row = z.object({
  type: z.literal("row"),
  row: z.object({ incarnation: count, counter: count, hash, entries: z.array(rowEntry).max(MAX_MEMBERS) }),
});

const rowDelta = z.object({
  type: z.literal("row-delta"),
  delta: z.object({
    base: z.object({ incarnation: count, counter: count }),
    incarnation: count,
    counter: count,
    hash,
    set: z.array(rowEntry).max(MAX_MEMBERS),
    removed: z.array(nodeId).max(MAX_MEMBERS),
  }),
});

const parametersMessage = z.object({ type: z.literal("parameters"), parameters });
const observedMessage = z.object({ type: z.literal("observed"), address: endpoint });
const answer = z.object({ type: z.literal("answer"), id: u32, body: z.unknown() });

export type MessageSchema = z.ZodType<EdgeMessage | SuperMessage>;
/** By `type`. */
export const edgeMessages: ReadonlyMap<string, MessageSchema> = new Map<string, MessageSchema>(
  Object.entries({
    hello,
    report,
    endpoints: endpointsMessage,
    "row-request": rowRequest,
    ask,
    ping,
    pong,
    goodbye,
  }),
);
export const superMessages: ReadonlyMap<string, MessageSchema> = new Map<string, MessageSchema>(
  Object.entries({
    welcome,
    reject,
    members,
    row,
    "row-delta": rowDelta,
    parameters: parametersMessage,
    observed: observedMessage,
    answer,
    ping,
    pong,
    goodbye,
  }),
);
