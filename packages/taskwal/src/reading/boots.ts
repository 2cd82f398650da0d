/** `taskwal boots`: the lives of the store, each with its records and how it ended. */
import { exitCodes } from "../exit-codes.ts";
import { plain } from "./plain-text.ts";
import type { Question } from "./question.ts";
import { tableLines } from "./table.ts";
import { timeWords } from "./words.ts";

export const runBoots = async ({ offline, sink }: Question): Promise<number> => {
  const { boots } = await offline.info();
  for (const boot of boots) await sink.json("boot", boot);
  const rows = boots.map(({ boot, first, last, at, ended, pid, engine }) => [
    String(boot),
    String(first),
    String(last),
    timeWords(at),
    ended,
    pid === undefined ? "-" : String(pid),
    plain(engine ?? "-"),
  ]);
  await sink.lines(
    tableLines(
      [
        { title: "BOOT", align: "right" },
        { title: "FIRST", align: "right" },
        { title: "LAST", align: "right" },
        { title: "STARTED" },
        { title: "ENDED" },
        { title: "PID", align: "right" },
        { title: "ENGINE" },
      ],
      rows,
    ),
  );
  if (boots.length === 0) await sink.text("no record of a boot can be read");
  return boots.length > 0 ? exitCodes.fine : exitCodes.difference;
};
