/**
 * A store with what an export has to cope with: two lives (one copied while it is open, so it was never closed), causes
 * over entities, a deleted task, a clock that steps back, statuses and ids that mean something to somebody, a mark.
 */
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { openNodeDisk, type Disk } from "@taskwal/disk";
import { openTaskStore, type TaskStore } from "taskwal";

/** What a spreadsheet would run, and what ends a line, a quote, a diagram. */
export const hostile = [
  "=1+1",
  "+cmd|' /C calc'!A0",
  "-2",
  "@SUM(A1)",
  'a",\r\n"b',
  '"] --> x: %%{init: {}}%%',
  "\u001B[31m\u202Ered",
] as const;

export const makeRuns = async (dir: string): Promise<void> => {
  const work = `${dir}.open`;
  const clock = { at: Date.parse("2026-01-01T12:00:00Z") };
  const first = await openTaskStore({ dir: work, disk: diskOf(clock) });
  await firstLife(first, clock);
  await first.close();
  clock.at += 60_000;
  const second = await openTaskStore({ dir: work, disk: diskOf(clock) });
  await second.update("a", { status: "failed" }, { actor: "agent-1" });
  const { sequence } = await second.delete("b", { actor: "human" });
  // HEAD is written behind, and beside a living writer only what it vouches for is told.
  while (!readFileSync(join(work, "wal/HEAD"), "latin1").includes(`"dur":${sequence}}`))
    await setTimeout(5);
  cpSync(work, dir, { recursive: true });
  await second.close();
};

const firstLife = async (store: TaskStore, clock: { at: number }): Promise<void> => {
  const begun = { description: "SECRET words", tool: "T" };
  const { sequence } = await store.create({ id: "a", ...begun }, { actor: "mcp", key: "k" });
  clock.at += 5_000;
  await store.create({ id: "b", ...begun }, { actor: "scheduler", cause: sequence });
  await store.update("a", { status: "in_progress" }, { actor: "scheduler" });
  clock.at -= 3_000;
  const { sequence: late } = await store.update(
    "b",
    { status: "in_progress" },
    { actor: "agent-1" },
  );
  await store.mark("half-way", { text: 'of "everything"' });
  for (const [index, text] of hostile.entries()) {
    clock.at += 1_000;
    const actor = text.replaceAll(/[\p{Cc}]/gu, " ");
    await store.create({ id: text, ...begun }, { actor, cause: late });
    await store.log(text, { level: "info", type: "output", message: text });
    await store.sessions.create({ id: `s${index}`, type: "x", status: text }, { actor });
    await store.sessions.update(`s${index}`, { status: "over" });
  }
};

const diskOf = (clock: { readonly at: number }): Disk => {
  const disk = openNodeDisk();
  return { ...disk, clock: { ...disk.clock, now: () => clock.at } };
};
