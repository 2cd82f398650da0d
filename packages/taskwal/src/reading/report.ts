/** `taskwal report`: how many records, of what, by whom: one pass over the log. */
import { exitCodes } from "../exit-codes.ts";
import { UsageError } from "../usage-error.ts";
import type { OfflineRecord } from "@taskwal/replay";
import { lostWithin, tellEnd } from "./log.ts";
import { plain } from "./plain-text.ts";
import type { Question } from "./question.ts";
import { tableLines } from "./table.ts";

const groupings: Readonly<Record<string, (record: OfflineRecord) => string>> = {
  type: ({ type }) => type,
  actor: ({ actor }) => actor ?? "-",
  entity: ({ entity, id }) => (entity === undefined ? "-" : `${entity}.${id ?? ""}`),
  boot: ({ boot }) => String(boot),
};

interface Group {
  records: number;
  readonly first: number;
  last: number;
}

/** Exit code 1 if there is no record. */
export const runReport = async (question: Question, by: string): Promise<number> => {
  const { offline, sink, progress, at } = question;
  const nameOf = Object.hasOwn(groupings, by) ? groupings[by] : undefined;
  if (!nameOf) throw new UsageError(`--by takes ${Object.keys(groupings).join(", ")}`);
  const to = await at();
  const groups = new Map<string, Group>();
  let [records, lost] = [0, 0];
  for await (const step of offline.records({ to })) {
    if (step.kind === "gap") {
      lost += lostWithin(step, 0, to);
      continue;
    }
    records += 1;
    const { sequence } = step;
    progress.reading({ sequence, last: to });
    const group = groups.get(nameOf(step));
    if (group) {
      group.records += 1;
      group.last = sequence;
    } else groups.set(nameOf(step), { records: 1, first: sequence, last: sequence });
  }
  const sorted = [...groups].toSorted(
    ([, one], [, other]) => other.records - one.records || one.first - other.first,
  );
  for (const [name, group] of sorted) await sink.json("group", { by, name, ...group });
  await sink.lines(
    tableLines(
      [
        { title: by.toUpperCase() },
        { title: "RECORDS", align: "right" },
        { title: "FIRST", align: "right" },
        { title: "LAST", align: "right" },
      ],
      sorted.map(([name, group]) => [
        plain(name),
        String(group.records),
        `@${group.first}`,
        `@${group.last}`,
      ]),
    ),
  );
  await tellEnd(question, { after: 0, to, records, lost });
  return records > 0 ? exitCodes.fine : exitCodes.difference;
};
