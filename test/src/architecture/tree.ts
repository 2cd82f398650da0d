/**
 * The packages as the rules look at them: manifests, references and sources, read once.
 *
 *     packages/<folder>/{package.json, tsconfig.json, src/*.ts} ──> Tree ──> rules ──> complaints
 *
 * The rule: a tree is a plain value, so a test can plant a mistake in one and see it reported.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

type Names = Readonly<Record<string, string>>;

export interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly dependencies?: Names;
  readonly optionalDependencies?: Names;
  readonly devDependencies?: Names;
  readonly peerDependencies?: Names;
  readonly exports?: Readonly<Record<string, string | Names>>;
}

export interface SourceFile {
  /** Below the package: "src/store.ts". */
  readonly path: string;
  readonly text: string;
}

export interface PackageTree {
  /** Below packages/: "core". */
  readonly folder: string;
  readonly manifest: Manifest;
  /** The folders that its tsconfig.json refers to. */
  readonly references: readonly string[];
  readonly files: readonly SourceFile[];
}

export type Tree = readonly PackageTree[];

interface TsConfig {
  readonly references?: readonly { readonly path: string }[];
}

const readJson = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));

const readPackage = (packages: string, folder: string): PackageTree => {
  const at = join(packages, folder);
  const { references = [] } = readJson(join(at, "tsconfig.json")) as TsConfig;
  const sources = readdirSync(join(at, "src"), { recursive: true, encoding: "utf8" });
  return {
    folder,
    manifest: readJson(join(at, "package.json")) as Manifest,
    references: references.map(({ path }) => path.replace(/^\.\.\//, "")),
    files: sources
      .filter((name) => name.endsWith(".ts"))
      .map((name) => ({ path: `src/${name}`, text: readFileSync(join(at, "src", name), "utf8") })),
  };
};

export const readTree = (root: string): Tree => {
  const packages = join(root, "packages");
  return readdirSync(packages)
    .filter((folder) => existsSync(join(packages, folder, "package.json")))
    .map((folder) => readPackage(packages, folder));
};

export const isTest = ({ path }: SourceFile): boolean => path.endsWith(".test.ts");
