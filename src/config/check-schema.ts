/** Types and ranges of a file's values, as problems with a place. */

import type { z } from "zod";
import { type Path, type Problems, showPath } from "./problems.ts";

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/**
 * Checks types and ranges. What fails is reported and taken out, so that the checks of meaning can still be made for
 * the rest and one start shows everything; the caller throws before such a half value is used.
 */
export function checkSchema<T>(schema: z.ZodType<T>, value: unknown, problems: Problems): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  if (typeof value !== "object" || Array.isArray(value)) {
    problems.at([], parsed.error.issues[0]!.message);
    problems.throwIfAny("EL_CONFIG_INVALID");
  }
  // A value that is wrong in two ways is still one problem: the first one found counts.
  const issues = new Map(
    parsed.error.issues
      .flatMap(insideChosenForm)
      .toReversed()
      .map((issue) => [showPath(issue.path as Path), issue]),
  );
  for (const issue of issues.values()) {
    problems.at(issue.path as Path, issue.message);
    let holder: Record<string | number, unknown> | undefined = value as Record<string, unknown>;
    for (const step of issue.path.slice(0, -1)) holder = holder?.[step as string] as typeof holder;
    if (holder !== undefined) holder[issue.path.at(-1) as string] = undefined;
  }
  return value as T;
}

/** Of a setting with two forms, a map or a list: what is wrong inside the form that the file has. */
function insideChosenForm(issue: z.core.$ZodIssue): Issue[] {
  if (issue.code !== "invalid_union") return [issue];
  const inside = issue.errors.find((form) => form.every(({ path }) => path.length > 0));
  return (
    inside?.flatMap((inner) => insideChosenForm({ ...inner, path: [...issue.path, ...inner.path] })) ?? [
      issue,
    ]
  );
}

/** One warning about everything that was accepted and means nothing. */
export function warnIgnored(ignored: readonly Path[], problems: Problems): void {
  const [first, ...others] = ignored.toSorted((a, b) => problems.offsetOf(a) - problems.offsetOf(b));
  if (first === undefined) return;
  const like = others.length > 0 ? `, like ${others.map(showPath).join(", ")}` : "";
  problems.warn(first, `has no meaning here and is ignored${like}`);
}
