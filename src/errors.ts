/**
 * Every error this program reports to its user, with a stable code and the exit code that goes with it.
 *
 * The codes are an interface: scripts may match on them, so a code is never reused for something else.
 * Exit codes: 0 asked to stop, 1 failed while running, 2 bad usage or configuration (nothing was started).
 */

export type ExitCode = 0 | 1 | 2;

export type ErrorCode =
  | "EL_USAGE"
  | "EL_CONFIG_READ"
  | "EL_CONFIG_SYNTAX"
  | "EL_CONFIG_INVALID"
  | "EL_CONFIG_MODE"
  | "EL_KEY"
  | "EL_RUNTIME"
  | "EL_ADDON"
  | "EL_NO_TUN"
  | "EL_NO_PERMISSION"
  | "EL_INTERFACE_TAKEN"
  | "EL_INTERFACE_INVALID"
  | "EL_INTERFACE_LOST"
  | "EL_LISTEN_IN_USE"
  | "EL_LISTEN"
  | "EL_UAPI_IN_USE"
  | "EL_UAPI"
  | "EL_STATE_DIR"
  | "EL_POST_SCRIPT"
  | "EL_WORKER"
  | "EL_NOT_RUNNING"
  | "EL_BUSY"
  | "EL_NOT_ALLOWED"
  | "EL_QUESTION"
  | "EL_FILE_IO"
  | "EL_FILE_CONNECTION"
  | "EL_FILE_MISMATCH"
  | "EL_INTERNAL";

export interface ErrorEntry {
  readonly exitCode: ExitCode;
  /** One line for the manual: when does this happen. */
  readonly summary: string;
}

/** The one table. configs/MANUAL.md prints it; a test compares the two. */
export const ERRORS: Readonly<Record<ErrorCode, ErrorEntry>> = {
  EL_USAGE: { exitCode: 2, summary: "unknown command or flag, or a flag without its value" },
  EL_CONFIG_READ: { exitCode: 2, summary: "the configuration file cannot be read" },
  EL_CONFIG_SYNTAX: { exitCode: 2, summary: "the configuration file is not YAML" },
  EL_CONFIG_INVALID: {
    exitCode: 2,
    summary: "an unknown key, a wrong type or an impossible value in the file",
  },
  EL_CONFIG_MODE: { exitCode: 2, summary: "the file asks for a mode that is not built yet" },
  EL_KEY: { exitCode: 2, summary: "a key is not 32 bytes in base64, or cannot be used" },
  EL_RUNTIME: { exitCode: 2, summary: "Node.js is older than 24 and no pinned runtime was found" },
  EL_ADDON: { exitCode: 1, summary: "the native addon is not built, or does not load" },
  EL_NO_TUN: { exitCode: 1, summary: "/dev/net/tun does not exist or cannot be opened" },
  EL_NO_PERMISSION: { exitCode: 1, summary: "CAP_NET_ADMIN (or root) is missing" },
  EL_INTERFACE_TAKEN: { exitCode: 1, summary: "the interface name is in use" },
  EL_INTERFACE_INVALID: {
    exitCode: 1,
    summary: "the kernel refused the interface's name, MAC, MTU or address",
  },
  EL_INTERFACE_LOST: { exitCode: 1, summary: "the interface vanished or failed while running" },
  EL_LISTEN_IN_USE: { exitCode: 1, summary: "the port is in use by another socket" },
  EL_LISTEN: { exitCode: 1, summary: "a socket cannot be opened or bound, for another reason" },
  EL_UAPI_IN_USE: { exitCode: 1, summary: "a running process answers on the UAPI socket" },
  EL_UAPI: { exitCode: 1, summary: "the UAPI socket cannot be created" },
  EL_STATE_DIR: { exitCode: 1, summary: "the state directory cannot be created, read or written" },
  EL_POST_SCRIPT: { exitCode: 1, summary: "postScript could not be run, or exited with an error" },
  EL_WORKER: { exitCode: 1, summary: "the data plane stopped unexpectedly" },
  EL_NOT_RUNNING: { exitCode: 1, summary: "no running node answers (status and its like)" },
  EL_BUSY: { exitCode: 1, summary: "the running node does not answer in time (status and its like)" },
  EL_NOT_ALLOWED: { exitCode: 1, summary: "this user may not ask the running node (status and its like)" },
  EL_QUESTION: { exitCode: 1, summary: "`why`, `trace`: the node that was asked cannot tell" },
  EL_FILE_IO: { exitCode: 1, summary: "`file`: the file cannot be read or written" },
  EL_FILE_CONNECTION: { exitCode: 1, summary: "`file`: the connection failed or broke" },
  EL_FILE_MISMATCH: { exitCode: 1, summary: "`file`: the two ends disagree on bytes or SHA-256" },
  EL_INTERNAL: { exitCode: 1, summary: "a fault of this program; please report it" },
};

