/**
 * A task file that somebody edited becomes a mutation, or is told why not; it is never lost.
 *
 * Method: the simulated disk; its `writeRaw` is the editor.
 */
import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import { openTaskStore, type OpenTaskStoreOptions, type TaskEdit, type TaskStore } from "taskwal";
import { describe, expect, it } from "vitest";

const dir = "/data";
const open = (disk: SimDisk, options: OpenTaskStoreOptions = {}): Promise<TaskStore> =>
  openTaskStore({ dir, disk: disk.process(), autosaveMs: Infinity, ...options });
const textOf = (disk: SimDisk, name: string): string =>
  Buffer.from(disk.readRaw(`${dir}/${name}`)).toString("utf8");
const quarantined = (disk: SimDisk): string[] =>
  disk.listRaw().filter((path) => path.startsWith(`${dir}/quarantine/`));
const entry = (message: string) => ({ level: "info", type: "output", message }) as const;

/** Tasks a and b with two log entries each, closed: their files are of version 3. */
const closed = async (): Promise<SimDisk> => {
  const disk = createSimDisk({ seed: 1 });
  const store = await open(disk);
  for (const id of ["a", "b"]) {
    await store.create({ id, description: `task ${id}`, tool: "T", error: "it failed" });
    await store.log(id, entry("one"));
    await store.log(id, entry("two"));
  }
  await store.close();
  return disk;
};

/** As with an editor: part of the text is replaced, the rest stays, what the file says of itself too. */
const edit = (disk: SimDisk, name: string, from: string, to: string): string => {
  const before = textOf(disk, name);
  const after = before.replace(from, to);
  expect(after).not.toBe(before);
  disk.writeRaw(`${dir}/${name}`, Buffer.from(after));
  return after;
};

const only = (edits: readonly TaskEdit[]): TaskEdit => {
  expect(edits).toHaveLength(1);
  return edits[0] as TaskEdit;
};

