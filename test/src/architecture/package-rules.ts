/**
 * Who may import whom.
 *
 *     floor
 *       7                            test/
 *       6                       taskwal
 *       5     agentapi-bridge    adapters    doctor    testing
 *       4                 tasks      replay      telemetry
 *       3                       core
 *       2               log            snapshot
 *       1             format           disk
 *       0                       errors
 *
 * The rule: a package imports lower floors that its own package.json names, all of these and no other;
 * never a sibling, never upwards. Each outside dependency has one door.
 */
import { posix } from "node:path";
import { importsOf, takeApart } from "./source-text.ts";
import { isTest, type PackageTree, type SourceFile, type Tree } from "./tree.ts";

const floors: readonly (readonly string[])[] = [
  ["errors"],
  ["format", "disk"],
  ["log", "snapshot"],
  ["core"],
  ["tasks", "replay", "telemetry"],
  ["agentapi-bridge", "adapters", "doctor", "testing"],
  ["taskwal"],
];

/** The packages that may import a dependency from outside; what is not listed has no door. */
const doors: Readonly<Record<string, readonly string[]>> = {
  "@opentelemetry/api": ["telemetry"],
  cac: ["taskwal"],
  "csv-stringify": ["taskwal"],
  jsep: ["taskwal"],
  ms: ["taskwal"],
  "string-width": ["taskwal"],
  "crc-32": ["format"],
  debug: ["telemetry"],
  eventemitter3: ["core"],
  "fast-check": ["testing"],
  "fast-json-stable-stringify": ["format"],
  "fs-ext": ["disk"],
  zod: ["tasks", "agentapi-bridge", "testing"],
};

/** Built-in modules that reach the disk. */
const diskModules = ["node:fs", "node:fs/promises"];

/**
 * The demo stands outside the engine: it copies directories, damages them, and writes whole files the
 * way that it is compared with.
 */
const isDemo = ({ folder }: PackageTree, { path }: SourceFile): boolean =>
  folder === "taskwal" && path.startsWith("src/demo");

/** A folder of its own in the place for temporary files, made under a name that nobody can foresee, and removed. */
const isTemporaryFolder = ({ folder }: PackageTree, { path }: SourceFile): boolean =>
  folder === "replay" && path === "src/cache-directory.ts";

const nameOf = (folder: string): string => (folder === "taskwal" ? folder : `@taskwal/${folder}`);

const floorOf = (folder: string): number => floors.findIndex((floor) => floor.includes(folder));

/** "zod/v4" is zod, "@taskwal/disk/sim" is @taskwal/disk. */
const packageOf = (specifier: string): string =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");

const isOurs = (name: string): boolean => name === "taskwal" || name.startsWith("@taskwal/");
const isRelative = (specifier: string): boolean => specifier.startsWith(".");
const isBuiltIn = (specifier: string): boolean => specifier.startsWith("node:");

/** What a program that installs a package brings along, such as the tool that a kit for tests needs. */
const broughtTo = ({ manifest }: PackageTree): readonly string[] =>
  Object.keys(manifest.peerDependencies ?? {});

const dependenciesOf = ({ manifest }: PackageTree): readonly string[] =>
  Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies });

const importsOfFile = (file: SourceFile): readonly string[] => importsOf(takeApart(file.text));

const difference = (some: readonly string[], others: readonly string[]): readonly string[] =>
  some.filter((each) => !others.includes(each));

/** Never a sibling, never upwards; and no package that the picture does not have. */
const floorRule = (tree: Tree): readonly string[] =>
  tree.flatMap((each) => {
    const floor = floorOf(each.folder);
    if (floor < 0) return [`${each.folder} stands on no floor`];
    if (each.manifest.name !== nameOf(each.folder)) {
      return [`${each.folder} is called ${each.manifest.name}`];
    }
    const { dependencies, optionalDependencies, devDependencies } = each.manifest;
    return Object.keys({ ...dependencies, ...optionalDependencies, ...devDependencies })
      .filter(isOurs)
      .filter((name) => {
        const other = floorOf(name.replace("@taskwal/", ""));
        return other < 0 || other >= floor;
      })
      .map((name) => `${each.folder} depends on ${name}, which is not on a lower floor`);
  });

/** What package.json names is what the sources import. */
const importRule = (tree: Tree): readonly string[] =>
  tree.flatMap((each) => {
    const declared = [...dependenciesOf(each), ...broughtTo(each)];
    const sources = each.files.filter((file) => !isTest(file));
    const outside = (specifier: string): boolean => !isRelative(specifier) && !isBuiltIn(specifier);
    const used = sources.flatMap(importsOfFile).filter(outside).map(packageOf);
    const undeclared = sources.flatMap((file) =>
      difference(importsOfFile(file).filter(outside).map(packageOf), declared).map(
        (name) =>
          `${each.folder}/${file.path} imports ${name}, which its package.json does not name`,
      ),
    );
    // A package also names what one that it depends on wants brought: else a strict installer gives it none.
    const handedOn = tree
      .filter(({ manifest }) => dependenciesOf(each).includes(manifest.name))
      .flatMap(broughtTo);
    const unused = [
      ...difference(dependenciesOf(each), used),
      ...difference(broughtTo(each), [...used, ...handedOn]),
    ];
    return [
      ...undeclared,
      ...difference(handedOn, declared).map(
        (name) =>
          `${each.folder} does not hand ${name} on, which a package that it names is brought`,
      ),
      ...unused.map((name) => `${each.folder} names ${name} and never imports it`),
    ];
  });

