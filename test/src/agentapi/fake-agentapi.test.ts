import { afterAll, describe, it } from "vitest";

import { endAll, fakeProgram } from "./agentapi-process.ts";
import { withState } from "./contract-case.ts";
import { httpContract } from "./contract-http.ts";
import { lifeContract } from "./contract-life.ts";
import { stateContract } from "./contract-state.ts";
import { survivalContract } from "./survival-contract.ts";
import { upstreamContract } from "./upstream-contract.ts";

afterAll(endAll);

const programs = (["0.12.1", "0.12.0", "0.11.8"] as const).map((release) => fakeProgram(release));

describe.concurrent.each(programs)("agentapi contract: $name", (program) => {
  const cases = [
    ...lifeContract,
    ...httpContract,
    ...stateContract,
    ...upstreamContract,
    ...survivalContract,
  ];
  for (const { name, releases = withState, run } of cases) {
    if (releases.includes(program.release)) it(name, () => run(program));
  }
});
