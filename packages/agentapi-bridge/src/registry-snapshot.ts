/**
 * The body that the shutdown script of coder/registry would send, for those who compare with it.
 *
 *     the last ten, indented ─> at most 65,536 bytes? ─ yes ─> sent
 *       └── no: more than one left ─> the oldest is dropped, again
 *               one left           ─> its last 57,344 characters, behind a marker; still too long: given up
 *
 * The rule: the script's behaviour, also where it loses the answer. Its program counts code points
 * of the content but bytes of the file. Half a surrogate pair, on which it would fail, becomes U+FFFD.
 */
import { snapshotBytesMax, snapshotMessagesMax } from "./snapshot-message.ts";
import type { LogSnapshot, SnapshotMessage } from "./snapshot-message.ts";

const contentCharactersMax = 57_344;
const marker = "[...content truncated, showing last 56KB...]\n\n";

export const registrySnapshot = (payload: {
  readonly messages: readonly SnapshotMessage[];
  readonly [field: string]: unknown;
}): LogSnapshot => {
  let messages = payload.messages.slice(-snapshotMessagesMax);
  const encoded = (): Uint8Array<ArrayBuffer> => encodeAsJq({ ...payload, messages });
  const sent = (body: Uint8Array<ArrayBuffer>, cutIds: readonly number[]): LogSnapshot => ({
    outcome: "snapshot",
    body,
    messageCount: messages.length,
    cutIds,
  });
  let body = encoded();
  while (body.length > snapshotBytesMax && messages.length > 1) {
    messages = messages.slice(1);
    body = encoded();
  }
  const [only] = messages;
  if (body.length <= snapshotBytesMax || !only) return sent(body, []);
  const characters = Array.from(only.content);
  if (characters.length > contentCharactersMax) {
    const content = `${marker}${characters.slice(-contentCharactersMax).join("")}`;
    messages = [{ ...only, content }];
    body = encoded();
  }
  return body.length <= snapshotBytesMax
    ? sent(body, [only.id])
    : { outcome: "gave-up", bytes: body.length };
};

/** As `jq` prints a value: indented by two, with a newline at the end, DEL escaped, no half pairs. */
const encodeAsJq = (value: unknown): Uint8Array<ArrayBuffer> => {
  const text = JSON.stringify(value, null, 2)
    .replace(/(?<!\\)((?:\\\\)*)\\ud[89a-f][0-9a-f]{2}/g, "$1\uFFFD")
    .replaceAll("\u007F", "\\u007f");
  return new TextEncoder().encode(`${text}\n`);
};
