/** Which running node of this machine a command is about: by name, by file, by state directory, or the only one. */
import { basename, dirname, join, resolve } from "node:path";
import { isMap, isScalar } from "yaml";
import { findRunning } from "../api/status-client.ts";
import { printable } from "../api/text-table.ts";
import { readDocument } from "../config/document.ts";
import { DEFAULT_SUPER_NAME } from "../config/super-config.ts";
import { EtherloomError, UsageError } from "../errors.ts";

/** At most one of them is given. */
export interface WantedNode {
  readonly name: string | undefined;
  readonly config: string | undefined;
  readonly stateDir: string | undefined;
}

/** The state directory of the node; `command` begins the messages. @throws UsageError, EtherloomError EL_NOT_RUNNING, EL_NOT_ALLOWED */
export async function chooseStateDirectory(
  command: string,
  wanted: WantedNode,
  stateRoot: string,
): Promise<string> {
  if (wanted.stateDir !== undefined) return resolve(wanted.stateDir);
  if (wanted.config !== undefined) return stateDirectoryOf(command, wanted.config, stateRoot);
  if (wanted.name !== undefined) {
    if (basename(wanted.name) !== wanted.name || wanted.name === "" || wanted.name === "..") {
      throw new UsageError(
        `${command}: ${JSON.stringify(wanted.name)} is not a node's name; for a file use --config`,
      );
    }
    return join(stateRoot, wanted.name);
  }
  const running = await findRunning(stateRoot);
  const [only] = running;
  if (only === undefined) throw new EtherloomError("EL_NOT_RUNNING", `no running node found in ${stateRoot}`);
  if (running.length > 1) {
    const names = running.map(printable).join(", ");
    throw new UsageError(`${command}: ${running.length} nodes are running here, name one: ${names}`);
  }
  return join(stateRoot, only);
}

/**
 * The state directory a configuration file leads to. Reads the keys it needs only: a file with a mistake
 * elsewhere (its node may have been started before the mistake was made) still names its node.
 */
function stateDirectoryOf(command: string, file: string, stateRoot: string): string {
  const { contents } = readDocument(file).tree;
  const values = new Map<string, string>();
  if (isMap(contents)) {
    for (const { key, value } of contents.items) {
      if (isScalar(key) && isScalar(value))
        values.set(String(key.value).toLowerCase(), String(value.value ?? ""));
    }
  }
  const stateDir = values.get("statedir");
  if (stateDir) return resolve(dirname(file), stateDir);
  const nodeId = values.get("nodeid");
  // A file without a NodeID is a supernode's.
  const fallback = nodeId ? `node${nodeId}` : values.has("privkey") ? DEFAULT_SUPER_NAME : "";
  const name = values.get("nodename") || fallback;
  if (!name) throw new UsageError(`${command}: ${file} has neither nodeId, nodeName nor stateDir`);
  return join(stateRoot, name);
}
