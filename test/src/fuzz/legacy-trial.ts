/**
 * A directory of the program before, with its files changed: read as an import reads it.
 *
 * The rule: it never throws; a task that is told is one whose id stands in the bytes; a file that is not
 * JSON any more is among the problems.
 */
import { createSimDisk, type Prng } from "@taskwal/disk/sim";
import { readLegacyDirectory } from "@taskwal/tasks";
import { holds, parsed } from "./line-trial.ts";
import { mutate } from "./mutate.ts";

const dir = "/legacy";
const ids = [
  "11111111-1111-4111-8111-111111111111",
  "22222222-2222-4222-8222-222222222222",
] as const;
const time = "2025-03-01T10:00:00.000Z";

const taskOf = (id: string): object => ({
  id,
  description: "fix the tests",
  tool: "CLAUDECODE",
  status: "in_progress",
  created_at: time,
  updated_at: time,
  logs: [{ timestamp: time, level: "info", type: "output", message: "begun" }],
});

const session = { id: "s-1", type: "claude", status: "active", created_at: time };

const files = new Map<string, Buffer>([
  ...ids.map(
    (id) => [`tasks/${id}.json`, Buffer.from(JSON.stringify(taskOf(id), null, 2))] as const,
  ),
  [
    "state.json",
    Buffer.from(
      JSON.stringify({
        version: "1.0.0",
        last_saved: time,
        tasks: ids.map(taskOf),
        sessions: [session],
        metrics: { total_tasks: 2 },
      }),
    ),
  ],
]);

const names = [...files.keys()] as [string, ...string[]];

/** Throws a Finding, or what the reader throws. */
export const tryLegacy = async (prng: Prng): Promise<string> => {
  const sim = createSimDisk();
  const changed = prng.pick(names);
  let all = "";
  let isJson = true;
  for (const [name, bytes] of files) {
    const other = files.get(prng.pick(names)) ?? bytes;
    const own = name === changed ? mutate(prng, bytes, other, "lines") : bytes;
    if (name === changed) isJson = parsed(own.toString("utf8")) !== undefined;
    sim.writeRaw(`${dir}/${name}`, own);
    all += own.toString("utf8");
  }
  const directory = await sim.process("importer").openDirectory(dir);
  const { kind, tasks, deleted, problems } = await readLegacyDirectory(directory);
  if (kind !== "legacy") return `legacy: told as ${kind}`;
  const text = parsed(`"${all.replaceAll(/["\\]|\p{Cc}/gu, " ")}"`) as string;
  for (const { task } of [...tasks, ...deleted]) {
    // An id that was escaped in its file stands there in other letters.
    const isThere = text.includes(task.id) || /[^\w-]/.test(task.id) || all.includes("\\u");
    holds(isThere, "a task is invented", () => task.id);
  }
  holds(
    isJson || problems.some(({ file }) => file === changed),
    "a file that is no JSON is no problem",
  );
  return "legacy: read";
};
