/** Flags of a command, on top of node:util's parser. */

import { parseArgs, type ParseArgsConfig } from "node:util";
import { UsageError } from "../errors.ts";

export type OptionTable = NonNullable<ParseArgsConfig["options"]>;

export interface ParsedOptions {
  readonly flags: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, string>;
  readonly positionals: readonly string[];
}

/** Go's spelling `-config FILE` means `--config FILE`. `-h` and `-v` stay; what follows `--` is left alone. */
export function joinOptions(argv: readonly string[]): string[] {
  const end = argv.indexOf("--");
  return argv.map((arg, index) => {
    const long = /^-[A-Za-z][\w-]+(?:=|$)/.test(arg);
    return long && (end < 0 || index < end) ? `-${arg}` : arg;
  });
}

/** @throws UsageError with the hint `command --help` */
export function parseOptions(command: string, args: readonly string[], options: OptionTable): ParsedOptions {
  try {
    const parsed = parseArgs({ args: joinOptions(args), options, allowPositionals: true, strict: true });
    const flags = new Set<string>();
    const values = new Map<string, string>();
    for (const [name, value] of Object.entries(parsed.values)) {
      if (typeof value === "string") values.set(name, value);
      else if (value === true) flags.add(name);
    }
    return { flags, values, positionals: parsed.positionals };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!code?.startsWith("ERR_PARSE_ARGS")) throw error;
    // The first sentence says what is wrong; the rest is advice about positionals.
    const sentence = message.split("\n")[0]!.split(". ")[0]!.replace(/\.$/, "");
    throw new UsageError(
      `${sentence.charAt(0).toLowerCase()}${sentence.slice(1)} (see etherloom ${command} --help)`,
    );
  }
}

/** For commands that take none. */
export function refusePositionals(command: string, { positionals }: ParsedOptions): void {
  if (positionals.length > 0) {
    throw new UsageError(`unexpected argument ${positionals[0]} (see etherloom ${command} --help)`);
  }
}
