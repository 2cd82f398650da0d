/**
 * What a redaction hook takes out is nowhere: not in a file, not in an event, not in the state.
 *
 *     a life with secrets in every kind of call ─┬─ no hook:   the secret is in wal, state.json, backups, mirrors, quarantine
 *                                                └─ a hook:    it is in none of them
 *
 * The rule: the same search must first find the secret where nothing took it out.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import { InvalidMutationError, openTaskStore, type OpenTaskStoreOptions } from "taskwal";
import { expect, test } from "vitest";
import { noteModel, openNotes, refusalOf } from "./world/note-model.ts";

const secret = "hunter2-9f31c0";
type Redact = NonNullable<OpenTaskStoreOptions["redact"]>;

/** Replaces the secret in every string, however deep. */
const without: Redact = (payload) =>
  JSON.parse(JSON.stringify(payload).replaceAll(secret, "[redacted]"));

const eventNames = [
  "mutation",
  "mutation:failed",
  "mirror:conflict",
  "recovered",
  "state:corruption",
  "task:created",
  "task:updated",
  "task:deleted",
  "task:log",
] as const;

/** A life that leaves something of every kind on the disk. Returns what its listeners were told. */
const live = async (sim: SimDisk, redact: Redact | undefined): Promise<string> => {
  const told: unknown[] = [];
  const on = Object.fromEntries(
    eventNames.map((name) => [name, (facts: unknown) => told.push([name, facts])]),
  );
  const options: OpenTaskStoreOptions = { dir: "/s", on, autosaveMs: Infinity };
  const open = () =>
    openTaskStore({ ...options, ...(redact ? { redact } : {}), disk: sim.process() });
  const store = await open();
  await store.create({ id: "a", description: `use ${secret}`, tool: "t" });
  await store.log("a", {
    level: "info",
    type: "output",
    message: secret,
    metadata: { deep: [secret] },
  });
  await store.transact((tx) => {
    tx.tasks.mutate("b", "task.created", { description: secret, tool: "t" });
    tx.tasks.append("b", "logs", {
      timestamp: "2026-01-01T00:00:00.000Z",
      level: "info",
      type: "output",
      message: secret,
    });
  });
  await store.sessions.create({ id: "s", type: secret, status: "active" });
  await store.snapshot();
  await store.update("a", { result: { key: secret } });
  await store.snapshot();
  await store.close();
  // A person saves a mirror again: what stood there is set aside.
  sim.writeRaw("/s/tasks/a.json", Buffer.from([...sim.readRaw("/s/tasks/a.json"), 10]));
  const again = await open();
  await again.update("a", { status: "in_progress" });
  await again.close();
  return JSON.stringify(told);
};

/** The files whose bytes, cached or durable, hold the secret, relative to `dir`. */
const filesWithSecret = (sim: SimDisk, dir = "/s"): string[] =>
  sim
    .listRaw()
    .filter((path) =>
      (["cached", "durable"] as const).some((where) =>
        Buffer.from(sim.readRaw(path, where)).includes(secret),
      ),
    )
    .map((path) => path.slice(dir.length + 1));

const partOf = (name: string): string => name.replace(/(\/|backup).*/, "$1");

test("what the hook takes out of payloads is in no file of the directory and in no event", async () => {
  const plain = createSimDisk({ seed: 3 });
  expect(await live(plain, undefined)).toContain(secret);
  const everywhere = ["quarantine/", "sessions/", "state.backup", "state.json", "tasks/", "wal/"];
  expect([...new Set(filesWithSecret(plain).map(partOf))].toSorted()).toEqual(everywhere);

  const redacted = createSimDisk({ seed: 3 });
  const told = await live(redacted, without);
  expect(told).not.toContain(secret);
  expect(told).toContain("[redacted]");
  expect(filesWithSecret(redacted)).toEqual([]);
});

test("an import passes through the hook too; only the originals keep what they held", async () => {
  const sim = createSimDisk({ seed: 4 });
  const directory = await sim.process().createDirectory("/data");
  const healthy = join(import.meta.dirname, "../fixtures/systemprompt/healthy");
  for (const name of readdirSync(healthy, { recursive: true, encoding: "utf8" })) {
    if (!statSync(join(healthy, name)).isFile()) continue;
    const [folder, leaf] = name.split("/");
    if (leaf !== undefined) await directory.createFolder(folder ?? "");
    const text = readFileSync(join(healthy, name), "utf8");
    sim.writeRaw(`/data/${name}`, Buffer.from(text.replaceAll("Compare", secret)));
  }
  expect(filesWithSecret(sim, "/data").map(partOf)).toContain("tasks/");
  const store = await openTaskStore({ dir: "/data", disk: sim.process(), redact: without });
  expect(JSON.stringify(store.list())).toContain("[redacted]");
  await store.update("39128890-5694-41da-b0ec-54b3af099e83", { description: secret });
  await store.close();
  // The other program's own backups stay as they are, where they are.
  const isOriginal = (name: string): boolean => /^legacy\/|^state\.backup\.\d+\.json$/.test(name);
  expect(filesWithSecret(sim, "/data").filter((name) => !isOriginal(name))).toEqual([]);
});

test.each<[string, Redact, RegExp]>([
  [
    "throws",
    () => {
      throw new RangeError("the hook failed");
    },
    /hook threw/,
  ],
  ["returns a promise", async (payload) => payload, /hook returned/],
  // A rejection of its own that nobody handles would end the process.
  [
    "returns a promise that rejects",
    async () => Promise.reject(new Error("late")),
    /hook returned/,
  ],
  ["returns nothing", () => undefined, /hook returned/],
  [
    "changes the payload in place",
    (payload) => Object.assign(payload as object, { a: 1 }),
    /hook threw/,
  ],
])(
  "a hook that %s lets nothing through: the call is refused, nothing is written",
  async (_, redact, reason) => {
    const sim = createSimDisk();
    const store = await openNotes(sim.process(), { redact });
    const before = [store.sequence, store.digest(), sim.usedBytes];
    const calls = [
      store.notes.mutate("a", "note.created", { text: secret }),
      store.notes.append("a", "lines", { text: secret }),
      store.transact((tx) => {
        tx.notes.mutate("a", "note.created", { text: secret });
      }),
    ];
    for (const call of calls) {
      const error = await refusalOf(call);
      expect(error).toBeInstanceOf(InvalidMutationError);
      expect((error as Error).message).toMatch(reason);
      expect((error as Error).message).not.toContain(secret);
    }
    expect([store.sequence, store.digest(), sim.usedBytes]).toEqual(before);
    await store.close();
    expect(filesWithSecret(sim, "/state")).toEqual([]);
  },
);

test("the hook is asked before the schema and the reducer, once for each mutation, and is told what of", async () => {
  const asked: unknown[] = [];
  const store = await openNotes(createSimDisk().process(), {
    redact: (payload, about) => {
      asked.push([payload, about]);
      // What the schema would refuse becomes what it takes.
      return { text: "seen" };
    },
  });
  await store.notes.mutate("a", "note.created", { text: 7 } as never);
  await store.notes.append("a", "lines", { text: 8 } as never);
  expect(store.notes.get("a")?.text).toBe("seen");
  expect(asked).toEqual([
    [{ text: 7 }, { type: "note.created", id: "a", collection: "notes" }],
    [{ text: 8 }, { type: "note.lines.appended", id: "a", collection: "notes" }],
  ]);
  expect([...noteModel.mutations.keys()]).toContain("note.lines.appended");
  await store.close();
});
