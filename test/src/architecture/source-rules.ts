/**
 * What no source file does, whatever it is about.
 *
 *     all          no `export *`, no default export, no console, no TODO, names that say something, <= 350 lines
 *     not tests    a header comment that says what the module is
 *     pure         no clock and no randomness of their own: replay must give the same on every machine
 *
 * The rule: a rule here has no exceptions list; what deserves an exception deserves another rule.
 */
import { takeApart, type SourceText } from "./source-text.ts";
import { isTest, type SourceFile, type Tree } from "./tree.ts";

const linesMax = 350;
const pureFolders = ["errors", "format", "log", "snapshot", "core"];
const emptyNames = /(^|[-/])(utils?|helpers?|managers?|services?|misc|common|shared)([-./]|$)/;

interface Rule {
  readonly says: string;
  /** Where it holds. Default: everywhere. */
  readonly holdsIn?: (folder: string, file: SourceFile) => boolean;
  readonly breaks: (source: SourceText, file: SourceFile) => boolean;
}

const pure = (folder: string, file: SourceFile): boolean =>
  pureFolders.includes(folder) && !isTest(file);

const rules: readonly Rule[] = [
  { says: "has an export *", breaks: ({ bare }) => /\bexport\s*(type\s*)?\*/.test(bare) },
  {
    says: "has a default export",
    breaks: ({ bare }) => /\bexport\s+default\b|\bas\s+default\b/.test(bare),
  },
  { says: "writes to the console", breaks: ({ bare }) => /\bconsole\s*[.[]/.test(bare) },
  {
    says: "holds a note of work undone",
    breaks: ({ comments }) => comments.some((each) => /\b(TODO|FIXME|XXX|HACK)\b/.test(each)),
  },
  { says: "has a name that says nothing", breaks: (_, { path }) => emptyNames.test(path) },
  {
    says: `has more than ${linesMax} lines`,
    breaks: (_, { text }) => text.trimEnd().split("\n").length > linesMax,
  },
  {
    says: "does not begin with a comment that says what it is",
    holdsIn: (_, file) => !isTest(file),
    breaks: (_, { text }) => !/^(#!.*\n)?\/\*\*/.test(text),
  },
  {
    says: "reads a clock",
    holdsIn: pure,
    breaks: ({ bare }) =>
      /\bDate\s*\.\s*now\b|\bnew\s+Date\s*(\(\s*\)|[;,\n])|\bDate\s*\(\s*\)|\bperformance\s*\.|\bhrtime\b/.test(
        bare,
      ),
  },
  {
    says: "makes its own randomness",
    holdsIn: pure,
    breaks: ({ bare }) =>
      /\bMath\s*\.\s*random\b|\brandomUUID\b|\bgetRandomValues\b|(?<!\.)\brandomBytes\s*\(/.test(
        bare,
      ),
  },
];

/** Complaints, each one sentence; none if all is well. */
export const sourceComplaints = (tree: Tree): readonly string[] =>
  tree.flatMap(({ folder, files }) =>
    files.flatMap((file) => {
      const source = takeApart(file.text);
      return rules
        .filter(({ holdsIn }) => holdsIn?.(folder, file) ?? true)
        .filter(({ breaks }) => breaks(source, file))
        .map(({ says }) => `${folder}/${file.path} ${says}`);
    }),
  );
