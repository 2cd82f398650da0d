/**
 * docs/health.md says what is: its fields, reasons, alarms and metrics are the program's, and its example runs.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createSimDisk } from "@taskwal/disk/sim";
import { prometheusText } from "taskwal/telemetry";
import { expect, onTestFinished, test } from "vitest";
import { codeBlock, codeSpans, repository, section, tableRows, textOf } from "./documents.ts";
import { openNotes } from "./world/note-model.ts";
import { scratchDirectories } from "./world/scratch.ts";

const document = textOf("docs/health.md");
const scratch = scratchDirectories();

/** What stands in the first column of the tables of a section. */
const firstColumn = (heading: string): string[] =>
  tableRows(section(document, heading)).flatMap(([name = ""]) => codeSpans(name));

const withSnapshot = async () => {
  const store = await openNotes(createSimDisk({ capacityBytes: 1024 ** 3 }).process());
  await store.notes.mutate("a", "note.created", { text: "a" });
  await store.snapshot();
  return store;
};

/** A value that is told as a whole in one row. */
const whole = new Set(["directory.usage", "saves.last", "log.poisoned"]);

const fieldsOf = (value: object, under = ""): string[] =>
  Object.entries(value).flatMap(([key, field]: [string, unknown]) => {
    const name = `${under}${key}`;
    const isGroup = typeof field === "object" && field !== null && !Array.isArray(field);
    return isGroup && !whole.has(name) ? fieldsOf(field, `${name}.`) : [name];
  });

test("it lists every field of health(), every reason and its status, and every field of telemetry()", async () => {
  const store = await withSnapshot();
  const fields = fieldsOf(await store.health());
  expect(fields.length).toBeGreaterThan(20);
  const rows = firstColumn("## Health");
  expect(rows.slice(0, fields.length)).toEqual(fields);
  expect(firstColumn("## Telemetry")).toEqual(Object.keys(store.telemetry()));
  await store.close();

  const source = textOf("packages/core/src/health.ts");
  const [, failed = "", degraded = ""] = source.split(/const (?:failed|degraded): readonly/);
  const codesIn = (text: string): string[] =>
    [...text.matchAll(/["`]([a-z]+(?:-[a-z]+)*): /g)].map(([, code = ""]) => code);
  const told = tableRows(section(document, "## Health"))
    .slice(fields.length)
    .map(([code = "", status]) => [codeSpans(code)[0], status]);
  expect(told).toEqual([
    ...codesIn(failed).map((code) => [code, "failed"]),
    ...codesIn(degraded).map((code) => [code, "degraded"]),
  ]);
});

test("it lists every metric with its type and its labels", async () => {
  const store = await withSnapshot();
  const text = prometheusText(store.telemetry(), await store.health());
  await store.close();
  const labelsOf = (name: string): string[] => {
    const sample = new RegExp(`^${name}\\{(\\w+)="`, "m").exec(text)?.[1];
    return sample === undefined ? [] : [sample];
  };
  const published = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name = "", type]) => [
    name,
    type,
    labelsOf(name),
  ]);
  const listed = tableRows(section(document, "## Metrics")).map(
    ([name = "", type, labels = ""]) => [codeSpans(name)[0], type, codeSpans(labels)],
  );
  expect(listed).toEqual(published);
});

test("its alarms are events, and its thresholds are the program's", () => {
  const events = textOf("docs/events.md");
  for (const name of firstColumn("## Alarms")) expect(events).toContain(`| \`${name}\` |`);
  const source = textOf("packages/core/src/alarms.ts");
  expect(source).toContain("saveFailuresMax = 3;");
  expect(source).toContain("Math.min(1024 ** 3, Math.floor(totalBytes / 20))");
  expect(textOf("packages/core/src/hysteresis.ts")).toContain("overFactor = 1.25;");
  expect(textOf("packages/core/src/directory-usage.ts")).toContain("askedMax = 256;");
});

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
};

test("its example runs as printed: health and metrics over HTTP, lines for DEBUG", async () => {
  const port = await freePort();
  const child = spawn(process.execPath, ["--input-type=module"], {
    // Where "taskwal" is an installed package, as for any user.
    cwd: join(repository, "test"),
    env: {
      ...process.env,
      STATE_PATH: join(scratch(), "state"),
      PORT: String(port),
      DEBUG: "persistence:*",
    },
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let stderr = "";
  child.stderr.on("data", (bytes) => (stderr += String(bytes)));
  child.stdin.end(codeBlock(document, "js"));
  const ask = async (path: string): Promise<Response> => {
    for (;;) {
      try {
        return await fetch(`http://127.0.0.1:${port}${path}`);
      } catch (error) {
        // It is not listening yet.
        if (child.exitCode !== null) throw new Error(stderr, { cause: error });
        await delay(20);
      }
    }
  };
  const health = await ask("/");
  expect(health.status).toBe(200);
  expect(await health.json()).toEqual({
    status: expect.stringMatching(/ok|degraded/),
    reasons: expect.any(Array),
  });
  const metrics = await ask("/metrics");
  expect(metrics.headers.get("content-type")).toBe("text/plain; version=0.0.4");
  expect(await metrics.text()).toContain("# TYPE taskwal_status gauge\n");
  expect(stderr).toContain("persistence:recovered");
});
