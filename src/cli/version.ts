import { packageVersion } from "../node/paths.ts";

/** `etherloom 0.1.0 (node v24.0.0, linux-x64)` */
export function versionLine(): string {
  return `etherloom ${packageVersion()} (node ${process.version}, ${process.platform}-${process.arch})\n`;
}
