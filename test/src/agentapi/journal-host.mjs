/**
 * A program that follows an agentapi, sends messages to it, and ends itself with SIGKILL at one step.
 *
 *     node journal-host.mjs <session folder> <base URL> <step> <texts, as JSON>
 *
 *     open ─ follow ─ [before hear 1] hear [after hear 1] … ready
 *          └ each text: [before intend] … [after intend] [before POST] … [after POST] [before settle] … [after settle]
 *
 * It tells each answer that `sendMessage` gave, one line of JSON, before it goes on. It runs the built packages.
 */
import { writeSync } from "node:fs";
import { followEvents, openJournal, sendMessage } from "@taskwal/agentapi-bridge";

const [, , sessionDir, baseUrl, step, texts] = process.argv;

const counts = new Map();
const reach = (name) => {
  const count = (counts.get(name) ?? 0) + 1;
  counts.set(name, count);
  if (`${name} ${count}` === step) process.kill(process.pid, "SIGKILL");
};

const journal = await openJournal({ sessionDir });
for (const name of ["hear", "flush", "intend", "settle"]) {
  const call = journal[name].bind(journal);
  journal[name] = async (...facts) => {
    reach(`before ${name}`);
    const result = await call(...facts);
    reach(`after ${name}`);
    return result;
  };
}
const ask = globalThis.fetch;
globalThis.fetch = async (url, options) => {
  const name = options?.method === "POST" ? "POST" : "GET";
  reach(`before ${name}`);
  const response = await ask(url, options);
  reach(`after ${name}`);
  return response;
};

const stop = new AbortController();
const following = followEvents({ journal, baseUrl, signal: stop.signal });
await following.ready;
for (const text of JSON.parse(texts)) {
  const { outcome } = await sendMessage({ journal, baseUrl, text, timeoutMs: 20_000 });
  writeSync(1, `${JSON.stringify({ text, outcome })}\n`);
  reach("told");
}
stop.abort();
await following.done;
await journal.close();
