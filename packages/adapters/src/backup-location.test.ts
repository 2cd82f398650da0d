import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import { CorruptError, DiskFailedError } from "@taskwal/errors";
import { expect, test } from "vitest";
import { backupPath, basePath, host, idsAt, task } from "./sample-host.test.ts";

/** The state is away: "home" at basePath, and "away" at the backup location. */
const leaveAway = async (): Promise<SimDisk> => {
  const sim = createSimDisk({ realTurns: true });
  const first = host(sim);
  await first.persistence.saveTask(task("home"));
  await first.persistence.shutdown();
  const repair = refuse(sim, "/state/");
  const away = host(sim, { backupPath });
  await away.persistence.saveTask(task("away"));
  await away.persistence.shutdown();
  repair();
  return sim;
};

const refuse = (sim: SimDisk, folder: string) =>
  sim.fail(({ kind, path }) => kind === "create" && path.startsWith(folder), "EROFS", {
    times: "forever",
  });

const filesIn = (sim: SimDisk, folder: string): ReadonlyMap<string, string> =>
  new Map(
    sim
      .listRaw()
      .filter((path) => path.startsWith(`${folder}/`))
      .map((path) => [path, Buffer.from(sim.readRaw(path)).toString("latin1")]),
  );

test("a backup location that cannot be read is told, left as it is, and keeps nobody from what is at home", async () => {
  const sim = await leaveAway();
  // No snapshot, and a log that begins above 1: there is nothing to start from.
  for (const path of filesIn(sim, backupPath).keys()) {
    if (/state\.[^/]*json$|0000000001-[0-9]+\.jsonl$/.test(path)) sim.removeRaw(path);
  }
  const before = filesIn(sim, backupPath);
  expect([...before.keys()].some((path) => path.endsWith("HEAD"))).toBe(true);
  const next = host(sim, { backupPath });
  await next.persistence.ready;
  expect((await next.persistence.loadTasks()).map(({ id }) => id)).toEqual(["home"]);
  const failed = next.told.filter(([name]) => name === "backup-location:failed");
  expect(failed).toEqual([
    ["backup-location:failed", { path: backupPath, error: expect.any(CorruptError) }],
  ]);
  expect(filesIn(sim, backupPath)).toEqual(before);
  await next.persistence.saveTask(task("on"));
  await next.persistence.shutdown();
  expect(await idsAt(sim, basePath)).toEqual(["home", "on"]);
});

test("a backup location that is not there yet is no failure", async () => {
  const { persistence, heard } = host(undefined, { backupPath });
  await persistence.saveTask(task("a"));
  await persistence.shutdown();
  expect(heard()).not.toContain("backup-location:failed");
  expect(heard()).not.toContain("state:save-error");
});

test("what was lost at the backup location is told, and the rest of it comes home", async () => {
  const sim = await leaveAway();
  for (const path of filesIn(sim, backupPath).keys()) {
    if (/state\.[^/]*json$/.test(path)) sim.removeRaw(path);
    if (!path.endsWith(".jsonl")) continue;
    const text = Buffer.from(sim.readRaw(path)).toString();
    // The record of "home" that was brought along: it stands at home as well.
    sim.writeRaw(path, Buffer.from(text.replace(/("id":"home")/, '"id":"hole"')));
  }
  const next = host(sim, { backupPath });
  await next.persistence.ready;
  const reports = next.told.filter(([name]) => name === "state:corruption");
  expect(reports).toEqual([["state:corruption", expect.objectContaining({ dir: backupPath })]]);
  const ids = (await next.persistence.loadTasks()).map(({ id }) => id);
  expect(ids.toSorted()).toEqual(["away", "home"]);
  await next.persistence.shutdown();
});

test("where neither place can be written, calls are refused for the first, and the second is told", async () => {
  const sim = createSimDisk({ realTurns: true });
  const repairs = [refuse(sim, "/state/"), refuse(sim, `${backupPath}/`)];
  const { persistence, told } = host(sim, { backupPath });
  const refusal = await persistence.saveTask(task("a")).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(DiskFailedError);
  expect((refusal as DiskFailedError).path).toBe(basePath);
  expect(told.find(([name]) => name === "backup-location:failed")?.[1]).toMatchObject({
    path: backupPath,
    error: { errno: "EROFS", path: backupPath },
  });
  for (const repair of repairs) repair();
  sim.clock.advance(2_000);
  await persistence.saveTask(task("b"));
  await persistence.shutdown();
  expect(await idsAt(sim, basePath)).toEqual(["b"]);
});

test("a home that fails while tasks are brought to it is not left for the backup location", async () => {
  const sim = await leaveAway();
  const next = host(sim, { backupPath });
  // The opening writes twice, then comes what is brought.
  let writes = 0;
  const repair = sim.fail(({ kind, path }) => {
    const isRecord = kind === "write" && path.startsWith("/state/wal/0");
    return isRecord && ++writes > 2;
  }, "ENOSPC");
  await next.persistence.ready;
  repair();
  expect(next.heard()).toContain("state:save-error");
  expect(next.heard()).not.toContain("backup-location:used");
  await next.persistence.saveTask(task("on"));
  await next.persistence.shutdown();
  expect(await idsAt(sim, basePath)).toContain("on");
  const last = host(sim, { backupPath });
  expect((await last.persistence.loadTasks()).map(({ id }) => id).toSorted()).toEqual([
    "away",
    "home",
    "on",
  ]);
  await last.persistence.shutdown();
});
