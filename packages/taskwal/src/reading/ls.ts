/** `taskwal ls`: the files of the log and the snapshots, what each holds and whether it is whole. */
import { exitCodes } from "../exit-codes.ts";
import { sizeWords } from "../words.ts";
import { plain } from "./plain-text.ts";
import { tellState, type Question } from "./question.ts";
import { tableLines } from "./table.ts";

/** Exit code 1 if there is no file. */
export const runLs = async (question: Question): Promise<number> => {
  const { offline, sink } = question;
  const { files } = await offline.info();
  for (const file of files) await sink.json(file.kind, file);
  const rows = files.map(({ name, kind, first, last, bytes, verdict }) => [
    plain(name),
    kind,
    first === undefined ? "-" : String(first),
    last === undefined ? "-" : String(last),
    sizeWords(bytes),
    plain(verdict),
  ]);
  await sink.lines(
    tableLines(
      [
        { title: "FILE" },
        { title: "KIND" },
        { title: "FIRST", align: "right" },
        { title: "LAST", align: "right" },
        { title: "SIZE", align: "right" },
        { title: "VERDICT" },
      ],
      rows,
    ),
  );
  await tellState(question);
  return files.length > 0 ? exitCodes.fine : exitCodes.difference;
};
