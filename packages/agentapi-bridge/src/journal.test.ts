import { createSimDisk } from "@taskwal/disk/sim";
import { expect, it } from "vitest";

import { openJournal } from "./journal.ts";

const at = (second: number): string => `2026-11-22T02:40:${String(second).padStart(2, "0")}.5Z`;
const told = (id: number, role: "agent" | "user", message: string, second = id) => ({
  id,
  role,
  message,
  time: at(second),
});

it("keeps what was said in the order in which it was said, over a hundred messages and an end", async () => {
  const sim = createSimDisk();
  const journal = await openJournal({ sessionDir: "/s", disk: sim.process() });
  const all = Array.from({ length: 120 }, (_, id) =>
    told(id, id % 2 ? "user" : "agent", `${id}`, id % 60),
  );
  await Promise.all(all.map((one) => journal.hear(one)));
  await journal.close();
  const again = await openJournal({ sessionDir: "/s", disk: sim.process() });
  expect(again.messages().map(({ role, message, time }) => ({ role, message, time }))).toEqual(
    all.map(({ role, message, time }) => ({ role, message, time })),
  );
  expect(again.projection()).toMatchObject({ hasOpenMessage: false });
});
