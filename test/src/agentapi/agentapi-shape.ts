/**
 * What must be equal in an answer and a capture of it: everything but times, ports, paths and numbers of
 * processes; and of a message that grew, only what it became.
 *
 * The rule: a mask hides a value, never whether it is there.
 */
import { readAgentApiEvent, type AgentApiEvent, type StreamEvent } from "@taskwal/agentapi-bridge";

const timePattern = /"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"/g;

/** Of a body or a state file: times and the port. */
export const maskJson = (text: string): string =>
  text
    .replace(timePattern, '"time":"<time>"')
    .replace(/http:\/\/(127\.0\.0\.1|localhost):\d+\//g, "http://<host>/");

/**
 * The events of a stream with their times masked. The agent prints its text in pieces, so of messages of
 * one id that follow each other without a gap only the last is kept.
 */
export const shapeOfStream = (events: readonly StreamEvent[]): readonly AgentApiEvent[] => {
  const read = events.map((event): AgentApiEvent => {
    if (event.kind !== "event") throw new Error("an event was too long");
    return readAgentApiEvent({ ...event, data: maskJson(event.data) });
  });
  return read.filter((event, index) => {
    const next = read[index + 1];
    const isRevised =
      event.kind === "message_update" && next?.kind === "message_update" && next.id === event.id;
    return !isRevised;
  });
};

/**
 * The events of a stream that was opened at the start. Whether that was just before the first look at the
 * screen or after it decides the order of what it is told first: of the time until the status is stable
 * only the messages that say something and the errors are kept.
 */
export const shapeOfStart = (events: readonly StreamEvent[]): readonly AgentApiEvent[] => {
  const shape = shapeOfStream(events);
  const stableAt = shape.findIndex(
    (each) => each.kind === "status_change" && each.status === "stable",
  );
  return shape.filter((each, index) => {
    const isAfter = stableAt >= 0 && index >= stableAt;
    const isEmpty = each.kind === "message_update" && each.message === "";
    return isAfter || (each.kind !== "status_change" && !isEmpty);
  });
};

/** Lines that depend on who listens, on the machine or on the terminal, which the fake does not have. */
const passing =
  /msg="(New subscriber|Context done|Server stop initiated|Running: |Error reading from pseudo terminal)/;

/** The lines of a log: level, message and fields, with what is of one run masked. */
export const shapeOfLog = (text: string): readonly string[] =>
  text
    .split("\n")
    .filter((line) => line !== "" && !passing.test(line))
    .map((line) =>
      withoutFrames(line)
        .replace(/^time=\S+ /, "")
        .replace(/(pid|port|stalePID)=\d+/g, "$1=<number>")
        .replace(/(\/[^\s"=]*)?\/(agentapi-uploads-)[^\s"]+/g, "<folder>/$2<random>")
        .replace(/(\/[^\s"=]*)?\/(agentapi(-state\.json(\.tmp)?|\.pid))/g, "<folder>/$2"),
    );

/** What was printed of an error, without the places in the source where it passed. */
export const withoutFrames = (text: string): string =>
  text
    .replace(/(\n|\\n) {4,}github\.com\/[^\s"\\]*(\n|\\n) +[^\s"\\]+/g, "")
    .replace(/with PID \d+/, "with PID <number>")
    .replace(/listen tcp :\d+/, "listen tcp :<number>")
    .replace(/PID file: \S+\)/, "PID file: <path>)");
