import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import { DiskFailedError, InvalidMutationError } from "@taskwal/errors";
import { openTaskStore } from "@taskwal/tasks";
import { expect, test } from "vitest";
import type { PersistenceConfig } from "./persistence-config.ts";
import { basePath, host, stateOf, task } from "./sample-host.test.ts";
import { StatePersistence } from "./state-persistence.ts";
import type { WholeTask } from "./whole-task.ts";

const secret = "hunter2-9f31c0";
type Redact = NonNullable<PersistenceConfig["redact"]>;

/** Replaces the secret in every string, however deep. */
const without: Redact = (payload) =>
  JSON.parse(JSON.stringify(payload).replaceAll(secret, "[redacted]"));

const entry = (minute: number, message: string): WholeTask["logs"][number] => ({
  timestamp: new Date(Date.UTC(2025, 0, 1, 0, minute)).toISOString(),
  level: "info",
  type: "output",
  message,
});

const filesWithSecret = (sim: SimDisk): string[] =>
  sim.listRaw().filter((path) => Buffer.from(sim.readRaw(path)).includes(secret));

/** A life with secrets in all that is handed in, and each task handed in again and again. */
const live = async (sim: SimDisk, config: PersistenceConfig): Promise<number> => {
  const { persistence } = host(sim, config);
  // Some of it before the store is open.
  const logs = [entry(1, secret)];
  const one = task("a", { description: `use ${secret}`, result: { output: secret }, logs });
  void persistence.saveTask(one);
  await persistence.saveReport("r", { secret });
  await persistence.saveSessionLog("s", `said ${secret}`);
  await persistence.saveState({
    ...stateOf(one),
    sessions: [{ id: "s", type: secret, status: "active", created_at: one.created_at }],
  });
  for (let minute = 2; minute < 12; minute += 1) {
    logs.push(entry(minute, `${minute} ${secret}`));
    await persistence.saveTask({ ...one, logs: structuredClone(logs) });
    await persistence.saveState({
      ...stateOf({ ...one, logs }),
      sessions: [{ id: "s", type: secret, status: "active", created_at: one.created_at }],
    });
  }
  await persistence.shutdown();
  const store = await openTaskStore({ dir: basePath, disk: sim.process("reader"), readOnly: true });
  let records = 0;
  for await (const { type } of store.records()) if (!type.startsWith("$")) records += 1;
  await store.close();
  return records;
};

test("what the redaction hook of the config takes out is in no file, and what is handed in again costs no record", async () => {
  const open = createSimDisk({ realTurns: true });
  // The task, ten more entries besides its first, and the session.
  expect(await live(open, {})).toBe(13);
  const kept = filesWithSecret(open);
  for (const part of ["wal/", "state.json", "tasks/a.json", "sessions/s.json", "logs/", "reports/"])
    expect(kept.some((path) => path.includes(part), part)).toBe(true);

  const sim = createSimDisk({ realTurns: true });
  expect(await live(sim, { redact: without })).toBe(13);
  expect(filesWithSecret(sim)).toEqual([]);
  const next = host(sim, { redact: without });
  expect(await next.persistence.loadTasks()).toMatchObject([
    { description: "use [redacted]", result: { output: "[redacted]" } },
  ]);
  await next.persistence.shutdown();
});

test("a redaction hook that throws lets nothing through, and says for which task", async () => {
  const sim = createSimDisk({ realTurns: true });
  const redact: Redact = (payload) => {
    if (JSON.stringify(payload).includes(secret)) throw new Error("not this");
    return payload;
  };
  const { persistence, heard } = host(sim, { redact });
  const refused = persistence.saveTask(task("a", { description: secret }));
  await expect(refused).rejects.toMatchObject({ code: "INVALID_MUTATION", id: "a" });
  await expect(persistence.saveTask(task("b", { logs: [entry(1, secret)] }))).rejects.toThrow(
    InvalidMutationError,
  );
  await expect(persistence.saveSessionLog("s", secret)).rejects.toThrow(InvalidMutationError);
  await expect(persistence.saveReport("r", [secret])).rejects.toThrow(InvalidMutationError);
  await persistence.saveTask(task("c"));
  expect(heard()).toContain("state:save-error");
  expect((await persistence.loadTasks()).map(({ id }) => id)).toEqual(["c"]);
  await persistence.shutdown();
  expect(filesWithSecret(sim)).toEqual([]);
});

