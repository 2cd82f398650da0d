/**
 * A copy of a store's directory, to be opened and thrown away.
 *
 *     wal/*.jsonl     hard links: no opening writes to a segment that it finds
 *     the rest        copied
 *
 * The rule: what is measured finds the files in the page cache, for every contender alike.
 */
import { copyFileSync, linkSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const copyFolder = (from: string, to: string): void => {
  mkdirSync(to, { recursive: true, mode: 0o700 });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) copyFolder(source, target);
    else if (entry.name.endsWith(".jsonl")) linkSync(source, target);
    else copyFileSync(source, target);
  }
};

/** Does something with a copy of `dir`, which is gone afterwards. */
export const withCopy = async <Result>(
  dir: string,
  work: (copy: string) => Promise<Result>,
): Promise<Result> => {
  const copy = `${dir}-copy`;
  copyFolder(dir, copy);
  try {
    return await work(copy);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
};