describe("an edited task file", () => {
  it("is planned field by field without a write, and adopted as one mutation that says it was edited", async () => {
    const disk = await closed();
    const text = edit(disk, "tasks/a.json", '"status": "pending"', '"status": "completed"');
    const reader = await open(disk, { readOnly: true });
    const calls = disk.callCount;
    const plan = only(await reader.edits());
    expect(plan).toMatchObject({ file: "tasks/a.json", id: "a", madeOf: 3, version: 3 });
    expect(plan.verdict).toBe("adoptable");
    expect(plan.fields).toEqual([{ name: "status", before: "pending", after: "completed" }]);
    expect(disk.callCount).toBe(calls);
    await reader.close();

    const store = await open(disk);
    expect(only(await store.adoptEdits())).toMatchObject({ id: "a", verdict: "adopted" });
    expect(store.get("a")).toMatchObject({ status: "completed", description: "task a" });
    // As with any other change of the status.
    expect(store.get("a")?.completed_at).toBeDefined();
    expect(store.version("a")).toBe(4);
    const types: string[] = [];
    for await (const record of store.records()) if (record.id === "a") types.push(record.type);
    expect(types.at(-1)).toBe("task.edited");
    await store.close();
    // The file is ours again, and the edited one is kept.
    const again = await open(disk);
    expect(await again.edits()).toEqual([]);
    expect(again.get("a")?.status).toBe("completed");
    expect(quarantined(disk)).toHaveLength(1);
    expect(Buffer.from(disk.readRaw(quarantined(disk)[0] ?? "")).toString("utf8")).toBe(text);
    await again.close();
  });

  it("may take an optional field away, add one of its own, and append entries to the log", async () => {
    const disk = await closed();
    edit(disk, "tasks/a.json", '  "error": "it failed",\n', "");
    edit(disk, "tasks/a.json", '"tool": "T"', '"tool": "T",\n  "note": {"by": "me"}');
    const added = JSON.stringify({ ...entry("three"), timestamp: "2025-01-02T00:00:00.000Z" });
    edit(disk, "tasks/a.json", "\n  ],\n", `,\n    ${added}\n  ],\n`);
    const store = await open(disk);
    const adopted = only(await store.adoptEdits());
    expect(adopted.verdict).toBe("adopted");
    expect(adopted.logs).toHaveLength(1);
    expect(store.get("a")).toMatchObject({ note: { by: "me" } });
    expect(store.get("a")).not.toHaveProperty("error");
    expect(store.logs("a").map(({ message }) => message)).toEqual(["one", "two", "three"]);
    await store.close();
  });

  it("of a version that the task has left behind is a conflict: shown, kept in quarantine, adopted only by choice", async () => {
    const disk = await closed();
    const text = edit(disk, "tasks/a.json", "task a", "by hand");
    const store = await open(disk);
    await store.update("a", { status: "waiting" });
    await store.log("a", entry("three"));
    const plan = only(await store.edits());
    expect(plan).toMatchObject({ verdict: "conflict", madeOf: 3, version: 5 });
    expect(plan.reason).toBe("the file was made of version 3, and the task is at version 5");
    expect(plan.fields.map(({ name }) => name).toSorted()).toEqual(["description", "status"]);
    expect(only(await store.adoptEdits()).verdict).toBe("conflict");
    expect(store.get("a")?.description).toBe("task a");
    await store.close();
    // The store has written its own file by now; what was edited is kept, byte for byte.
    const [kept = ""] = quarantined(disk);
    expect(Buffer.from(disk.readRaw(kept)).toString("utf8")).toBe(text);
    const again = await open(disk);
    expect(await again.edits()).toEqual([]);
    const of = [kept.slice(dir.length + 1)];
    expect(only(await again.edits({ of })).verdict).toBe("conflict");
    expect(only(await again.adoptEdits({ of, overNewer: true })).verdict).toBe("adopted");
    // The fields as in the file, as the plan showed; the log lost nothing.
    expect(again.get("a")).toMatchObject({ description: "by hand", status: "pending" });
    expect(again.logs("a").map(({ message }) => message)).toEqual(["one", "two", "three"]);
    await again.close();
  });

  it.each([
    ["broken JSON", ',\n  "tool"', '\n  "tool"', /^line 6, column 3: .*not JSON/],
    ["a text that was cut", /\n {2}"logs"[^]*$/, "", /^line \d+, column \d+: cut at byte/],
    ["a status that does not exist", '"pending"', '"done"', /^at \$\.status: /],
    ["a required field that is gone", /\n {2}"description".*/, "", /^at \$\.description: /],
    ["another id", '"id": "a"', '"id": "b"', /^at \$\.id: it says b/],
    ["an entry that was changed", '"one"', '"won"', /^at \$\.logs\[0\]: .*only be appended$/],
    [
      "an entry that was removed",
      /,\n {4}\{[^\n]*"two"\}/,
      "",
      /^at \$\.logs\[1\]: .*only be appended$/,
    ],
    ["an entry that is none", '"level":"info"', '"level":"loud"', /^at \$\.logs\[0\]\.level: /],
    [
      "a number that JSON changes",
      '"tool": "T"',
      '"tool": "T",\n  "x": 1e999',
      /^line \d+, column \d+: at \$\.x /,
    ],
  ] as const)(
    "with %s is refused with the place, and stays as it is",
    async (_, from, to, reason) => {
      const disk = await closed();
      const before = textOf(disk, "tasks/a.json");
      const after = before.replace(from, to);
      expect(after).not.toBe(before);
      disk.writeRaw(`${dir}/tasks/a.json`, Buffer.from(after));
      const store = await open(disk);
      const found = only(await store.adoptEdits({ overNewer: true }));
      expect(found.verdict).toBe("refused");
      expect(found.reason).toMatch(reason);
      expect(store.version("a")).toBe(3);
      expect(textOf(disk, "tasks/a.json")).toBe(after);
      await store.close();
    },
  );

  it("that is named and is not there is refused by that name, not passed over", async () => {
    // "taskwal adopt . state/tasks/a.json" said that nothing was edited.
    const disk = await closed();
    const text = edit(disk, "tasks/a.json", "task a", "by hand");
    const store = await open(disk, { readOnly: true });
    const edits = await store.edits({ of: ["data/tasks/a.json", "nobody", "b", "./tasks/a.json"] });
    expect(edits).toMatchObject([
      { verdict: "refused", reason: "there is no such file" },
      { file: "tasks/nobody.json", verdict: "refused", reason: "there is no such file" },
      { file: "tasks/a.json", verdict: "adoptable" },
    ]);
    expect(textOf(disk, "tasks/a.json")).toBe(text);
    await store.close();
  });

  it("that an editor only laid out anew, or gave a byte order mark, changes nothing", async () => {
    const disk = await closed();
    const value: unknown = JSON.parse(textOf(disk, "tasks/a.json"));
    disk.writeRaw(`${dir}/tasks/a.json`, Buffer.from(`\uFEFF${JSON.stringify(value)}`));
    const store = await open(disk);
    expect(only(await store.adoptEdits()).verdict).toBe("unchanged");
    expect(store.version("a")).toBe(3);
    await store.close();
  });

  it("of a task that never had a log is adoptable like any other", async () => {
    const disk = createSimDisk({ seed: 1 });
    const store = await open(disk);
    await store.create({ id: "a", description: "task a", tool: "T" });
    await store.close();
    edit(disk, "tasks/a.json", "task a", "by hand");
    const again = await open(disk);
    expect(only(await again.adoptEdits())).toMatchObject({ verdict: "adopted", logs: [] });
    await again.close();
  });

  it("without what it says of itself, of another store, or of no task is not adopted by itself", async () => {
    const disk = await closed();
    edit(disk, "tasks/a.json", '"version":3', '"version":"x"');
    edit(
      disk,
      "tasks/b.json",
      /"store":"\w+"/.exec(textOf(disk, "tasks/b.json"))?.[0] ?? "",
      '"store":"other"',
    );
    edit(disk, "tasks/a.json", "task a", "changed");
    edit(disk, "tasks/b.json", "task b", "changed");
    disk.writeRaw(`${dir}/tasks/c.json`, Buffer.from('{"id":"c"}'));
    const store = await open(disk);
    expect((await store.edits()).map(({ verdict, reason }) => [verdict, reason])).toEqual([
      ["conflict", "the file does not say of which version it was made"],
      ["conflict", "the file is of another store (other)"],
      ["refused", "the store has no such task"],
    ]);
    await store.close();
  });
});

