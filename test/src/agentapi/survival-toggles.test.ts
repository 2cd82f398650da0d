/**
 * A case of the survival contract is worth something only if it needs the weakness that it is about: on a fake that
 * has lost it, the case fails.
 */
import { afterAll, describe, expect, it } from "vitest";

import { endAll, fakeProgram } from "./agentapi-process.ts";
import { survivalContract } from "./survival-contract.ts";

afterAll(endAll);

const caseOf = (name: string): (typeof survivalContract)[number] => {
  const found = survivalContract.find((each) => each.name.startsWith(name));
  if (!found) throw new Error(`no case ${name}`);
  return found;
};

describe.concurrent("survives nothing that is not there:", () => {
  it.each([
    ["weakness 1: SIGTERM", { saveBeforeLoad: false }],
    ["weakness 1: an agent that crashes", { saveBeforeLoad: false }],
    ["weakness 2", { dirty: false }],
    ["weakness 3", { promptSent: false }],
    ["weakness 5", { identicalReply: false }],
  ])("%s", async (name, bug) => {
    await expect(caseOf(name).run(fakeProgram("0.12.1", { bug }))).rejects.toThrow();
  });
});
