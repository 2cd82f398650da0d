/**
 * What `1-embed.ts` declares and does not make: a logger and an agent. Preloaded: `node --import`.
 *
 *     logger   one JSON line per call, on stderr: the program's stdout must stay empty
 *     agent    three lines and done; with WANT_AGENT=endless, a line every 5 ms until it is killed
 */
import { writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

const say =
  (level) =>
  (facts, message = "") => {
    const shown = facts instanceof Error ? facts.message : facts;
    writeSync(2, `${JSON.stringify({ level, facts: shown, message })}\n`);
  };

const linesMax = process.env["WANT_AGENT"] === "endless" ? Infinity : 3;

const lines = async function* () {
  for (let line = 1; line <= linesMax; line += 1) {
    if (linesMax === Infinity) await delay(5);
    yield `line ${line}`;
  }
};

Object.assign(globalThis, {
  logger: { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") },
  agent: { output: lines() },
});
