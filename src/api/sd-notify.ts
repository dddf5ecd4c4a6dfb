/**
 * Tells systemd how the service is doing: sd_notify(3) datagrams to $NOTIFY_SOCKET, and the watchdog's pulse.
 * Outside systemd everything here does nothing.
 */

/** Sends one datagram to a unix socket; a leading `@` means the abstract namespace. False = not sent. */
export type SendUnixDatagram = (path: string, data: Uint8Array) => boolean;

export interface SdNotifier {
  /** Start-up is complete. Begins the watchdog's pulse if systemd asked for one. */
  ready(status?: string): boolean;
  /** One line for `systemctl status`. */
  status(text: string): boolean;
  /** A reload begins; call ready() when it is done. `monotonicUs` is CLOCK_MONOTONIC in microseconds. */
  reloading(monotonicUs: bigint): boolean;
  /** The node is going down. Ends the pulse. */
  stopping(status?: string): boolean;
  /** Milliseconds between watchdog pulses, 0 = none asked for. */
  readonly watchdogIntervalMs: number;
}

export interface SdNotifierOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Asked before each pulse; false holds it back, so that systemd restarts a node whose data plane hangs. */
  readonly alive?: () => boolean;
  /** This process and its parent: the launcher, which systemd started, may have started this process. */
  readonly pids?: readonly number[];
}

export function createSdNotifier(send: SendUnixDatagram, options: SdNotifierOptions = {}): SdNotifier {
  const env = options.env ?? process.env;
  const socket = env["NOTIFY_SOCKET"] ?? "";
  const usable = socket.startsWith("/") || socket.startsWith("@");
  const watchdogIntervalMs = usable ? watchdogInterval(env, options.pids ?? [process.pid, process.ppid]) : 0;
  let pulse: NodeJS.Timeout | undefined;

  const notify = (...assignments: string[]): boolean => {
    if (!usable) return false;
    try {
      return send(socket, new TextEncoder().encode(assignments.join("\n")));
    } catch {
      // A service manager that has gone must not take the network down with it.
      return false;
    }
  };
  const withStatus = (state: string, status: string | undefined): boolean =>
    status === undefined ? notify(state) : notify(state, statusLine(status));

  return {
    watchdogIntervalMs,
    ready: (status) => {
      if (watchdogIntervalMs > 0 && pulse === undefined) {
        pulse = setInterval(() => {
          if (options.alive?.() ?? true) notify("WATCHDOG=1");
        }, watchdogIntervalMs);
        pulse.unref();
      }
      return withStatus("READY=1", status);
    },
    status: (text) => notify(statusLine(text)),
    reloading: (monotonicUs) => notify("RELOADING=1", `MONOTONIC_USEC=${monotonicUs}`),
    stopping: (status) => {
      clearInterval(pulse);
      pulse = undefined;
      return withStatus("STOPPING=1", status);
    },
  };
}

const statusLine = (text: string): string => `STATUS=${text.replace(/[\r\n]+/g, " ")}`;

/** Half of what systemd allows, as sd_watchdog_enabled(3) advises. */
function watchdogInterval(
  env: Readonly<Record<string, string | undefined>>,
  pids: readonly number[],
): number {
  const limitUs = env["WATCHDOG_USEC"] ?? "";
  const pid = env["WATCHDOG_PID"];
  if (!/^[1-9]\d{0,15}$/.test(limitUs)) return 0;
  if (pid !== undefined && pid !== "" && !pids.includes(Number(pid))) return 0;
  // setInterval's own ceiling is 2^31 - 1 ms.
  return Math.min(Math.max(1, Math.floor(Number(limitUs) / 2000)), 0x7fffffff);
}
