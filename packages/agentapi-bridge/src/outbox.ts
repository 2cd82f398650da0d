/**
 * Snapshots that Coder has not taken yet, on the disk.
 *
 *     put ─> outbox/<hash of the task>.json ─ taken ─────> gone
 *                     │                     └ refused ──> <hash>.refused.json, with what Coder said
 *                     └ the next snapshot of the task replaces it
 *
 * The rule: a snapshot is durable before it is posted, and leaves only once Coder has said what it does with
 * it. Coder keeps the last one that it took, so an older one of the same task must not be sent after it:
 * there is one file for each task. It needs no lock: each file is replaced whole.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { readWhole, replaceFile } from "@taskwal/disk";
import type { Directory, Disk } from "@taskwal/disk";

import { within } from "./file-at.ts";
import { postLogSnapshot } from "./post-log-snapshot.ts";
import type { CoderAccess, PostOutcome } from "./post-log-snapshot.ts";

export interface OutgoingSnapshot {
  readonly taskId: string;
  /** The JSON that is posted. */
  readonly body: string;
}

export interface Outbox {
  /** For people. */
  readonly path: string;
  /** Durable when it resolves, and in the place of an earlier one of the same task. Throws what the disk throws. */
  put(one: OutgoingSnapshot): Promise<void>;
  /** What is still to be posted; a file that is not whole is left out. */
  pending(): Promise<readonly OutgoingSnapshot[]>;
  /** Takes it out, unless a newer one has come meanwhile. What Coder refused is set aside with its answer. */
  settle(
    one: OutgoingSnapshot,
    refusal?: Extract<PostOutcome, { outcome: "refused" }>,
  ): Promise<void>;
}

const shape = z.object({ taskId: z.string(), body: z.string() });
/** A body of 65,536 bytes, each of its characters escaped. */
const fileBytesMax = 1 << 20;

/** Creates the folder at the first `put`. */
export const openOutbox = (disk: Disk, path: string): Outbox => ({
  path,
  put: (one) =>
    within(disk.createDirectory(path), (directory) =>
      replaceFile(directory, nameOf(one), encoded(one)),
    ),
  pending: () =>
    within(disk.openDirectory(path), async (directory) => {
      const names = (await directory.list(".")).filter((name) => /^[0-9a-f]{32}\.json$/.test(name));
      const found = await Promise.all(names.sort().map((name) => readOne(directory, name)));
      return found.filter((one) => one !== undefined);
    }).catch(() => []),
  settle: (one, refusal) =>
    within(disk.openDirectory(path), async (directory) => {
      const name = nameOf(one);
      const there = await readOne(directory, name);
      if (there?.body !== one.body) return;
      if (refusal) {
        const told = encoded({ ...one, status: refusal.status, answer: refusal.answer });
        await replaceFile(directory, name.replace(/json$/, "refused.json"), told);
      }
      await directory.remove(name);
      await directory.syncFolder(".");
    }),
});

const nameOf = ({ taskId }: OutgoingSnapshot): string =>
  `${createHash("sha256").update(taskId).digest("hex").slice(0, 32)}.json`;

const encoded = (value: object): Uint8Array =>
  new TextEncoder().encode(`${JSON.stringify(value)}\n`);

const readOne = async (
  directory: Directory,
  name: string,
): Promise<OutgoingSnapshot | undefined> => {
  try {
    const bytes = await readWhole(directory, name, fileBytesMax);
    return shape.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return undefined;
  }
};

/**
 * Posts what an earlier stop left, each task's for at most `limitMs`. Never throws: what is not taken stays.
 * For the start of a supervisor, beside everything else.
 */
export const sendOutbox = async (
  outbox: Outbox,
  { coder, limitMs = 30_000 }: { readonly coder: CoderAccess; readonly limitMs?: number },
): Promise<readonly (PostOutcome & { readonly taskId: string })[]> => {
  const outcomes: (PostOutcome & { taskId: string })[] = [];
  for (const one of await outbox.pending()) {
    const outcome = await sendOne(outbox, one, coder, limitMs);
    outcomes.push({ ...outcome, taskId: one.taskId });
  }
  return outcomes;
};

/** Posts one that is in the outbox, and takes it out if Coder said what it does with it. */
export const sendOne = async (
  outbox: Outbox | undefined,
  one: OutgoingSnapshot,
  coder: CoderAccess,
  limitMs: number,
  signal?: AbortSignal,
): Promise<PostOutcome> => {
  const body = new TextEncoder().encode(one.body);
  const outcome = await postLogSnapshot({
    coder,
    taskId: one.taskId,
    body,
    limitMs,
    ...(signal && { signal }),
  });
  if (outcome.outcome === "kept") return outcome;
  // What cannot be taken out is posted once more, and that does no harm.
  await outbox?.settle(one, outcome.outcome === "refused" ? outcome : undefined).catch(() => {});
  return outcome;
};
