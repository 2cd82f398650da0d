/**
 * Makes packages/taskwal/example-crashed, the directory that docs/replay.md looks into: three lives, of which one ended
 * cleanly; a task that fails and is tried again; a line that was damaged afterwards, and an end that a crash cut off.
 *
 *     node test/make-crashed-example.mjs <folder that does not exist>        after `tsc -b`
 *
 * The rule: the store writes it, on the simulated disk with a fixed seed, so it comes out the same each time; only the
 * damaged byte is put there by hand.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createSimDisk } from "@taskwal/disk/sim";
import { openTaskStore } from "@taskwal/tasks";

const [target] = process.argv.slice(2);
if (!target || existsSync(target)) throw new Error("give a folder that does not exist");

const sim = createSimDisk({
  seed: 7,
  startMs: Date.parse("2026-01-01T12:00:00.000Z"),
  realTurns: true,
});
const dir = "/state";
const settle = () => new Promise((resolve) => setTimeout(resolve, 20));
const open = (name) => openTaskStore({ dir, disk: sim.process(name), autosaveMs: Infinity });
const login = "6f1c07a2";
const readme = "70be9d41";
const say = (store, id, message, level = "info") =>
  store.log(id, { level, type: "output", message }, { actor: "agent-3" });

// The first life: two tasks, one is done, a clean end.
const first = await open("first");
await first.create(
  { id: login, description: "Fix the login test", tool: "CLAUDECODE" },
  { actor: "mcp", key: "request-17" },
);
sim.clock.advance(2_000);
await first.create(
  { id: readme, description: "Shorten the README", tool: "CLAUDECODE" },
  { actor: "mcp" },
);
sim.clock.advance(1_000);
await first.update(
  readme,
  { status: "in_progress", assigned_to: "agent-3" },
  { actor: "scheduler" },
);
sim.clock.advance(40_000);
await say(first, readme, "120 lines became 48");
sim.clock.advance(5_000);
await first.update(readme, { status: "completed", result: { lines: 48 } }, { actor: "agent-3" });
await settle();
await first.close();

// The second life: the other task is begun and fails, is begun again; then the process is killed.
sim.clock.advance(60_000);
const second = await open("second");
await second.update(
  login,
  { status: "in_progress", assigned_to: "agent-3" },
  { actor: "scheduler" },
);
sim.clock.advance(8_000);
await say(second, login, "npm test");
sim.clock.advance(20_000);
await say(second, login, "\u001b[31mError: connect ECONNREFUSED 127.0.0.1:5432\u001b[0m", "error");
sim.clock.advance(1_000);
const failed = await second.update(
  login,
  { status: "failed", error: "the database of the tests was not there" },
  { actor: "agent-3" },
);
sim.clock.advance(30_000);
await second.update(
  login,
  { status: "in_progress", assigned_to: "agent-7" },
  { actor: "scheduler", cause: failed.sequence },
);
await settle();
sim.crashAt(sim.callCount + 1, { inside: true });
say(second, login, "never written").catch(() => {});
await sim.whenCrashed;
sim.powerCut({ writes: "none", names: "all", sectorBytes: 1 });

// The third life goes on, and ends in the middle of a write.
sim.clock.advance(120_000);
const third = await open("third");
await say(third, login, "docker compose up -d db");
sim.clock.advance(9_000);
await say(third, login, "npm test: 1 failed, 212 passed");
sim.clock.advance(1_000);
await third.update(
  login,
  { status: "failed", error: "login.test.ts expects a cookie" },
  { actor: "agent-7" },
);
await settle();
sim.crashAt(sim.callCount + 1, { inside: true });
say(third, login, "cut off in the middle").catch(() => {});
await sim.whenCrashed;
sim.powerCut({ writes: "all", names: "all", sectorBytes: 1 });

const damaged = '"message":"npm test"';
let damagedLines = 0;
for (const path of sim.listRaw()) {
  const file = join(target, path.slice(dir.length));
  mkdirSync(dirname(file), { recursive: true });
  let bytes = Buffer.from(sim.readRaw(path, "durable"));
  const at = path.endsWith("-00000003.jsonl") ? bytes.indexOf(damaged) : -1;
  if (at >= 0) {
    bytes[at + damaged.length - 2] ^= 1;
    damagedLines += 1;
  }
  writeFileSync(file, bytes);
}
if (damagedLines !== 1) throw new Error(`damaged ${damagedLines} lines`);
