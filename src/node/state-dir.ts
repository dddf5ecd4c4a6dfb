/**
 * What survives a restart: `<stateDir>/timestamp` (the handshake timestamp reserved so far) and `<stateDir>/pins.json`
 * (learned keys). Files are replaced whole, so that a kill leaves the old one or the new one.
 */
import { accessSync, constants, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type EtherloomError, stateDirUnusable } from "../errors.ts";

export class StateDir {
  readonly path: string;
  readonly #onFault: (error: EtherloomError) => void;
  #failing = false;

  /**
   * @param onFault hears, once until it works again, that something could not be kept: a full disk must not stop a node
   * @throws EtherloomError EL_STATE_DIR when the directory cannot be made or written
   */
  constructor(path: string, onFault: (error: EtherloomError) => void) {
    this.path = path;
    this.#onFault = onFault;
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 });
      accessSync(path, constants.W_OK | constants.X_OK);
    } catch (error) {
      throw stateDirUnusable(path, (error as Error).message);
    }
  }

  read(name: string): string | undefined {
    try {
      return readFileSync(join(this.path, name), "utf8");
    } catch {
      return undefined;
    }
  }

  /** False when it could not be written. */
  write(name: string, text: string): boolean {
    const target = join(this.path, name);
    const temporary = `${target}.new`;
    try {
      writeFileSync(temporary, text, { mode: 0o600 });
      renameSync(temporary, target);
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#onFault(stateDirUnusable(this.path, (error as Error).message));
      this.#failing = true;
    }
    return !this.#failing;
  }
}
