/**
 * `DEBUG=persistence:*` turns detailed logging on, and `taskwal` alone loads nothing of what watches a store.
 *
 * The rule: a real process, the built package, and what it wrote to stderr.
 */
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repository } from "./documents.ts";

const program = `
  import { createSimDisk } from "taskwal/testing";
  import { openTaskStore } from "taskwal";
  import { debugLogger } from "taskwal/telemetry";
  const store = await openTaskStore({ dir: "/state", disk: createSimDisk().process(), autosaveMs: Infinity });
  debugLogger(store);
  await store.create({ id: "a\\nb\\u001b[2J", description: "a secret", tool: "t" });
  await store.snapshot();
  await store.close();
  console.log("done");
`;

/** Runs it where "taskwal" is an installed package, as for any user. Returns the lines on stderr. */
const linesUnder = (debug: string | undefined, input = program): string[] => {
  const { DEBUG: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module"], {
    cwd: join(repository, "test"),
    input,
    encoding: "utf8",
    env: debug === undefined ? env : { ...env, DEBUG: debug, DEBUG_HIDE_DATE: "yes" },
    timeout: 50_000,
  });
  expect([status, stdout], stderr).toEqual([0, "done\n"]);
  return stderr.split("\n").filter((line) => line !== "");
};

const namespacesOf = (lines: readonly string[]): string[] => [
  ...new Set(lines.map((line) => /persistence:\w+/.exec(line)?.[0] ?? line)),
];

test("DEBUG=persistence:* writes a line for each thing that happens, the opening and the close included", () => {
  const lines = linesUnder("persistence:*");
  const said = (namespace: string): string[] =>
    lines.filter((line) => line.includes(`persistence:${namespace} `));
  expect(said("recovered")[0]).toContain('"before":"new"');
  expect(said("mutation")[0]).toMatch(
    /"type":"task.created","collection":"tasks","id":"[^ ]*","version":1,"sequence":\d+/,
  );
  expect(said("state")[0]).toMatch(/ saved \{"sequence":\d+,"sizeBytes":\d+,"durationMs":[\d.]+\}/);
  expect(said("log").length).toBeGreaterThan(0);
  expect(lines.at(-1)).toContain("persistence:closed {}");
});

test("an id with a line break or a terminal's command is one harmless line, and no word of the payload is written", () => {
  const lines = linesUnder("persistence:*");
  const mutations = lines.filter((line) => line.includes("persistence:mutation"));
  expect(mutations.length).toBe(1);
  expect(mutations[0]).toContain(String.raw`"id":"a\nb\u001b[2J"`);
  expect(lines.join("\n")).not.toContain("secret");
});

test("DEBUG chooses by the first word of an event, and nothing is written unless it is asked for", () => {
  expect(namespacesOf(linesUnder("persistence:state"))).toEqual(["persistence:state"]);
  const quiet = namespacesOf(linesUnder("persistence:*,-persistence:log"));
  expect(quiet).toContain("persistence:mutation");
  expect(quiet).not.toContain("persistence:log");
  expect(linesUnder("express:*")).toEqual([]);
  expect(linesUnder(undefined)).toEqual([]);
});

test("DEBUG=persistence:* turns detailed logging on in an orchestrator that has the drop-in and knows nothing of it", () => {
  const lines = linesUnder(
    "persistence:*",
    `
    import { mkdtempSync, rmSync } from "node:fs";
    import { StatePersistence } from "@taskwal/adapters/state-persistence";
    const basePath = mkdtempSync("${tmpdir()}/taskwal-debug-");
    const persistence = StatePersistence.getInstance({ basePath });
    const at = new Date().toISOString();
    await persistence.saveTask({ id: "a", description: "a secret", tool: "t", status: "pending", created_at: at, updated_at: at, logs: [] });
    await persistence.shutdown();
    rmSync(basePath, { recursive: true });
    console.log("done");
  `,
  );
  const text = lines.join("\n");
  expect(text).toContain("persistence:recovered");
  expect(text).toMatch(/persistence:mutation .*"type":"task.\w+","collection":"tasks","id":"a"/);
  expect(lines.at(-1)).toContain("persistence:closed {}");
  expect(text).not.toContain("secret");
});
