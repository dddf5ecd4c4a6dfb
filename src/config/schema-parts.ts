/**
 * The building blocks of a file's schema: types and ranges, each with its own sentence for the user. The schemas of
 * the files are made of them (schema.ts, super-schema.ts, common-schema.ts).
 */

import { z } from "zod";
import { MAX_NODE_ID } from "../wire/node-id.ts";

/** Former names of keys, in lower case, and today's name for them. */
export const FORMER_NAMES: ReadonlyMap<string, string> = new Map([
  ["resetconninterval", "resetEndPointInterval"],
  ["conntimeout", "timeoutCheckInterval"],
  ["dampingresistance", "dampingFilterRadius"],
  ["connurlv4", "endpointV4"],
  ["connurlv6", "endpointV6"],
  ["apiurl", "endpointEdgeApiUrl"],
]);

/** How a value is shown in a message: never long, never a secret. */
export function showValue(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  const text = JSON.stringify(value);
  return text.length <= 44 ? text : `${text.slice(0, 40)}…"`;
}

type Complain = (issue: { input?: unknown }) => string;

export function expected(what: string): { error: Complain } {
  return {
    error: ({ input }) =>
      input === undefined ? `missing, expected ${what}` : `found ${showValue(input)}, expected ${what}`,
  };
}

export function integer(min: number, max: number, noun = "an integer"): z.ZodNumber {
  const message = expected(`${noun} from ${min} to ${max}`);
  return z.int(message).min(min, message).max(max, message);
}

export const nodeId = (): z.ZodNumber => integer(0, MAX_NODE_ID, "a NodeID");
export const seconds = (min: number, max: number): z.ZodNumber => {
  const message = expected(`a number of seconds from ${min} to ${max}`);
  return z.number(message).min(min, message).max(max, message);
};
/** A one-way cost or delay as people write it. */
export const milliseconds = (min: number, max: number): z.ZodNumber => {
  const message = expected(`a number of milliseconds from ${min} to ${max}`);
  return z.number(message).min(min, message).max(max, message);
};
export const flag = (): z.ZodBoolean => z.boolean(expected("true or false"));
export const text = (what: string): z.ZodString => z.string(expected(what));
export const oneOf = (values: readonly string[]): z.ZodType<string> =>
  z.string(expected(values.join(", "))).transform((value, context) => {
    const match = values.find((candidate) => candidate.toLowerCase() === value.toLowerCase());
    if (match !== undefined) return match;
    const hint = expected(values.length === 1 ? values.join() : `one of ${values.join(", ")}`);
    context.addIssue({ code: "custom", message: hint.error({ input: value }) });
    return z.NEVER;
  });
export const map = <Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape> =>
  z.object(shape, expected("a map"));

/** 32 bytes in base64. Its value never appears in a message. */
export function key(): z.ZodString {
  return z.string({
    error: ({ input }) =>
      input === undefined
        ? "missing, expected a base64 key of 32 bytes"
        : `found ${typeof input === "object" ? showValue(input) : `a ${typeof input}`}, expected a base64 key of 32 bytes`,
  });
}

/** Accepted whatever it holds, named in one warning. */
export const ignored = (): z.ZodOptional<z.ZodUnknown> => z.unknown().optional();

/** Keys of a free table are NodeIDs; those of this one may also be `*`, EtherGuard's 65535, for any node. */
export const ANY_NODE_KEY: z.ZodString = z.string();

/** The maximum of a cost or manual latency: an hour makes a way the last resort. */
export const MAX_COST_MS = 3_600_000;

/** An optional value of a file; written out, because a value that was refused is set to undefined. */
export type Maybe<T> = T | undefined;
