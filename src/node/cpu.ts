/** What this machine's processor does in hardware. */
import { readFileSync } from "node:fs";

/** Whether AES-GCM is fast and free of table look-ups here. Unknown counts as no: ChaCha20 is right everywhere. */
export function hasAesInstructions(cpuinfo: string = readCpuInfo()): boolean {
  const features = /^(?:flags|Features)\s*:(.*)$/m.exec(cpuinfo)?.[1]?.split(/\s+/) ?? [];
  return features.includes("aes");
}

function readCpuInfo(): string {
  try {
    return readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    return "";
  }
}