/** An error whose message is meant for the user as it is: one line, no stack. */
export class EtherloomError extends Error {
  readonly code: ErrorCode;
  readonly exitCode: ExitCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.exitCode = ERRORS[code].exitCode;
  }
}

/** Bad command line. */
export class UsageError extends EtherloomError {
  constructor(message: string) {
    super("EL_USAGE", message);
  }
}

/** A configuration file that cannot be used. Each problem is one complete line `file:line:column: …`. */
export class ConfigError extends EtherloomError {
  readonly problems: readonly string[];

  constructor(
    code: "EL_CONFIG_READ" | "EL_CONFIG_SYNTAX" | "EL_CONFIG_INVALID" | "EL_CONFIG_MODE",
    problems: readonly string[],
  ) {
    super(code, problems.join("\n"));
    this.problems = problems;
  }
}

/** A key given outside a configuration file (command line tools, UAPI). Never put the key into the message. */
export class KeyError extends EtherloomError {
  constructor(message: string) {
    super("EL_KEY", message);
  }
}

/** UDP or TCP port in use. `address` is printed as given, e.g. `0.0.0.0:3001`. */
export function listenInUse(protocol: "UDP" | "TCP", address: string): EtherloomError {
  return new EtherloomError("EL_LISTEN_IN_USE", `${protocol} ${address} is in use by another program`);
}

export function noTun(detail: string): EtherloomError {
  return new EtherloomError(
    "EL_NO_TUN",
    `/dev/net/tun cannot be opened (${detail}); load the tun module or pass the device into the container`,
  );
}

export function noPermission(what: string): EtherloomError {
  return new EtherloomError(
    "EL_NO_PERMISSION",
    `${what}: permission denied; run as root or with CAP_NET_ADMIN`,
  );
}

/** A node's state directory, and the socket in it, belong to the node's user. */
export function notAllowed(path: string): EtherloomError {
  return new EtherloomError(
    "EL_NOT_ALLOWED",
    `${path}: permission denied, run as root or as the node's user`,
  );
}

export function interfaceTaken(name: string): EtherloomError {
  return new EtherloomError("EL_INTERFACE_TAKEN", `interface ${name} is in use by another program`);
}

export function interfaceInvalid(name: string, detail: string): EtherloomError {
  return new EtherloomError("EL_INTERFACE_INVALID", `interface ${name}: ${detail}`);
}

export function addonMissing(tried: readonly string[]): EtherloomError {
  return new EtherloomError(
    "EL_ADDON",
    `the native addon is not built (looked for ${tried.join(", ")}); run tools/setup`,
  );
}

export function addonBroken(path: string, detail: string): EtherloomError {
  return new EtherloomError("EL_ADDON", `the native addon ${path} does not load: ${detail}`);
}

export function uapiInUse(path: string): EtherloomError {
  return new EtherloomError(
    "EL_UAPI_IN_USE",
    `a running process answers on ${path}; is this node running already?`,
  );
}

export function stateDirUnusable(path: string, detail: string): EtherloomError {
  return new EtherloomError("EL_STATE_DIR", `state directory ${path}: ${detail}`);
}

export function postScriptFailed(detail: string): EtherloomError {
  return new EtherloomError("EL_POST_SCRIPT", `postScript failed: ${detail}`);
}
