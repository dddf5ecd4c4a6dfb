/** Messages of the super protocol as bytes: JSON, checked against message-schema.ts, of bounded length. DESIGN §9. */
import { edgeMessages, superMessages } from "./message-schema.ts";
import type { MessageSchema } from "./message-schema.ts";
import { MESSAGE_LIMIT, SNAPSHOT_LIMIT } from "./messages.ts";
import type { EdgeMessage, SuperMessage } from "./messages.ts";

/** A message, or why there is none: of an unknown type (skip it), or malformed with a reason for people. */
export type Parsed<Message> =
  | { readonly ok: true; readonly message: Message }
  | { readonly ok: false; readonly unknown: true; readonly text: string }
  | { readonly ok: false; readonly unknown: false; readonly text: string };

const decoder = new TextDecoder("utf-8", { fatal: true });

function parse(
  schemas: ReadonlyMap<string, MessageSchema>,
  body: Uint8Array,
): Parsed<EdgeMessage | SuperMessage> {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(body));
  } catch {
    return { ok: false, unknown: false, text: "not JSON" };
  }
  const type = typeof value === "object" && value !== null ? (value as { type?: unknown }).type : undefined;
  if (typeof type !== "string") return { ok: false, unknown: false, text: "no type" };
  const schema = schemas.get(type);
  if (schema === undefined)
    return { ok: false, unknown: true, text: `unknown type ${JSON.stringify(type.slice(0, 32))}` };
  const result = schema.safeParse(value);
  if (!result.success) {
    const issue = result.error.issues[0];
    return {
      ok: false,
      unknown: false,
      text: `${type}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "wrong"}`.slice(0, 256),
    };
  }
  if (body.length > MESSAGE_LIMIT && !isSnapshot(result.data))
    return { ok: false, unknown: false, text: `${type}: too long` };
  return { ok: true, message: result.data };
}

/** Whether it says everything, so that it may be long. */
function isSnapshot(message: EdgeMessage | SuperMessage): boolean {
  if (message.type === "report") return message.report.full === true;
  return message.type === "row" || (message.type === "members" && message.full);
}

/** What an edge sent. */
export function parseEdgeMessage(body: Uint8Array): Parsed<EdgeMessage> {
  return parse(edgeMessages, body) as Parsed<EdgeMessage>;
}

/** What a supernode sent. */
export function parseSuperMessage(body: Uint8Array): Parsed<SuperMessage> {
  return parse(superMessages, body) as Parsed<SuperMessage>;
}

const encoder = new TextEncoder();

/** Undefined if it is longer than the other side accepts. */
export function encodeMessage(message: SuperMessage | EdgeMessage): Uint8Array | undefined {
  const body = encoder.encode(JSON.stringify(message));
  return body.length > (isSnapshot(message) ? SNAPSHOT_LIMIT : MESSAGE_LIMIT) ? undefined : body;
}
