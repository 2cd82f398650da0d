/**
 * TypeScript source apart: its comments, its code without them, and what it imports.
 *
 *     text ──> comments   what people read: no TODO there
 *          └─> code       comments blanked, strings kept, lines where they were
 *                └─> bare   the words inside strings blanked too: what runs
 *
 * The rule: enough of a scanner for our own sources, not a parser. What stands in `${}` of a template
 * runs, so it stays in `bare`.
 */

const commentSource = String.raw`\/\*[\s\S]*?\*\/|\/\/[^\n]*`;
const textSource = String.raw`"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|` + "`(?:\\\\.|[^`\\\\])*`";
// A slash begins a regular expression only where no value stands before it.
const patternSource = String.raw`(?<=[=(,:;!&|?{}[\n]\s*)\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*`;
const token = new RegExp(
  `(?<comment>${commentSource})|(?<text>${textSource})|(?<pattern>${patternSource})`,
  "g",
);

const blank = (piece: string): string => piece.replaceAll(/[^\n]/g, " ");

/** A string without its words: of a template, only what it computes is left. */
const silent = (piece: string): string =>
  piece.startsWith("`")
    ? piece.replaceAll(/\$\{[^}]*\}|[^$]|\$/g, (part) =>
        part.startsWith("${") ? part : blank(part),
      )
    : blank(piece);

export interface SourceText {
  readonly comments: readonly string[];
  readonly code: string;
  readonly bare: string;
}

type Groups = Readonly<Record<"comment" | "text" | "pattern", string | undefined>>;

const replaceTokens = (source: string, change: (groups: Groups, piece: string) => string): string =>
  source.replace(token, (piece, ...rest) => change(rest.at(-1) as Groups, piece));

/** Sources already taken apart: the rules look at the same ones again and again. */
const known = new Map<string, SourceText>();

export const takeApart = (source: string): SourceText => {
  const before = known.get(source);
  if (before) return before;
  const comments: string[] = [];
  const code = replaceTokens(source, ({ comment: found }, piece) => {
    if (found === undefined) return piece;
    comments.push(found);
    return blank(piece);
  });
  const bare = replaceTokens(code, ({ text: found }, piece) =>
    found === undefined ? piece : silent(piece),
  );
  const apart = { comments, code, bare };
  known.set(source, apart);
  return apart;
};

const specifier = [
  // A string may end with the word: ["--from", "--to"].
  /(?<![-"])\bfrom\s*"([^"\n]+)"/g,
  /\bimport\s*"([^"\n]+)"/g,
  /\bimport\s*\(\s*["'`]([^"'`\n]+)["'`]/g,
  /\bimport\s*type\b[^;]*?\bfrom\s*"([^"\n]+)"/g,
  /\brequire(?:\.resolve)?\s*\(\s*["'`]([^"'`\n]+)["'`]/g,
  /\bcreateRequire\([^)]*\)\s*\(\s*["'`]([^"'`\n]+)["'`]/g,
  /\bgetBuiltinModule\s*\(\s*["'`]([^"'`\n]+)["'`]/g,
];

/** The specifiers that code names: static, type-only, dynamic, `require`, built-in. Each once, in order. */
export const importsOf = ({ code }: Pick<SourceText, "code">): readonly string[] => [
  ...new Set(specifier.flatMap((each) => [...code.matchAll(each)].map(([, name = ""]) => name))),
];
