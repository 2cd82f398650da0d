/**
 * Makes test/fixtures/format-v1, the store that docs/format.md walks through: two lives that were
 * closed, and one in which the power failed in the middle of a write.
 *
 *     node test/make-format-v1.mjs <folder that does not exist>        after `tsc -b`
 *
 * The rule: the fixture is what the code of format 1 wrote. It is never edited and never made again:
 * a new format gets a fixture of its own.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createSimDisk } from "@taskwal/disk/sim";
import { openTaskStore } from "@taskwal/tasks";

const [target] = process.argv.slice(2);
if (!target || existsSync(target)) throw new Error("give a folder that does not exist");

const sim = createSimDisk({
  seed: 1,
  startMs: Date.parse("2026-01-01T12:00:00.000Z"),
  realTurns: true,
});
const dir = "/state";
const id = "tests";
const settle = () => new Promise((resolve) => setTimeout(resolve, 20));
const open = (name) => openTaskStore({ dir, disk: sim.process(name), autosaveMs: Infinity });

// The first life: a task, two records of one transaction, an idle moment, a clean end.
const first = await open("first");
await first.create(
  { id, description: "fix the tests", tool: "CLAUDECODE" },
  { key: "request-17", actor: "mcp" },
);
sim.clock.advance(1_000);
await first.transact((tx) => {
  tx.tasks.mutate(id, "task.updated", { status: "in_progress" });
  tx.tasks.append(id, "logs", {
    timestamp: "2026-01-01T12:00:01.000Z",
    level: "info",
    type: "output",
    message: "naïve café",
  });
});
sim.clock.advance(100);
await settle();
await first.close();

// The second life: one more record, a clean end.
sim.clock.advance(60_000);
const second = await open("second");
await second.update(id, { status: "completed" }, { cause: 3 });
await second.close();

// The third life ends in the middle of a write.
sim.clock.advance(60_000);
const third = await open("third");
await settle();
sim.crashAt(sim.callCount + 1, { inside: true });
third.log(id, { level: "info", type: "output", message: "never acknowledged" }).catch(() => {});
await sim.whenCrashed;
sim.powerCut({ writes: "all", names: "all", sectorBytes: 1 });

for (const path of sim.listRaw()) {
  const file = join(target, path.slice(dir.length));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, sim.readRaw(path, "durable"));
}
