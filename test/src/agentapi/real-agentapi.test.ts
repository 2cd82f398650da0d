/**
 * The contract on the real agentapi: the very cases that the fake passes.
 *
 * The rule: without a real one each case is skipped by its name, and the heading says why.
 */
import { afterAll, describe, it } from "vitest";

import { endAll } from "./agentapi-process.ts";
import { withState } from "./contract-case.ts";
import { httpContract } from "./contract-http.ts";
import { lifeContract } from "./contract-life.ts";
import { stateContract } from "./contract-state.ts";
import { survivalContract } from "./survival-contract.ts";
import { upstreamContract } from "./upstream-contract.ts";
import { realProgram } from "./real-agentapi.ts";

afterAll(endAll);

const cases = [
  ...lifeContract,
  ...httpContract,
  ...stateContract,
  ...upstreamContract,
  ...survivalContract,
];

for (const release of ["0.12.1", "0.11.8"] as const) {
  const real = realProgram(release);
  const own = cases.filter(({ releases = withState }) => releases.includes(release));
  if ("reason" in real) {
    describe(`agentapi contract: the real ${release} (not here: ${real.reason})`, () => {
      for (const { name } of own) it.skip(name, () => {});
    });
    continue;
  }
  describe.concurrent(`agentapi contract: ${real.program.name}`, () => {
    for (const { name, run } of own) it(name, () => run(real.program), 120_000);
  });
}
