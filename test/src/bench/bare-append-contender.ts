/**
 * The limit: nothing but node:fs, asynchronous, without format, checksum, order or meaning.
 *
 *     what waits ─ one write ─ one fdatasync ─ all who waited are told      meanwhile the next gather
 *
 * The rule: the payload's own bytes and a newline, and not one byte more.
 */
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { Contender } from "./contender.ts";

interface Waiting {
  readonly line: string;
  readonly resolve: () => void;
}

export const bareAppendContender: Contender = {
  name: "bare append + fdatasync",
  weaker: "not a store: no record can be told from garbage, and nothing is checked or folded",
  async open(dir) {
    const file = await open(join(dir, "bare.jsonl"), "a");
    let waiting: Waiting[] = [];
    let writing = false;
    const drain = async (): Promise<void> => {
      writing = true;
      while (waiting.length > 0) {
        const batch = waiting;
        waiting = [];
        const bytes = Buffer.from(batch.map(({ line }) => line).join(""));
        const { bytesWritten } = await file.write(bytes);
        if (bytesWritten < bytes.byteLength) throw new Error("the disk took only a part");
        await file.datasync();
        for (const { resolve } of batch) resolve();
      }
      writing = false;
    };
    return {
      append: (_caller, { json }) =>
        new Promise<void>((resolve, reject) => {
          waiting.push({ line: `${json}\n`, resolve });
          if (!writing) drain().catch(reject);
        }),
      close: () => file.close(),
    };
  },
};
