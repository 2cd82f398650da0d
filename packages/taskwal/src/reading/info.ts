/** `taskwal info`: what lies in a directory, on one screen. */
import { exitCodes } from "../exit-codes.ts";
import { counted, sizeWords } from "../words.ts";
import type { Info } from "@taskwal/replay";
import { plain } from "./plain-text.ts";
import type { Question } from "./question.ts";
import { gapWords, provenanceWords, timeWords } from "./words.ts";

export const runInfo = async ({ offline, sink, at }: Question): Promise<number> => {
  const state = await offline.stateAt(await at());
  const { provenance } = state;
  const entities = state.entities().map((entity) => ({ entity, count: state.ids(entity).length }));
  const info = { ...(await offline.info()), entities };
  await sink.json("info", { ...info, provenance });
  for (const [name, value] of facts(info)) await sink.prose(`${name.padEnd(12)}${value}`);
  await sink.prose(`${"State".padEnd(12)}${provenanceWords(provenance)}`);
  return exitCodes.fine;
};

const facts = (info: Info): (readonly [string, string])[] => {
  const { boots, entities, snapshots, integrity, gaps, marks, model } = info;
  // Of the others, the integrity tells.
  const readable = snapshots.filter(({ sequence }) => sequence >= 0);
  const bytes = info.files.reduce((sum, file) => sum + file.bytes, 0);
  return [
    ["Directory", plain(info.directory)],
    ["Store", plain(info.store ?? "-")],
    ["Records", info.last < info.first ? "none" : `@${info.first} … @${info.last}`],
    ["Time", `${timeWords(info.firstAt)} … ${timeWords(info.lastAt)}`],
    ["Boots", boots.map(({ boot, ended }) => `#${boot} ${ended}`).join("  ") || "none"],
    ["Entities", entities.map(({ entity, count }) => counted(count, entity)).join("  ") || "none"],
    ["Snapshots", readable.map(({ sequence }) => `@${sequence}`).join("  ") || "none"],
    ...marks.map(({ name, sequence }) => ["Mark", `@${sequence} ${plain(name)}`] as const),
    ["Files", `${counted(info.files.length, "file")}, ${sizeWords(bytes)}`],
    ...integrity.map((line) => ["Integrity", plain(line)] as const),
    ...gaps.map((gap) => ["Gap", gapWords(gap)] as const),
    [
      "Model",
      model.logHash === undefined || model.logHash === model.hash
        ? "as at the last boot"
        : "another one than at the last boot",
    ],
  ];
};