/** A package is entered by its exports only, never by a path into it; tests may reach the fixtures. */
const pathRule = (tree: Tree): readonly string[] =>
  tree.flatMap((each) =>
    each.files
      .filter((file) => !isTest(file))
      .flatMap((file) =>
        importsOfFile(file)
          .filter((specifier) =>
            isRelative(specifier)
              ? leavesPackage(file, specifier)
              : isOurs(packageOf(specifier)) && !isExported(tree, specifier),
          )
          .map((specifier) => `${each.folder}/${file.path} goes around the exports: ${specifier}`),
      ),
  );

const leavesPackage = ({ path }: SourceFile, specifier: string): boolean =>
  posix.join(posix.dirname(path), specifier).startsWith("..");

const isExported = (tree: Tree, specifier: string): boolean => {
  const name = packageOf(specifier);
  const target = tree.find(({ manifest }) => manifest.name === name);
  return target?.manifest.exports?.[`.${specifier.slice(name.length)}`] !== undefined;
};

/** One door per dependency, and in it one file where the door is narrow. */
const doorRule = (tree: Tree): readonly string[] =>
  tree.flatMap((each) =>
    each.files
      .filter((file) => !isTest(file))
      .flatMap((file) =>
        importsOfFile(file)
          .filter((specifier) => !isRelative(specifier) && !isOurs(packageOf(specifier)))
          .filter((specifier) =>
            isBuiltIn(specifier)
              ? diskModules.includes(specifier) &&
                each.folder !== "disk" &&
                !isDemo(each, file) &&
                !isTemporaryFolder(each, file)
              : !doors[packageOf(specifier)]?.includes(each.folder),
          )
          .map((specifier) => `${each.folder}/${file.path} is no door to ${specifier}`),
      ),
  );

const referenceRule = (tree: Tree): readonly string[] =>
  tree.flatMap((each) => {
    const wanted = dependenciesOf(each)
      .filter(isOurs)
      .map((name) => name.replace("@taskwal/", ""));
    return [
      ...difference(wanted, each.references).map(
        (one) => `${each.folder}/tsconfig.json lacks ${one}`,
      ),
      ...difference(each.references, wanted).map(
        (one) => `${each.folder}/tsconfig.json refers to ${one}, which package.json does not name`,
      ),
    ];
  });

/** What only those load who ask for it: a package, and the file of taskwal that is the door to it. */
const asides: readonly { folder: string; what: string; askedBy: readonly string[] }[] = [
  { folder: "testing", what: "the kit for tests", askedBy: [] },
  // The drop-in promises DEBUG=persistence:* to programs that ask for nothing.
  { folder: "telemetry", what: "what watches a store", askedBy: ["adapters"] },
];

/** A program that runs loads nothing of it unasked: the door to it is a file that nothing imports. */
const asideRule = (tree: Tree): readonly string[] =>
  asides.flatMap(({ folder, what, askedBy }) => {
    const isIt = (specifier: string): boolean =>
      packageOf(specifier) === `@taskwal/${folder}` || specifier === `taskwal/${folder}`;
    const door = new RegExp(`(^|/)${folder}\\.[jt]s$`);
    return tree.flatMap((each) => {
      if (askedBy.includes(each.folder)) return [];
      const isTaskwal = each.folder === "taskwal";
      return each.files
        .filter((file) => !isTest(file) && !(isTaskwal && file.path === `src/${folder}.ts`))
        .flatMap(importsOfFileIn(each))
        .filter(({ specifier }) => isIt(specifier) || (isTaskwal && door.test(specifier)))
        .map(({ path, specifier }) => `${path} loads ${what}: ${specifier}`);
    });
  });

const importsOfFileIn =
  ({ folder }: PackageTree) =>
  (file: SourceFile): readonly { readonly path: string; readonly specifier: string }[] =>
    importsOfFile(file).map((specifier) => ({ path: `${folder}/${file.path}`, specifier }));

/** "." is index.ts, "./sim" is sim.ts: the same file as source, as types and as code. */
const exportRule = (tree: Tree): readonly string[] =>
  tree.flatMap(({ folder, manifest, files }) =>
    Object.entries(manifest.exports ?? {})
      .filter(([subpath]) => subpath !== "./package.json")
      .filter(([subpath, targets]) => {
        const name = subpath === "." ? "index" : subpath.slice(2);
        const wanted = {
          "taskwal-source": `./src/${name}.ts`,
          types: `./dist/${name}.d.ts`,
          default: `./dist/${name}.js`,
        };
        return (
          JSON.stringify(targets) !== JSON.stringify(wanted) ||
          !files.some(({ path }) => path === `src/${name}.ts`)
        );
      })
      .map(([subpath]) => `${folder} exports ${subpath} from a file of another name`),
  );

/** Complaints, each one sentence; none if the tree is the picture. */
export const packageComplaints = (tree: Tree): readonly string[] =>
  [floorRule, importRule, pathRule, doorRule, asideRule, referenceRule, exportRule].flatMap(
    (rule) => rule(tree),
  );
