/** The documents of this repository as texts, and their parts, for the tests that keep them true. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const repository = fileURLToPath(new URL("../../", import.meta.url));

/** A file's text, by its path in the repository. */
export const textOf = (path: string): string => readFileSync(join(repository, path), "utf8");

/** The first fenced block of that language, without its fences. */
export const codeBlock = (text: string, language: string): string => {
  const found = new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(text)?.[1];
  if (found === undefined) throw new Error(`no block of ${language}`);
  return found;
};

/** The text from one heading to the next of the same level or a higher one. */
export const section = (text: string, heading: string): string => {
  const level = /^#+/.exec(heading)?.[0].length ?? 1;
  const start = text.indexOf(`\n${heading}\n`);
  if (start < 0) throw new Error(`no section "${heading}"`);
  const rest = text.slice(start + heading.length + 2);
  const end = new RegExp(`^#{1,${level}} `, "m").exec(rest)?.index;
  return rest.slice(0, end);
};

const isRule = (line: string | undefined): boolean => /^\|[\s|:-]+\|$/.test(line ?? "");

/** The cells of every row of the tables in a text, headings left out. */
export const tableRows = (text: string): string[][] => {
  const lines = text.split("\n").filter((line) => line.startsWith("|"));
  return lines
    .filter((line, index) => !isRule(line) && !isRule(lines[index + 1]))
    .map((line) =>
      line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim()),
    );
};

/** What stands in backquotes. */
export const codeSpans = (text: string): string[] =>
  [...text.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);

const skipped = new Set(["node_modules", "dist", "fixtures", ".git"]);

/** Paths of all Markdown files, relative to the repository. */
export const markdownFiles = (folder = repository): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (skipped.has(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return markdownFiles(path);
    return entry.name.endsWith(".md") ? [relative(repository, path)] : [];
  });
