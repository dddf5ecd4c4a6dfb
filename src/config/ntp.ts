/** `ntpConfig`: wall-clock offsets for people to read in `status`. Routing never uses them. */

import { isIPv6 } from "node:net";
import type { RawNtp } from "./common-schema.ts";
import { parseEndpoint } from "./endpoint.ts";
import type { Path, Problems } from "./problems.ts";
import { showValue } from "./schema-parts.ts";
import { readInterval } from "./settings.ts";

export interface NtpConfig {
  /** False without servers, too. */
  readonly useNtp: boolean;
  /** Names or addresses. */
  readonly servers: readonly string[];
  /** How many of them to ask each time. */
  readonly maxServerUse: number;
  /** Seconds; 0 asks once. */
  readonly syncTimeInterval: number;
  /** Seconds to wait for an answer. */
  readonly ntpTimeout: number;
}

const DEFAULT_SERVER_USE = 8;
const DEFAULT_INTERVAL = 3600;
const DEFAULT_TIMEOUT = 3;

export function buildNtp(raw: RawNtp | undefined, path: Path, problems: Problems): NtpConfig {
  const servers = (raw?.servers ?? []).filter((server: string | undefined) => server !== undefined);
  servers.forEach((server, index) => {
    const endpoint = parseEndpoint(isIPv6(server) ? `[${server}]:123` : `${server}:123`);
    if (typeof endpoint === "string") {
      problems.at(
        [...path, "servers", index],
        `found ${showValue(server)}, expected a host name or an address, without a port`,
      );
    }
  });
  return {
    useNtp: (raw?.useNtp ?? false) && servers.length > 0,
    servers,
    maxServerUse: raw?.maxServerUse ?? DEFAULT_SERVER_USE,
    syncTimeInterval: readInterval(raw?.syncTimeInterval, DEFAULT_INTERVAL),
    ntpTimeout: raw?.ntpTimeout || DEFAULT_TIMEOUT,
  };
}
