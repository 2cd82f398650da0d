/** `taskwal boots`: the lives of the store, each with its records and how it ended. */
import { exitCodes } from "../exit-codes.ts";
import { plain } from "./plain-text.ts";
import { tellState, type Question } from "./question.ts";
import { tableLines } from "./table.ts";
import { timeWords } from "./words.ts";

/** Those that began up to the point. Exit code 1 if there is none. */
export const runBoots = async (question: Question): Promise<number> => {
  const { offline, sink, at } = question;
  const to = await at();
  const boots = (await offline.info()).boots.filter(({ first }) => first <= to);
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
  await tellState(question);
  return boots.length > 0 ? exitCodes.fine : exitCodes.difference;
};
