/**
 * How far this machine's wall clock is from the time servers' (`ntpConfig`), for people to read in `status`. Nothing else
 * uses it: delays are measured with the mesh clock (DESIGN §7).
 */
import type { NtpConfig } from "../config/edge-config.ts";
import type { NtpStatus } from "../api/status-model.ts";
import type { Logger } from "./log.ts";

interface NtpAnswer {
  /** Offset and round-trip delay, ms. */
  readonly t: number;
  readonly d: number;
}

type Ask = (server: string, timeoutMs: number) => Promise<NtpAnswer>;

const RETRY_MS = 60_000;
/** A timer that is set further ahead fires at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** The library has no types of its own. */
async function askBySntp(server: string, timeoutMs: number): Promise<NtpAnswer> {
  // @ts-expect-error: the package ships no declarations
  const { default: sntp } = (await import("sntp")) as {
    default: { time(options: { host: string; timeout: number }): Promise<NtpAnswer> };
  };
  return sntp.time({ host: server, timeout: timeoutMs });
}

export class WallClock {
  readonly #config: NtpConfig;
  readonly #log: Logger;
  readonly #ask: Ask;
  #timer: NodeJS.Timeout | undefined;
  #status: NtpStatus[] = [];
  #stopped = false;
  /** That nobody answers was said. */
  #warned = false;

  constructor(config: NtpConfig, log: Logger, ask: Ask = askBySntp) {
    this.#config = config;
    this.#log = log;
    this.#ask = ask;
  }

  /** One entry for each server that was asked; empty when none is configured. */
  get status(): NtpStatus[] {
    return this.#status;
  }

  /** Asks now and from time to time. */
  start(): void {
    if (this.#config.useNtp) void this.sync();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async sync(): Promise<void> {
    const { servers, maxServerUse, ntpTimeout, syncTimeInterval } = this.#config;
    this.#status = await Promise.all(
      servers.slice(0, maxServerUse).map((server) => this.#one(server, ntpTimeout * 1000)),
    );
    if (this.#stopped) return;
    const answered = this.#status.some(({ offsetMs }) => offsetMs !== null);
    if (!answered && !this.#warned)
      this.#log.warn({ servers: servers.length }, "no time server answers; only status shows this");
    this.#warned = !answered;
    const nextMs = answered ? syncTimeInterval * 1000 : RETRY_MS;
    if (nextMs === 0) return;
    this.#timer = setTimeout(() => void this.sync(), Math.min(nextMs, MAX_DELAY_MS));
    this.#timer.unref();
  }

  async #one(server: string, timeoutMs: number): Promise<NtpStatus> {
    const askedAtMs = Date.now();
    try {
      const { t, d } = await this.#ask(server, timeoutMs);
      return { server, offsetMs: t, delayMs: d, askedAtMs, error: null };
    } catch (error) {
      return { server, offsetMs: null, delayMs: null, askedAtMs, error: (error as Error).message };
    }
  }
}