test("health and telemetry are those of the store, and say why there is none", async () => {
  const { sim, persistence } = host();
  await persistence.saveTask(task("a"));
  expect(await persistence.health()).toMatchObject({
    status: "ok",
    directory: { path: basePath, exists: true, writable: true },
    backups: { count: 0 },
  });
  expect((await persistence.telemetry()).records).toBe(1);
  await persistence.shutdown();
  await expect(persistence.health()).rejects.toMatchObject({ code: "CLOSED" });
  sim.fail(({ kind, path }) => kind === "openDirectory" && path === basePath, "EIO", {
    times: "forever",
  });
  const next = host(sim);
  await expect(next.persistence.health()).rejects.toMatchObject({
    code: "DISK_FAILED",
    errno: "EIO",
  });
});

test.each([
  ["a session log", "/state/logs", (p: StatePersistence) => p.saveSessionLog("s", "line")],
  ["a report", "/state/reports", (p: StatePersistence) => p.saveReport("r", [])],
])(
  "%s that may not be written is told with path, mode and remedy, by the call and by the event",
  async (_, folder, write) => {
    const { sim, persistence, told } = host();
    await write(persistence);
    const before = told.length;
    sim.fail(
      ({ kind, path }) => (kind === "open" || kind === "create") && path.startsWith(`${folder}/`),
      "EACCES",
      { times: "forever" },
    );
    const refusal = await write(persistence).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(DiskFailedError);
    expect(refusal).toMatchObject({ errno: "EACCES", path: expect.stringContaining(folder) });
    const { mode, remedy } = refusal as DiskFailedError;
    expect([mode, remedy]).toEqual([expect.any(Number), expect.stringMatching(/^chmod u\+rw/)]);
    expect(told.slice(before)).toContainEqual(["state:save-error", refusal]);
    await persistence.shutdown();
  },
);

test("a snapshot that may not be written is told so too", async () => {
  const { sim, persistence, told } = host();
  await persistence.saveTask(task("a"));
  sim.fail(({ kind, path }) => kind === "create" && path.includes("state.json"), "EACCES", {
    times: "forever",
  });
  await persistence.shutdown();
  const errors = told.filter(([name]) => name === "state:save-error").map(([, error]) => error);
  expect(errors).toEqual([
    expect.objectContaining({ errno: "EACCES", mode: 0o700, remedy: expect.any(String) }),
  ]);
});

test("getInstance with the same config is the same instance, a logger included", async () => {
  const say = (): void => {};
  const logger = { debug: say, info: say, warn: say, error: say };
  const config = { basePath, disk: createSimDisk({ realTurns: true }).process("host"), logger };
  const one = StatePersistence.getInstance(config);
  expect(StatePersistence.getInstance(config)).toBe(one);
  expect(StatePersistence.getInstance()).toBe(one);
  expect(() => StatePersistence.getInstance({ basePath: "/another" })).toThrow(TypeError);
  await one.shutdown();
});

test("a report is as it was handed in, whatever the caller does to it before the store is open", async () => {
  const { sim, persistence } = host();
  const data = { done: 1 };
  const writing = [persistence.saveReport("r", data)];
  data.done = 2;
  await persistence.ready;
  writing.push(persistence.saveReport("q", data));
  data.done = 3;
  const paths = await Promise.all(writing);
  const left = paths.map(
    (path) => JSON.parse(Buffer.from(sim.readRaw(path)).toString()) as unknown,
  );
  expect(left).toEqual([{ done: 1 }, { done: 2 }]);
  await persistence.shutdown();
});
