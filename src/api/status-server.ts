/**
 * The status socket `<stateDir>/status.sock`: one JSON document per connection.
 *
 *   client: `status⏎` or `status fib⏎` (or nothing, and shuts its side), `why NODE [FROM]⏎`, `trace NODE⏎`
 *   server: the document or answer, a newline, end of stream
 */
import type { Socket } from "node:net";
import { EtherloomError } from "../errors.ts";
import type { NodeQuestion, StatusDocument, StatusRequest } from "./status-model.ts";
import { listenUnix } from "./unix-listener.ts";
import type { UnixListener } from "./unix-listener.ts";

export type StatusProvider = (request: StatusRequest) => Promise<StatusDocument> | StatusDocument;

/** Answers a question about another node: WhyAnswer, TraceAnswer or QuestionRefused. */
export type QuestionProvider = (question: NodeQuestion) => Promise<unknown>;

export interface StatusServerOptions {
  readonly answer?: QuestionProvider;
  readonly log?: (message: string) => void;
  readonly idleTimeoutMs?: number;
  readonly watchIntervalMs?: number;
}

/** File name of the socket within the state directory. */
export const STATUS_SOCKET = "status.sock";

const MAX_REQUEST_BYTES = 128;

/** Answers on `path` (0600) until closed. */
export function serve(
  path: string,
  provide: StatusProvider,
  options: StatusServerOptions = {},
): Promise<UnixListener> {
  return listenUnix(path, {
    label: "status",
    inUse: (taken) =>
      new EtherloomError(
        "EL_STATE_DIR",
        `a running process answers on ${taken}; is this node running already?`,
      ),
    failed: (detail) => new EtherloomError("EL_STATE_DIR", `status socket: ${detail}`),
    directoryMode: 0o700,
    onConnection: (socket) => void answer(socket, provide, options),
    ...options,
  });
}

async function answer(socket: Socket, provide: StatusProvider, options: StatusServerOptions): Promise<void> {
  try {
    const request = parseRequest(await readLine(socket));
    if (request === undefined) {
      socket.end('{"error":"expected status, status fib, why NODE or trace NODE"}\n');
      return;
    }
    const idleTimeoutMs = socket.timeout ?? 0;
    socket.setTimeout(0);
    const document =
      "kind" in request
        ? ((await options.answer?.(request)) ?? { error: `this node does not answer ${request.kind}` })
        : await provide(request);
    socket.setTimeout(idleTimeoutMs);
    socket.end(`${JSON.stringify(document)}\n`);
    // Whatever else the client sends is read and thrown away, or its end would never be seen.
    socket.resume();
  } catch (error) {
    if (!socket.destroyed) options.log?.(`status request failed: ${(error as Error).message}`);
    socket.destroy();
  }
}

async function readLine(socket: Socket): Promise<string> {
  let text = "";
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    text += chunk.toString("latin1");
    if (text.includes("\n") || text.length > MAX_REQUEST_BYTES) break;
  }
  return text.split("\n", 1)[0] ?? "";
}

function parseRequest(line: string): StatusRequest | NodeQuestion | undefined {
  const question = /^(why|trace) ([\w.-]{1,32})(?: ([\w.-]{1,32}))?$/.exec(line.trim());
  if (question !== null) {
    const [, kind, node = "", from] = question;
    return { kind: kind === "why" ? "why" : "trace", node, from };
  }
  switch (line.trim()) {
    case "":
    case "status":
      return { fib: false };
    case "status fib":
      return { fib: true };
    default:
      return undefined;
  }
}
