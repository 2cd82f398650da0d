import { describe, expect, it } from "vitest";

import { readShutdownRequest } from "./shutdown-request.ts";

/** The names are those of the module's own tests, agentapi.tftest.hcl. */
describe("what the module tells its shutdown script", () => {
  it("default_values", () => {
    expect(readShutdownRequest({ HOME: "/home/coder" })).toEqual({
      taskId: undefined,
      wantsSnapshot: true,
      port: 3284,
      savesState: false,
      folder: undefined,
      pidFile: undefined,
      stateFiles: [],
      coderUrl: undefined,
      coderToken: undefined,
    });
    const inFolder = readShutdownRequest({ HOME: "/home/coder", ARG_MODULE_DIR_NAME: ".claude" });
    expect(inFolder).toMatchObject({
      pidFile: "/home/coder/.claude/agentapi.pid",
      stateFiles: ["/home/coder/.claude/agentapi-state.json", "/home/coder/.claude/state.json"],
    });
  });

  it("state_persistence_disabled", () => {
    for (const word of ["false", "", "TRUE", "1"]) {
      expect(readShutdownRequest({ ARG_ENABLE_STATE_PERSISTENCE: word }).savesState).toBe(false);
    }
    expect(readShutdownRequest({ ARG_ENABLE_STATE_PERSISTENCE: "true" }).savesState).toBe(true);
  });

  it("custom_paths", () => {
    const request = readShutdownRequest({
      HOME: "/home/coder",
      ARG_MODULE_DIR_NAME: ".claude",
      ARG_PID_FILE_PATH: "/custom/agentapi.pid",
      ARG_STATE_FILE_PATH: "/custom/state.json",
    });
    expect(request.pidFile).toBe("/custom/agentapi.pid");
    expect(request.stateFiles[0]).toBe("/custom/state.json");
  });

  it("takes an empty variable for none, and a port that is none for the default", () => {
    const empty = {
      ARG_TASK_ID: "",
      ARG_TASK_LOG_SNAPSHOT: "",
      ARG_PID_FILE_PATH: "",
      CODER_AGENT_URL: "",
    };
    expect(readShutdownRequest(empty)).toEqual(readShutdownRequest({}));
    for (const port of ["", "0", "-1", "65536", "3.5", "http"]) {
      expect(readShutdownRequest({ ARG_AGENTAPI_PORT: port }).port).toBe(3284);
    }
    expect(readShutdownRequest({ ARG_AGENTAPI_PORT: "3827" }).port).toBe(3827);
    expect(readShutdownRequest({ ARG_TASK_LOG_SNAPSHOT: "false" }).wantsSnapshot).toBe(false);
  });
});
