import { journalModel } from "@taskwal/agentapi-bridge";
import { checkModel } from "taskwal/testing";
import { test } from "vitest";

test("the model of the journal keeps the law that replay rests on", async () => {
  await checkModel(journalModel, { runs: 25 });
});
