import { createSimDisk } from "@taskwal/disk/sim";
import { expect, test } from "vitest";
import { openTaskStore } from "./open-task-store.ts";

test("a session has a file of its own under sessions/, as it stands", async () => {
  const sim = createSimDisk();
  const store = await openTaskStore({ dir: "/state", disk: sim.process("writer") });
  await store.sessions.create({ id: "agent_1", type: "claude", status: "active" });
  await store.sessions.update("agent_1", { status: "terminated", task_id: "t" });
  await store.close();
  const text = Buffer.from(sim.readRaw("/state/sessions/agent_1.json")).toString("utf8");
  expect(JSON.parse(text)).toMatchObject({
    id: "agent_1",
    type: "claude",
    status: "terminated",
    task_id: "t",
  });
});
