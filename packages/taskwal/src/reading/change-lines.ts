/** Field changes in lines, and in the shape that --json has. */
import type { EntityRef, FieldChange } from "@taskwal/replay";
import { columnsOf, cut } from "./plain-text.ts";
import type { Redaction } from "./redaction.ts";
import { lineColumns } from "./table.ts";
import { pathWords, valueWords } from "./words.ts";

/** `task.6f3a.status  "pending" → "failed"   @12 task.updated`: what does not fit of the values is cut. */
export const changeLine = (
  { entity, id }: EntityRef,
  change: FieldChange,
  redaction: Redaction,
  { indent = "", after = "" }: { readonly indent?: string; readonly after?: string } = {},
): string => {
  const shown = hidden({ entity, id }, change, redaction);
  const start = `${indent}${cut(pathWords([entity, id, ...shown.path]), 44)}  `;
  const end = after === "" ? "" : `  ${after}`;
  const room = Math.max(13, lineColumns - columnsOf(start) - columnsOf(end) - 3);
  const old = valueWords(shown.old);
  const half = Math.floor(room / 2);
  const oldColumns = Math.min(
    columnsOf(old),
    Math.max(half, room - columnsOf(valueWords(shown.new))),
  );
  const values = `${cut(old, oldColumns)} → ${cut(valueWords(shown.new), room - oldColumns)}`;
  return `${start}${values}${end}`;
};

/** For machines: the values as they are, or redacted. */
export const hidden = (
  { entity }: EntityRef,
  change: FieldChange,
  redaction: Redaction,
): FieldChange => ({
  ...change,
  path: redaction.path(entity, change.path),
  old: redaction.value(entity, change.path, change.old),
  new: redaction.value(entity, change.path, change.new),
});
