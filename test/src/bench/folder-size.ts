/** Bytes of all files below a folder; a file with several names counts once. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

export const folderBytes = (dir: string): number => {
  const seen = new Set<number>();
  let sizeBytes = 0;
  for (const entry of readdirSync(dir, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const stat = statSync(join(entry.parentPath, entry.name));
    if (seen.has(stat.ino)) continue;
    seen.add(stat.ino);
    sizeBytes += stat.size;
  }
  return sizeBytes;
};
