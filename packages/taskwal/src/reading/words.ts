/** Values, times and where an answer comes from, in words for a line. All of it is plain text. */
import type { EntityRef, Gap, OfflineRecord, Provenance } from "@taskwal/replay";
import { counted } from "../words.ts";
import { lineColumns } from "./table.ts";
import { cut, plain, plainJson } from "./plain-text.ts";

/** A value in one line; "∅" where there is none. */
export const valueWords = (value: unknown): string =>
  value === undefined ? "∅" : plainJson(value);

export const timeWords = (at: number | undefined): string =>
  at === undefined || !Number.isFinite(at) || Math.abs(at) > 8.64e15
    ? "-"
    : new Date(at).toISOString();

/** `task.6f.logs[3].message`, with names quoted where they would not be read back as they are. */
export const pathWords = (parts: readonly (string | number)[]): string =>
  parts
    .map((part, index) => {
      if (typeof part === "number") return `[${part}]`;
      const name = plain(part);
      if (!/^[\p{L}\p{N}_$-]+$/u.test(part)) return `[${plainJson(part)}]`;
      return index === 0 ? name : `.${name}`;
    })
    .join("");

export const refWords = ({ entity, id }: EntityRef): string => pathWords([entity, id]);

export const byWords = (actor: string | undefined): string =>
  actor === undefined ? "" : `by ${plain(actor)}`;

/** Where a state comes from, in one line that stands above or below every answer. */
export const provenanceWords = ({
  sequence,
  at,
  boot,
  snapshot,
  folded,
  trust,
}: Provenance): string =>
  [
    `after @${sequence}`,
    at === undefined ? undefined : timeWords(at),
    boot === undefined ? undefined : `boot ${boot}`,
    `${snapshot === undefined ? "" : `snapshot @${snapshot.sequence} + `}${counted(folded, "record")}`,
    trust,
  ]
    .filter((part) => part !== undefined)
    .join(" · ");

export const gapWords = ({ from, to, reason }: Gap): string =>
  cut(`${from === to ? `@${from}` : `@${from}…@${to}`} missing: ${plain(reason)}`, lineColumns);

/** What a mutation brought, as far as it fits. */
export const recordWords = (record: OfflineRecord, data: unknown, columnsMax: number): string =>
  cut(
    [byWords(record.actor), valueWords(data)].filter((part) => part !== "").join(" "),
    columnsMax,
  );
