/**
 * The words of a reading verb, as they were written: which directory, which options.
 *
 *     -C DIR ─ else the last word, if the verb's own words leave one over ─ else $STATE_PATH ─ else ./coding-agent-state
 *
 * The rule: an id is a word, also where it looks like a number: 007 is not 7. (cac would make it one.)
 */
import { openNodeDisk } from "@taskwal/disk";
import type { CAC } from "cac";
import { UsageError } from "../usage-error.ts";

export interface Words {
  /** Throws UsageError if it was given several times. */
  readonly one: (name: string) => string | undefined;
  readonly all: (name: string) => readonly string[];
  readonly flag: (name: string) => boolean;
  /** Whether `--no-<name>` was given. */
  readonly isOff: (name: string) => boolean;
}

export const readingFlags = (cli: CAC, options: Readonly<Record<string, unknown>>): Words => {
  const all = (name: string): readonly string[] => {
    if (options[name] === undefined) return [];
    const names = cli.matchedCommand?.hasOption(name)?.names ?? [name];
    return exactWords(
      cli.rawArgs,
      names.map((each) => (each.length === 1 ? `-${each}` : `--${each}`)),
    );
  };
  return {
    all,
    one: (name) => {
      const [word, more] = all(name);
      if (more !== undefined) throw new UsageError(`--${name} was given twice`);
      return word;
    },
    flag: (name) => options[name] === true,
    isOff: (name) => options[name] === false,
  };
};

const exactWords = (args: readonly string[], flags: readonly string[]): string[] => {
  const until = args.indexOf("--");
  const own = until < 0 ? args : args.slice(0, until);
  return own.flatMap((arg, index) => {
    if (flags.includes(arg)) return own[index + 1] ?? [];
    const flag = flags.find((each) => arg.startsWith(`${each}=`));
    return flag === undefined ? [] : arg.slice(flag.length + 1);
  });
};

/** What is left of the words is the verb's own, at most `own`. Throws UsageError if there are more. */
export const separateDirectory = async (
  words: readonly string[],
  flag: string | undefined,
  own: { readonly most: number; readonly least: number },
): Promise<{ readonly dir: string; readonly rest: readonly string[] }> => {
  const last = words.at(-1);
  const isOver = flag === undefined && words.length > own.most;
  const isDirectory =
    flag === undefined && last !== undefined && words.length > own.least && (await exists(last));
  const named = isOver || isDirectory ? last : undefined;
  const rest = named === undefined ? words : words.slice(0, -1);
  if (rest.length > own.most) throw new UsageError(`"${rest.at(-1) ?? ""}" is one word too many`);
  const dir = flag ?? named ?? (process.env["STATE_PATH"] || "./coding-agent-state");
  return { dir, rest };
};

const exists = async (dir: string): Promise<boolean> => {
  try {
    await (await openNodeDisk().openDirectory(dir)).close();
    return true;
  } catch {
    return false;
  }
};

/** Throws UsageError for what is no number from 0 on. */
export const wholeNumber = (word: string | undefined, flag: string): number | undefined => {
  if (word === undefined) return undefined;
  if (!/^\d{1,15}$/.test(word)) throw new UsageError(`${flag} takes a number, not "${word}"`);
  return Number(word);
};
