/**
 * What the shutdown script of coder/registry would print, for those who read its lines.
 *
 *     what happens ─> its line, on the standard output or, where it begins with "Error: ", on the standard error
 *
 * The rule: its words where it has words, so that whoever looks for them finds them. What it does not know has a
 * line of its own that begins with "Warning: ", as those that it has for a process that does not end.
 */
import type { LogSnapshotResult } from "./capture-log-snapshot.ts";
import type { ShutdownEvent, ShutdownResult, SnapshotOff } from "./shutdown-agentapi.ts";

export const firstRegistryLine = "Shutting down AgentAPI";

const captureFailed = "Log snapshot capture failed, continuing shutdown";
/** The script warns every five seconds. */
const warningSeconds = 5;

const noSnapshotLines: Readonly<Record<SnapshotOff, readonly string[]>> = {
  disabled: ["Log snapshot disabled, skipping"],
  "no-task": ["No task ID, skipping log snapshot"],
  "no-url": ["Error: CODER_AGENT_URL not set, cannot capture log snapshot", captureFailed],
  "no-token": ["Error: CODER_AGENT_TOKEN not set, cannot capture log snapshot", captureFailed],
};

/** As it happens. */
export const registryLines = (event: ShutdownEvent, port: number): readonly string[] => {
  switch (event.event) {
    case "found":
      return event.owner?.kind === "stranger" || event.owner?.kind === "unknown"
        ? [`Warning: pid ${event.owner.pid} is not known to be AgentAPI, sending it no signal`]
        : [];
    case "no-snapshot":
      return noSnapshotLines[event.because];
    case "saving":
      return [`Sending SIGUSR1 to AgentAPI (pid ${event.pid}) to save state`];
    case "phase":
      return event.phase === "snapshot" ? [`Fetching messages from AgentAPI on port ${port}`] : [];
    case "snapshot-done":
      return snapshotLines(event.result);
    case "snapshot": {
      const { step } = event;
      if (step.step === "messages") return [`Retrieved ${step.count} messages for log snapshot`];
      if (step.step === "posting") return ["Posting log snapshot to Coder instance"];
      const size = `Log snapshot payload: ${step.bytes} bytes, ${step.messageCount} messages`;
      const cut = `Payload size ${step.uncutBytes} bytes exceeds limit, truncating ${step.isLastCut ? "final" : "older"} message content`;
      return step.isLastCut || step.cutIds.length > 0 ? [cut, size] : [size];
    }
    case "end": {
      const { step } = event;
      if (step.step === "waiting") {
        const { pid, seconds } = step;
        return seconds % warningSeconds === 0
          ? [`Warning: AgentAPI (pid ${pid}) still running after ${seconds}s`]
          : [];
      }
      return [
        step.signal === "SIGTERM"
          ? `Sending SIGTERM to AgentAPI (pid ${step.pid})`
          : `Warning: sending SIGKILL to what is left of AgentAPI (pid ${step.pid})`,
      ];
    }
  }
};

const snapshotLines = (result: LogSnapshotResult): readonly string[] => {
  switch (result.outcome) {
    case "posted":
      return ["Log snapshot posted successfully"];
    case "empty":
      return ["No messages for log snapshot"];
    case "refused":
      return result.status === 404
        ? ["Log snapshot endpoint not supported by this Coder version, skipping"]
        : postFailed(`Failed to post log snapshot (HTTP ${result.status}): ${result.answer}`);
    case "queued":
      return postFailed(postReason(result));
    case "failed":
      return result.isWithoutMessages
        ? [
            "Error: Failed to fetch messages from AgentAPI (may not be running)",
            "Error: Cannot capture log snapshot without messages",
            captureFailed,
          ]
        : postFailed(postReason(result));
  }
};

const postReason = ({
  status,
  reason,
}: {
  readonly status?: number;
  readonly reason: string;
}): string =>
  status === undefined
    ? "Failed to connect to Coder instance (curl failed)"
    : `Failed to post log snapshot (HTTP ${status}): ${reason.replace(/^Coder answered \d+: /, "")}`;

const postFailed = (reason: string): readonly string[] => [
  `Error: ${reason}`,
  "Error: Log snapshot capture failed",
  captureFailed,
];

export const lastRegistryLines = ({ isRestored }: ShutdownResult): readonly string[] => [
  ...(isRestored
    ? ["Warning: AgentAPI replaced a state that it had not loaded, the old one is back"]
    : []),
  "Shutdown complete",
];
