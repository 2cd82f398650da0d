/**
 * The start tests of the registry's module (main.test.ts), on `taskwal agentapi run --script` with a start script that
 * knows nothing of it.
 *
 * The rule: each has the name that it has there, and looks at what it looks at there.
 */
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";

import { endAll, fakeProgram, freePort, type Release } from "./agentapi-process.ts";
import { endSessions, Session, until } from "./supervised-session.ts";
import { AgentApiVerb } from "./shutdown-command.ts";

const runs: AgentApiVerb[] = [];
afterAll(async () => {
  for (const { child } of runs) child.kill("SIGTERM");
  await Promise.all(runs.map(({ ended }) => ended));
  endSessions();
  endAll();
});

interface Setting {
  readonly release?: Release;
  readonly port?: number;
  readonly env?: (session: Session) => Readonly<Record<string, string>>;
  readonly words?: readonly string[];
}

interface Started {
  readonly session: Session;
  readonly run: AgentApiVerb;
  /** What agentapi was told by its environment: "AGENTAPI_PORT=3284" and the like. */
  readonly told: readonly string[];
  readonly status: number;
}

/** As the module's agentapi-start.sh is: it starts agentapi, and the environment says the rest. */
const startScript = (session: Session): string => {
  const script = join(dirname(session.folder), "agentapi-start.sh");
  const agent = session
    .agent()
    .map((word) => `'${word}'`)
    .join(" ");
  writeFileSync(
    script,
    `#!/bin/sh\nset -e\nenv | grep ^AGENTAPI_ | sort > told.txt\nexec agentapi server --port "$2" --type custom -- ${agent}\n`,
  );
  chmodSync(script, 0o755);
  return script;
};

const started = async ({
  release = "0.12.1",
  env,
  words = [],
  ...rest
}: Setting): Promise<Started> => {
  const session = await Session.of(fakeProgram(release));
  const port = String(rest.port ?? session.port);
  const run = new AgentApiVerb(
    "run",
    { ...session.env, ARG_MODULE_DIR_NAME: "session", ARG_AGENTAPI_PORT: port, ...env?.(session) },
    [...words, "--json", "--script", "--", startScript(session), "true", port],
    dirname(session.folder),
  );
  runs.push(run);
  await run.printed('"event":"started"');
  const { pid } = JSON.parse(/\{"event":"started".*\}/.exec(run.stdout)?.[0] ?? "{}") as {
    pid: number;
  };
  session.heard({ event: "started", pid, port: Number(port) });
  const told = join(dirname(session.folder), "told.txt");
  await until("the script was run", () => existsSync(told));
  const { status } = await fetch(`http://localhost:${port}/status`);
  return { session, run, told: readFileSync(told, "utf8").trim().split("\n"), status };
};

const names = ({ told }: Started): readonly string[] =>
  told.map((line) => line.split("=")[0] ?? "");

describe.concurrent("agentapi module", () => {
  test("happy-path", async () => {
    expect((await started({})).status).toBe(200);
  });

  test("custom-port", async () => {
    expect((await started({ port: await freePort() })).status).toBe(200);
  });

  test("no-subdomain-base-path", async () => {
    const path = "/@default/default.foo/apps/agentapi-web/chat";
    const { told } = await started({ env: () => ({ AGENTAPI_CHAT_BASE_PATH: path }) });
    expect(told).toContain(`AGENTAPI_CHAT_BASE_PATH=${path}`);
  });

  test("agentapi-allowed-hosts", async () => {
    const { told } = await started({ env: () => ({ AGENTAPI_ALLOWED_HOSTS: "*" }) });
    expect(told).toContain("AGENTAPI_ALLOWED_HOSTS=*");
  });

  test("state-persistence-disabled", async () => {
    const off = { ARG_ENABLE_STATE_PERSISTENCE: "false" };
    const shown = await started({ env: () => off });
    expect(shown.told).toContain(`AGENTAPI_PID_FILE=${shown.session.pidFile}`);
    for (const name of ["AGENTAPI_STATE_FILE", "AGENTAPI_SAVE_STATE", "AGENTAPI_LOAD_STATE"]) {
      expect(names(shown)).not.toContain(name);
    }
  });

  test("state-persistence-custom-paths", async () => {
    const paths = ({ folder }: Session) => ({
      ARG_STATE_FILE_PATH: join(folder, "custom/state.json"),
      ARG_PID_FILE_PATH: join(folder, "custom/agentapi.pid"),
    });
    const { session, told } = await started({ env: paths });
    const { ARG_STATE_FILE_PATH: stateFile, ARG_PID_FILE_PATH: pidFile } = paths(session);
    expect(told).toContain(`AGENTAPI_STATE_FILE=${stateFile}`);
    expect(told).toContain(`AGENTAPI_PID_FILE=${pidFile}`);
  });

  test("state-persistence-default-paths", async () => {
    const { session, told } = await started({});
    expect(told).toContain(`AGENTAPI_STATE_FILE=${session.stateFile}`);
    expect(told).toContain(`AGENTAPI_PID_FILE=${session.pidFile}`);
    expect(told).toContain("AGENTAPI_SAVE_STATE=true");
    expect(told).toContain("AGENTAPI_LOAD_STATE=true");
  });

  test("an agentapi before 0.12.0 is started without state, with a warning", async () => {
    const shown = await started({ release: "0.11.8" });
    expect(shown.status).toBe(200);
    expect(names(shown)).not.toContain("AGENTAPI_STATE_FILE");
    expect(shown.run.stdout).toContain('"event":"warning"');
  });
});
