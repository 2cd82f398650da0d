/**
 * Names under which programs leave what they were writing, or what a file was before.
 *
 *     state.json.tmp   .tasks.json.tmp   a.json.3141592653       temporary: to be renamed when it is whole
 *     .a.json.new_1700000000000_x.tmp
 *     a.json.bak   .claude.json.backup   a.json.corrupted.17…    a copy
 *
 * The rule: such a file is judged as the file would be that it is named after.
 */

export interface Leftover {
  /** The path of the file that it is named after. */
  readonly of: string;
  readonly kind: "temporary" | "copy";
}

export const leftoverOf = (path: string): Leftover | undefined => {
  const [, of, rest] = /^((?:.*\/)?[^/]+?\.(?:jsonl|ndjson|json))([.~][^/]*)$/.exec(path) ?? [];
  if (of === undefined || rest === undefined) return undefined;
  if (copy.test(rest)) return { of, kind: "copy" };
  return temporary.test(rest) ? { of, kind: "temporary" } : undefined;
};

const copy = /^(?:~|\.(?:bak|backup|old|orig|corrupt(?:ed)?)(?![a-z]))/;
const temporary = /\.(?:te?mp|partial)(?![a-z])|^\.\d{6,}$/;

/** Some programs put a dot before the name of what they write: the same for `a.json` and `.a.json`. */
export const leftoverKey = (path: string): string => path.replace(/(^|\/)\.(?=[^/]*$)/, "$1");
