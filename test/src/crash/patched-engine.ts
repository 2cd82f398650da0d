/**
 * A copy of the built packages with a bug in it, imported beside the real ones.
 *
 *     packages/<name>/dist ─ copied ─> <tmp>/node_modules/@taskwal/<name> ─ patched ─ import()
 *
 * The rule: the product has no switch for bugs; the copy is the only place where they are.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Engine } from "./note-store.ts";
import type { PlantedBug } from "./planted-bugs.ts";

const packagesDir = fileURLToPath(new URL("../../../packages/", import.meta.url));
const used = ["errors", "format", "disk", "log", "snapshot", "core", "tasks", "taskwal"];

/** What the packages take from outside, linked where a module of the copy looks for it. */
const linkDependencies = (from: string, modules: string): void => {
  if (!existsSync(from)) return;
  for (const name of readdirSync(from)) {
    const target = join(modules, name);
    if (name.startsWith("@") || name.startsWith(".") || existsSync(target)) continue;
    if (used.includes(name)) continue;
    symlinkSync(realpathSync(join(from, name)), target);
  }
};

const copyPackages = (root: string): string => {
  const modules = join(root, "node_modules");
  for (const name of used) {
    const from = join(packagesDir, name);
    const to = name === "taskwal" ? join(modules, name) : join(modules, "@taskwal", name);
    mkdirSync(to, { recursive: true });
    // Tests resolve packages to their sources by this condition; the copy has none.
    const manifest = readFileSync(join(from, "package.json"), "utf8");
    writeFileSync(join(to, "package.json"), manifest.replaceAll("taskwal-source", "no-source"));
    cpSync(join(from, "dist"), join(to, "dist"), { recursive: true });
    linkDependencies(join(from, "node_modules"), modules);
  }
  return modules;
};

const patch = (modules: string, { file, find, put }: PlantedBug["patches"][number]): void => {
  const path = join(modules, "@taskwal", file);
  const text = readFileSync(path, "utf8");
  const count = text.split(find).length - 1;
  if (count !== 1) throw new Error(`${file} has ${count} times, not once: ${find}`);
  writeFileSync(
    path,
    text.replace(find, () => put),
  );
};

/** Imports a copy with these patches; without any, the control. */
export const withPatches = async <T>(
  patches: PlantedBug["patches"],
  work: (engine: Engine) => Promise<T>,
): Promise<T> => {
  const root = mkdtempSync(join(tmpdir(), "taskwal-planted-"));
  try {
    const modules = copyPackages(root);
    for (const one of patches) patch(modules, one);
    const entry = pathToFileURL(join(modules, "taskwal", "dist", "index.js")).href;
    return await work((await import(/* @vite-ignore */ entry)) as Engine);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
};
