/**
 * A copy of HEAD in a temporary folder, in which a bug can be planted and tests can be run.
 *
 *     git clone ─ node_modules: links to the packages of others, and workspace links that stay inside
 *
 * The rule: nothing in the copy resolves to the sources of the tree that it was made from (`assertApart`),
 * so a mutant is what the tests see, and nothing in that tree is ever changed.
 */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
} from "node:fs";
import { realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const git = (root, ...args) => execFileSync("git", ["-C", root, ...args], { encoding: "utf8" });

export const commitOf = (root) => git(root, "rev-parse", "--short", "HEAD").trim();

/** A clone in a temporary folder, in which nothing is installed; returns its folder. */
export const cloneOf = (root) => {
  const copy = realpathSync(mkdtempSync(join(tmpdir(), "taskwal-mutants-")));
  // Some tests run as another user, who must be able to read what they run.
  chmodSync(copy, 0o755);
  git(root, "clone", "--quiet", "--local", root, copy);
  return copy;
};

/** Makes the copy and returns its folder. */
export const makeCopy = (root) => {
  const copy = cloneOf(root);
  linkRootModules(root, copy);
  for (const workspace of workspacesOf(copy)) {
    const modules = join(root, workspace, "node_modules");
    // Only links are in there, relative ones: they lead to the copy's packages and modules.
    if (existsSync(modules)) {
      cpSync(modules, join(copy, workspace, "node_modules"), {
        recursive: true,
        verbatimSymlinks: true,
      });
    }
  }
  assertApart(root, copy);
  return copy;
};

/** A folder of its own, so that caches of tools stay in the copy. */
const linkRootModules = (root, copy) => {
  const from = join(root, "node_modules");
  const to = join(copy, "node_modules");
  mkdirSync(to);
  for (const name of readdirSync(from)) {
    if (!name.startsWith(".") || name === ".pnpm" || name === ".bin") {
      symlinkSync(join(from, name), join(to, name));
    }
  }
};

const workspacesOf = (copy) => [
  ...readdirSync(join(copy, "packages")).map((name) => join("packages", name)),
  "test",
];

const assertApart = (root, copy) => {
  for (const workspace of workspacesOf(copy)) {
    for (const scope of ["", "@taskwal"]) {
      const folder = join(copy, workspace, "node_modules", scope);
      if (!existsSync(folder)) continue;
      for (const name of readdirSync(folder)) {
        // A package that is not committed yet is not in the copy: nothing there can need it.
        if (name.startsWith(".") || !existsSync(join(folder, name))) continue;
        const path = realpathSync(join(folder, name));
        if (path.startsWith(join(root, "packages"))) {
          throw new Error(`${join(folder, name)} leads out of the copy, to ${path}`);
        }
      }
    }
  }
};

/** Plants a mutant and returns the function that takes it out. Throws if it does not fit the source. */
export const plant = (copy, { name, file, find, replace }) => {
  const path = join(copy, file);
  const source = readFileSync(path, "utf8");
  const count = source.split(find).length - 1;
  if (count !== 1) throw new Error(`${name}: its text stands ${count} times in ${file}`);
  writeFileSync(
    path,
    source.replace(find, () => replace),
  );
  return () => writeFileSync(path, source);
};
