/**
 * A program to wrap: a greeting, a prompt, and to each message the reply of a captured conversation.
 *
 *     demo-agent.mjs [mode] [state file with the replies]
 *
 * The rule: it is the same under the real program, on a terminal, and under the fake one, on pipes.
 */
import { readFileSync } from "node:fs";

const [, , mode = "answers", replies] = process.argv;
const turns = replies === undefined ? [] : JSON.parse(readFileSync(replies, "utf8")).messages;
const print = (text) => process.stdout.write(text);
const replyTo = (text) => {
  const index = turns.findIndex(({ role, message }) => role === "user" && message === text);
  const reply = index < 0 ? undefined : turns[index + 1]?.message;
  return reply?.replace(/ +$/gm, "") ?? (mode === "repeats" ? "Done." : `You said: ${text}`);
};

process.on("SIGINT", mode === "ignores-sigint" ? () => {} : () => process.exit(0));
process.stdin.setRawMode?.(true);
process.stdin.setEncoding("utf8");
// A terminal that goes away hangs up on its program; a pipe only ends.
process.stdin.on("end", () => process.exit(0));
let typed = "";
let pasted;
process.stdin.on("data", (text) => {
  if (mode === "silent") return;
  typed += text;
  // A message comes between the marks of a bracketed paste, and then the Enter key.
  // oxlint-disable-next-line no-control-regex -- the marks are escape sequences
  const paste = /\x1B\[200~([^]*)\x1B\[201~/.exec(typed);
  if (paste && pasted === undefined) print((pasted = paste[1]));
  if (pasted === undefined || !typed.endsWith("\r")) return;
  const [first, ...rest] = replyTo(pasted).split("\n");
  [typed, pasted] = ["", undefined];
  const more = () => print(`${rest.map((line) => `\n${line}`).join("")}\n\n> `);
  print(mode === "thinks" ? "\n" : `\n${first}`);
  setTimeout(
    () => (mode === "thinks" ? print(first) : undefined, more()),
    mode === "thinks" ? 1000 : 60,
  );
});

if (mode === "boots-for-ever") {
  print("demo-agent 1.3.0\nloading model weights…\n");
} else if (mode === "crashes" || mode === "quits") {
  print(
    `demo-agent 1.3.0\n${mode === "crashes" ? "fatal: cannot read credentials: file is empty" : "nothing to do"}\n`,
  );
  setTimeout(() => process.exit(mode === "crashes" ? 1 : 0), 400);
} else {
  print("demo-agent 1.3.0 – type a message\n\n> ");
}
