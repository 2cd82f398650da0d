/**
 * A start script of a consumer, as it is, under `taskwal agentapi run --script`.
 */
import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

import { endAll, fakeProgram } from "./agentapi-process.ts";
import { disk, endSessions, Session, until, VerbProcess } from "./supervised-session.ts";

afterAll(() => {
  endSessions();
  endAll();
});

/** As the module has it: the environment says where the state lies, the script knows nothing of it. */
const scriptOf = (session: Session, start: string): string => {
  const path = join(session.folder, "agentapi-start.sh");
  const agent = session
    .agent()
    .map((word) => `'${word}'`)
    .join(" ");
  const server = `agentapi server --type custom --port "$1" -- ${agent}`;
  writeFileSync(
    path,
    `#!/bin/sh\nset -e\ncd "$(dirname "$0")"\necho starting\n${start.replace("SERVER", server)}\n`,
  );
  chmodSync(path, 0o755);
  return path;
};

describe.concurrent("taskwal agentapi run --script", () => {
  it.each([
    ["replaces itself by it", "exec SERVER"],
    ["waits for it", "SERVER"],
    ["leaves it behind itself", "nohup SERVER > agentapi.log 2>&1 &"],
  ])(
    "supervises an agentapi that an unmodified script starts by the environment alone: one that %s",
    async (_, start) => {
      const session = await Session.of(fakeProgram("0.12.1"));
      const script = scriptOf(session, start);
      const env = {
        AGENTAPI_STATE_FILE: join(session.folder, "agentapi-state.json"),
        AGENTAPI_SAVE_STATE: "true",
        AGENTAPI_LOAD_STATE: "true",
        AGENTAPI_PID_FILE: session.pidFile,
        ARG_AGENTAPI_PORT: String(session.port),
      };
      const words = ["--script", "--", script, String(session.port)];
      const run = new VerbProcess(session, "run", words, env);
      const { pid } = await run.told("loaded").then(() => run.told("started"));
      expect(disk.findProcess(Number(pid))?.argv.slice(1, 3)).toContain("server");
      const checkpoint = new VerbProcess(session, "checkpoint", [], env);
      expect([await checkpoint.ended, checkpoint.events[0]]).toMatchObject([0, { messages: 1 }]);
      run.child.kill("SIGTERM");
      expect(await run.ended).toBe(0);
      await until("it has ended", () => disk.findProcess(Number(pid)) === undefined);
      expect(existsSync(env.AGENTAPI_STATE_FILE)).toBe(true);
      expect(existsSync(session.pidFile)).toBe(false);
    },
  );
});
