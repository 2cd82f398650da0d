/**
 * `taskwal/testing` as users have it: the built package, its README, and nothing of it in a program that runs.
 *
 *     README's example == testing-example.test.ts, which is type-checked and run by the same `pnpm test`
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { codeBlock, repository, textOf } from "./documents.ts";

/** Runs a module where "taskwal" is an installed package, as for any user. */
const run = (code: string): { readonly stdout: string; readonly stderr: string } => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module"], {
    cwd: join(repository, "test"),
    input: code,
    encoding: "utf8",
    timeout: 50_000,
  });
  expect(status, stderr).toBe(0);
  return { stdout, stderr };
};

test("the example of its README is the one that is type-checked and run", () => {
  expect(codeBlock(textOf("packages/testing/README.md"), "ts")).toBe(
    textOf("test/src/testing-example.test.ts"),
  );
});

test("the built package checks the ready task model, with the fast-check that is installed", () => {
  const { stdout } = run(`
    import { taskModel } from "taskwal";
    import { checkModel } from "taskwal/testing";
    console.log(JSON.stringify(await checkModel(taskModel, { seed: 7, runs: 8, commandsMax: 60 })));
  `);
  expect(JSON.parse(stdout)).toMatchObject({ seed: 7, runs: 8 });
});

test("a program that runs loads neither the kit nor fast-check, and the simulated disk needs no fast-check", () => {
  // Asked of every module that is imported, in the order of loading; what is required is in the cache.
  const hooks = `
    import { writeSync } from "node:fs";
    export const load = (url, context, next) => (writeSync(2, "loads " + url + "\\n"), next(url, context));
  `;
  const loadedBy = (specifier: string, code: string): string[] => {
    const { stdout, stderr } = run(`
      import module from "node:module";
      module.register("data:text/javascript," + encodeURIComponent(${JSON.stringify(hooks)}));
      const it = await import("${specifier}");
      ${code}
      console.log(Object.keys(module._cache).join("\\n"));
    `);
    return [
      ...[...stderr.matchAll(/^loads (.*)$/gm)].map(([, url = ""]) => url),
      ...stdout.split("\n"),
    ];
  };
  const isKit = (url: string): boolean =>
    /packages\/testing\/|taskwal\/dist\/testing|fast-check/.test(url);
  const main = loadedBy("taskwal", "");
  expect(main.length).toBeGreaterThan(20);
  expect(main.filter(isKit)).toEqual([]);
  const isWatching = (url: string): boolean =>
    /packages\/telemetry\/|taskwal\/dist\/telemetry|\/debug@|opentelemetry/.test(url);
  expect(main.filter(isWatching)).toEqual([]);
  const watching = loadedBy("taskwal/telemetry", "").filter(isWatching);
  expect(watching.length).toBeGreaterThan(5);
  expect(watching.filter((url) => url.includes("opentelemetry"))).toEqual([]);
  const kit = loadedBy("taskwal/testing", "it.createSimDisk().process();");
  expect(kit.filter(isKit).length).toBeGreaterThan(5);
  const isFastCheck = (url: string): boolean => url.includes("/fast-check@");
  expect(kit.filter(isFastCheck)).toEqual([]);
  const asked = loadedBy("taskwal/testing", 'it.mutationsOf((await import("taskwal")).taskModel);');
  expect(asked.some(isFastCheck)).toBe(true);
});