describe("an opening that is asked to", () => {
  it("adopts what was edited while no program ran, tells it, and keeps a conflict for later", async () => {
    const disk = await closed();
    edit(disk, "tasks/a.json", "task a", "by hand");
    edit(disk, "tasks/b.json", '"pending"', '"done"');
    let told: readonly TaskEdit[] = [];
    const store = await open(disk, { adopt: { onFound: (edits) => (told = edits) } });
    expect(told.map(({ id, verdict }) => [id, verdict])).toEqual([
      ["a", "adopted"],
      ["b", "refused"],
    ]);
    expect(store.get("a")?.description).toBe("by hand");
    await store.close();
    told = [];
    await (await open(disk, { adopt: { onFound: (edits) => (told = edits) } })).close();
    expect(told.map(({ id }) => id)).toEqual(["b"]);
  });

  it("adopts nothing unasked, and an edit survives the opening and the life that follows", async () => {
    const disk = await closed();
    const text = edit(disk, "tasks/a.json", "task a", "by hand");
    const conflicts: string[] = [];
    const store = await open(disk, {
      on: { "mirror:conflict": ({ quarantined: name }) => conflicts.push(name) },
    });
    expect(store.get("a")?.description).toBe("task a");
    await store.update("a", { status: "waiting" });
    await store.close();
    expect(conflicts).toHaveLength(1);
    expect(textOf(disk, conflicts[0] ?? "")).toBe(text);
  });
});

describe("an adoption that the power cuts short", () => {
  it("is whole or is there to be made again, at whatever call, and the edited file is never lost", async () => {
    const disk = await closed();
    const added = JSON.stringify({ ...entry("three"), timestamp: "2025-01-02T00:00:00.000Z" });
    edit(disk, "tasks/a.json", "\n  ],\n", `,\n    ${added}\n  ],\n`);
    const text = edit(disk, "tasks/a.json", "task a", "by hand");
    const base = disk.snapshotState();
    const work = async (): Promise<void> => {
      await (await open(disk, { adopt: {} })).close();
    };
    const start = disk.callCount;
    await work();
    const calls = disk.callCount - start;
    let crashes = 0;
    for (let call = 1; call <= calls; call++) {
      for (const seed of [0, 1, 2, 3, 4, 5]) {
        disk.restore(base);
        disk.crashAt(disk.callCount + call);
        await Promise.race([work().catch(() => {}), disk.whenCrashed]);
        if (!disk.isCrashed) continue;
        crashes += 1;
        disk.powerCut({ writes: "all", names: "subset", seed });
        const place = `call ${call} of ${calls}, seed ${seed}`;
        const store = await open(disk, { adopt: {} });
        expect(store.recovery.lost, place).toEqual([]);
        expect(store.get("a")?.description, place).toBe("by hand");
        expect(
          store.logs("a").map(({ message }) => message),
          place,
        ).toEqual(["one", "two", "three"]);
        await store.close();
        const kept = quarantined(disk).map((path) => textOf(disk, path.slice(dir.length + 1)));
        expect(kept, place).toContain(text);
      }
    }
    expect(crashes).toBeGreaterThan(100);
  }, 60_000);
});

describe("an edited state.json", () => {
  it("is not believed: the state comes from a backup and the log, that is told, and what was edited is kept", async () => {
    const disk = createSimDisk({ seed: 1 });
    const store = await open(disk);
    await store.create({ id: "a", description: "task a", tool: "T" });
    await store.snapshot();
    await store.update("a", { status: "waiting" });
    await store.close();
    const text = edit(disk, "state.json", "task a", "by hand");
    const again = await open(disk);
    expect(again.get("a")).toMatchObject({ description: "task a", status: "waiting" });
    expect(again.recovery.skipped).toEqual([
      { name: "state.json", reason: expect.stringMatching(/checksum/) as string },
    ]);
    await again.close();
    const kept = quarantined(disk).map((path) => Buffer.from(disk.readRaw(path)).toString("utf8"));
    expect(kept).toContain(text);
  });
});
