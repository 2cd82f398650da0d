import { createSimDisk, type SimDisk, type SimProcess } from "@taskwal/disk/sim";
import { ClosedError, DiskFailedError, InvalidMutationError } from "@taskwal/errors";
import { describe, expect, test } from "vitest";
import { openTaskStore } from "./open-task-store.ts";
import type { TaskStore } from "./task-store.ts";

const dir = "/state";
const options = { dir, mirrors: false, autosaveMs: Infinity };

const opened = async (
  seed = 1,
): Promise<{ readonly sim: SimDisk; readonly disk: SimProcess; readonly store: TaskStore }> => {
  const sim = createSimDisk({ seed });
  const disk = sim.process("writer");
  return { sim, disk, store: await openTaskStore({ ...options, disk }) };
};

const read = (sim: SimDisk, name: string): string =>
  Buffer.from(sim.readRaw(`${dir}/${name}`)).toString("utf8");

const filesIn = (sim: SimDisk, folder: string): string[] =>
  sim
    .listRaw()
    .filter((path) => path.startsWith(`${dir}/${folder}/`))
    .map((path) => path.slice(dir.length + 1));

describe("the log of a session", () => {
  test("is one file a session, appended in the order of the calls, whoever awaits them", async () => {
    const { sim, store } = await opened();
    const calls = Array.from({ length: 40 }, (_, at) =>
      store.appendSessionLog(at % 2 === 0 ? "a" : "b", `line ${at}`),
    );
    await Promise.all(calls);
    const lines = (from: number): string =>
      Array.from({ length: 20 }, (_, at) => `line ${from + 2 * at}\n`).join("");
    expect(filesIn(sim, "logs")).toEqual(["logs/session_a.log", "logs/session_b.log"]);
    expect(read(sim, "logs/session_a.log")).toBe(lines(0));
    expect(read(sim, "logs/session_b.log")).toBe(lines(1));
    await store.close();
  });

  test("survives a power cut once its call has resolved", async () => {
    const { sim, store } = await opened();
    await store.appendSessionLog("a", "first\n");
    await store.appendSessionLog("a", "second");
    sim.powerCut("none");
    expect(read(sim, "logs/session_a.log")).toBe("first\nsecond\n");
  });

  test("ends a piece that a crash cut short before it goes on", async () => {
    const { sim, store } = await opened();
    await store.appendSessionLog("a", "first");
    sim.writeRaw(`${dir}/logs/session_a.log`, Buffer.from("first\nsec"));
    await store.appendSessionLog("a", "third");
    expect(read(sim, "logs/session_a.log")).toBe("first\nsec\nthird\n");
    await store.close();
  });

  test.each(["write", "sync"])(
    "stays as it was when a %s has no room, and goes on when there is some",
    async (failing) => {
      const { sim, store } = await opened();
      await store.appendSessionLog("a", "first");
      const repair = sim.fail(
        ({ kind, path }) => kind === failing && path.includes("/logs/"),
        "ENOSPC",
      );
      await expect(store.appendSessionLog("a", "x".repeat(1_000))).rejects.toThrow(DiskFailedError);
      expect(read(sim, "logs/session_a.log")).toBe("first\n");
      repair();
      await store.appendSessionLog("a", "second");
      expect(read(sim, "logs/session_a.log")).toBe("first\nsecond\n");
      await store.close();
    },
  );

  test("that a killed process, or one whose disk failed, made without the sync of its name is durable all the same", async () => {
    // What made the file failed, or died, before the folder was synced; who came next only opened it.
    for (const end of ["fails", "dies"] as const) {
      const { sim, disk, store } = await opened();
      await store.appendSessionLog("other", "so that the folder is there");
      if (end === "fails") {
        sim.fail(({ kind, path }) => kind === "syncFolder" && path.endsWith("/logs"), "EIO");
        await expect(store.appendSessionLog("a", "first")).rejects.toThrow(DiskFailedError);
        await store.appendSessionLog("a", "second");
      } else {
        const hang = sim.fail(
          ({ kind, path }) => kind === "syncFolder" && path.endsWith("/logs"),
          "EIO",
          { times: "forever" },
        );
        await store.appendSessionLog("a", "first").catch(() => {});
        disk.kill();
        hang();
        const next = await openTaskStore({ ...options, disk: sim.process("next") });
        await next.appendSessionLog("a", "second");
      }
      sim.powerCut("none");
      expect(read(sim, "logs/session_a.log"), end).toBe("second\n");
    }
  });

  test("does not get back by a power cut the part of an entry that still had room", async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const { sim, store } = await opened(seed);
      await store.appendSessionLog("a", "first");
      sim.capacityBytes = sim.usedBytes + 100;
      await expect(store.appendSessionLog("a", "x".repeat(1_000))).rejects.toThrow(DiskFailedError);
      sim.powerCut("random");
      expect(read(sim, "logs/session_a.log"), `seed ${seed}`).toBe("first\n");
    }
  });

  test("is written in the directory, under a name of its own, whatever the id", async () => {
    const { sim, store } = await opened();
    const ids = [
      "../../etc/passwd",
      "a/b",
      "a\\b",
      "a:b",
      "A",
      "a",
      'c*?"<>|',
      ".",
      "x".repeat(900),
    ];
    for (const id of ids) await store.appendSessionLog(id, id);
    const files = filesIn(sim, "logs");
    expect(new Set(files.map((name) => name.toLowerCase())).size).toBe(ids.length);
    for (const name of files) expect(name).toMatch(/^logs\/session_[a-z0-9_.%~-]+\.log$/);
    expect(files.map((name) => read(sim, name)).toSorted()).toEqual(
      ids.map((id) => `${id}\n`).toSorted(),
    );
    await store.close();
  });

  test("refuses what is no id or no text, with nothing written", async () => {
    const { sim, store } = await opened();
    await expect(store.appendSessionLog("", "x")).rejects.toThrow(InvalidMutationError);
    await expect(store.appendSessionLog("y".repeat(2_000), "x")).rejects.toThrow(
      InvalidMutationError,
    );
    await expect(store.appendSessionLog("a", 7 as never)).rejects.toThrow(InvalidMutationError);
    expect(filesIn(sim, "logs")).toEqual([]);
    await store.close();
  });
});

