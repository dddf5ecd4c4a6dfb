/** A directory for one test, gone afterwards. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export async function withDirectory<T>(task: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), "el-api-"));
  try {
    return await task(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Waits until `condition` holds; fails after 5 s. */
export async function eventually(condition: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error("still not so after 5 s");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
