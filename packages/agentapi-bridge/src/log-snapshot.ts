/**
 * The last messages of a conversation in one body that Coder takes: at most 65,536 bytes.
 *
 *     the last ten ─> fits? ─ yes ─> as they are
 *                       └ no ─> the longest of the older ones are cut, all to the same length, as little
 *                               as is enough; if 1 KiB of each is still too much, the last one is cut too
 *
 *     cut           the first quarter, a line that says how much is missing, the last three quarters
 *
 * The rule: none of the ten is left out and none is empty that was not, the last one keeps more than
 * 40,000 bytes, and sizes are bytes of the JSON that is sent, never characters.
 */
import { headWithin, jsonBytesOf, tailWithin } from "./json-bytes.ts";
import { registrySnapshot } from "./registry-snapshot.ts";
import { snapshotBytesMax, snapshotMessagesMax } from "./snapshot-message.ts";
import type { LogSnapshot, SnapshotMessage } from "./snapshot-message.ts";

export interface LogSnapshotOptions {
  /** Sized exactly as the module of coder/registry does: what it drops is dropped, where it gives up nothing is sent. */
  readonly compat?: "registry";
}

/** What an older message keeps of its content, whatever the others need. */
const oldContentBytesMin = 1024;
/** What the fields besides the content may have; beyond, only those that Coder reads are sent. */
const fieldBytesMax = 1024;

/** `payload` is the body of GET /messages, or one with the same fields. Only `compat: "registry"` sends its other fields. */
export const buildLogSnapshot = (
  payload: { readonly messages: readonly SnapshotMessage[]; readonly [field: string]: unknown },
  options: LogSnapshotOptions = {},
): LogSnapshot => {
  if (payload.messages.length === 0) return { outcome: "empty" };
  if (options.compat === "registry") return registrySnapshot(payload);
  const messages = payload.messages.slice(-snapshotMessagesMax).map(withSmallFields);
  const limits = contentLimits(messages);
  const fitted = messages.map((message, index) => ({
    ...message,
    content: cutContent(message.content, limits[index] ?? 0),
  }));
  return {
    outcome: "snapshot",
    body: new TextEncoder().encode(JSON.stringify({ messages: fitted })),
    messageCount: fitted.length,
    cutIds: messages
      .filter(({ content }, index) => content !== fitted[index]?.content)
      .map(({ id }) => id),
  };
};

/** Fields that nobody described must not displace the conversation. */
const withSmallFields = (message: SnapshotMessage): SnapshotMessage => {
  if (fieldBytes(message) <= fieldBytesMax) return message;
  const { id, content, role, time } = message;
  return {
    id,
    content,
    ...(typeof role === "string" && role.length <= 64 && { role }),
    ...(typeof time === "string" && time.length <= 64 && { time }),
  };
};

const fieldBytes = (message: SnapshotMessage): number =>
  Buffer.byteLength(JSON.stringify({ ...message, content: "" }));

/** How many bytes each content may have, so that the whole fits. */
const contentLimits = (messages: readonly SnapshotMessage[]): readonly number[] => {
  const room = snapshotBytesMax - Buffer.byteLength('{"messages":[]}') - messages.length;
  const contentRoom = room - messages.reduce((sum, each) => sum + fieldBytes(each), 0);
  const sizes = messages.map(({ content }) => jsonBytesOf(content, snapshotBytesMax));
  const lastSize = sizes.at(-1) ?? 0;
  const oldSizes = sizes.slice(0, -1);
  const oldTotal = (limit: number): number =>
    oldSizes.reduce((sum, size) => sum + Math.min(size, limit), 0);
  // The highest limit at which all fits: by halving, since the total only grows with it.
  let [low, high] = [oldContentBytesMin, snapshotBytesMax];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (oldTotal(middle) + lastSize <= contentRoom) low = middle;
    else high = middle - 1;
  }
  return [...oldSizes.map(() => low), contentRoom - oldTotal(low)];
};

const cutContent = (content: string, bytesMax: number): string => {
  if (jsonBytesOf(content, bytesMax) <= bytesMax) return content;
  const marker = (count: number): string =>
    `\n[...content truncated, ${count} characters left out...]\n`;
  // The longest marker that this content can have.
  const room = bytesMax - jsonBytesOf(marker(content.length), bytesMax);
  const head = headWithin(content, Math.floor(room / 4));
  const tail = tailWithin(content.slice(head.length), room - jsonBytesOf(head, room));
  return `${head}${marker(content.length - head.length - tail.length)}${tail}`;
};
