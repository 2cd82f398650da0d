/**
 * `taskwal state [PATH]`: the state after a record: all entities, those of one kind, one of them, or one field.
 *
 * The rule: the position, and whether the way there was whole, stand before the state.
 */
import { exitCodes } from "../exit-codes.ts";
import { tellAbsent } from "./absent.ts";
import { findPath, valueAt } from "./entity-path.ts";
import type { EntityRef, StateAt } from "@taskwal/replay";
import { plain } from "./plain-text.ts";
import type { Question } from "./question.ts";
import { tableLines } from "./table.ts";
import { provenanceWords, valueWords } from "./words.ts";

export const runState = async (question: Question, path: string | undefined): Promise<number> => {
  const { offline, sink, at } = question;
  const state = await offline.stateAt(await at());
  const { provenance } = state;
  const found = path === undefined ? undefined : findPath(state, path);
  if (path !== undefined && !found) {
    return tellAbsent(question, state, path);
  }
  await sink.prose(provenanceWords(provenance));
  if (found?.ref) return tellOne(question, state, found.ref, found.path);
  return tellAll(question, state, found?.entity);
};

const tellOne = async (
  { sink, redaction }: Question,
  state: StateAt,
  ref: EntityRef,
  path: readonly string[],
): Promise<number> => {
  const value = redaction.value(ref.entity, path, valueAt(await state.get(ref), path));
  await sink.json("state", { provenance: state.provenance, ...ref, path, value });
  const isTable = typeof value === "object" && value !== null;
  await sink.lines(
    isTable
      ? tableLines(
          [{ title: "FIELD" }, { title: "VALUE" }],
          Object.entries(value).map(([name, field]) => [plain(name), valueWords(field)]),
        )
      : [valueWords(value)],
  );
  return value === undefined ? exitCodes.difference : exitCodes.fine;
};

const tellAll = async (
  { sink, redaction }: Question,
  state: StateAt,
  only: string | undefined,
): Promise<number> => {
  const { provenance } = state;
  await sink.json("state", { provenance });
  const rows: string[][] = [];
  for (const entity of state.entities().filter((name) => only === undefined || name === only)) {
    for await (const { id, value: whole } of state.list(entity)) {
      const value = redaction.value(entity, [], whole);
      if (!(await sink.json("entity", { entity, id, value }))) return exitCodes.fine;
      if (!sink.isJson) rows.push([plain(entity), plain(id), valueWords(withoutId(value))]);
    }
  }
  await sink.lines(tableLines([{ title: "ENTITY" }, { title: "ID" }, { title: "VALUE" }], rows));
  return exitCodes.fine;
};

const withoutId = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value;
  const { id: _, ...rest } = value as { id?: unknown };
  return rest;
};
