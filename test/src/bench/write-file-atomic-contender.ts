/** write-file-atomic, one file per task, as many orchestrators keep them: each change replaces the whole file. */
import { join } from "node:path";
import { entityId, type Contender } from "./contender.ts";
import type { Peers } from "./peers.ts";

type WriteFileAtomic = (path: string, text: string) => Promise<void>;

export const writeFileAtomicContender = (peers: Peers): Contender[] => {
  const writeFileAtomic = peers.load("write-file-atomic") as WriteFileAtomic | undefined;
  if (!writeFileAtomic) return [];
  return [
    {
      name: "write-file-atomic, a file per task",
      weaker:
        "keeps no history, and does not sync the directory: a rename may be lost with the power",
      async open(dir, callers) {
        const paths = Array.from({ length: callers }, (_, caller) =>
          join(dir, `${entityId(caller)}.json`),
        );
        return {
          append: (caller, { json }) => writeFileAtomic(paths[caller] ?? "", json),
          close: () => {},
        };
      },
    },
  ];
};