describe("a report", () => {
  test("is on the disk under the path that its call resolved with", async () => {
    const { sim, store } = await opened();
    const path = await store.writeReport("report-123", { type: "daily", data: [1, 2] });
    sim.powerCut("none");
    expect(path).toBe("/state/reports/report_report-123.json");
    expect(JSON.parse(Buffer.from(sim.readRaw(path)).toString("utf8"))).toEqual({
      type: "daily",
      data: [1, 2],
    });
  });

  test("is the one before or the new one, whatever call a power cut hits", async () => {
    const texts = new Set<string>();
    for (let call = 1; ; call++) {
      const { sim, store } = await opened();
      await store.writeReport("r", { version: 1 });
      sim.crashAt(sim.callCount + call);
      const done = await Promise.race([
        store.writeReport("r", { version: 2 }).then(
          () => true,
          () => false,
        ),
        sim.whenCrashed.then(() => false),
      ]);
      if (done) break;
      sim.powerCut("random");
      texts.add(read(sim, "reports/report_r.json"));
    }
    for (const text of texts)
      expect([{ version: 1 }, { version: 2 }]).toContainEqual(JSON.parse(text));
    expect(texts.size).toBeGreaterThan(0);
  });

  test("that JSON would change is refused with its path, and the one before stands", async () => {
    const { sim, store } = await opened();
    const path = await store.writeReport("r", { version: 1 });
    const before = read(sim, "reports/report_r.json");
    await expect(store.writeReport("r", { at: [Number.NaN] })).rejects.toMatchObject({
      code: "INVALID_MUTATION",
      path: "$.at[0]",
    });
    expect(read(sim, "reports/report_r.json")).toBe(before);
    expect(path).toContain("report_r.json");
    await store.close();
  });
});

test("a store that is closed has written what was called before, and takes no more", async () => {
  const { sim, store } = await opened();
  const call = store.appendSessionLog("a", "last words");
  await store.close();
  await call;
  expect(read(sim, "logs/session_a.log")).toBe("last words\n");
  await expect(store.appendSessionLog("a", "more")).rejects.toThrow(ClosedError);
  await expect(store.writeReport("r", {})).rejects.toThrow(ClosedError);
});

test("a store that only reads writes none of these files", async () => {
  const { sim, disk, store } = await opened();
  const reader = await openTaskStore({ ...options, disk, readOnly: true });
  await expect(reader.appendSessionLog("a", "x")).rejects.toThrow(ClosedError);
  await expect(reader.writeReport("r", {})).rejects.toThrow(ClosedError);
  expect([...filesIn(sim, "logs"), ...filesIn(sim, "reports")]).toEqual([]);
  await reader.close();
  await store.close();
});
