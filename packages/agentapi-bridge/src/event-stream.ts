/**
 * The events in the bytes of a `text/event-stream`, as they come: pieces may end anywhere.
 *
 *     bytes ─> lines (LF, CRLF or CR) ─> fields, until an empty line ─> { event, data }
 *       └── cut at bytes that are ASCII, so no character is ever decoded in two pieces
 *
 * The rule: how the bytes were cut into pieces changes nothing. An event that is not ended when the
 * stream ends is not an event. One that is too long is told, not held: what it said is gone.
 */

/** One event, or the place of one that was longer than `eventBytesMax`. */
export type StreamEvent =
  | { readonly kind: "event"; readonly event: string; readonly data: string }
  | { readonly kind: "oversized"; readonly bytes: number };

export interface EventStreamReader {
  /** The events that these bytes complete, in order. The bytes are not kept: the caller may reuse them. */
  readonly push: (bytes: Uint8Array) => StreamEvent[];
}

export interface EventStreamOptions {
  /** The most bytes that one event may have, its field names included. Default 8 MiB. */
  readonly eventBytesMax?: number;
}

const lf = 0x0a;
const cr = 0x0d;
const byteOrderMark = "\uFEFF";

export const createEventStreamReader = (options: EventStreamOptions = {}): EventStreamReader => {
  const { eventBytesMax = 8 * 1024 * 1024 } = options;
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const event = createEventFields();
  /** The line whose end has not come: its first `lineBytes` bytes, none of them once the event is too long. */
  let line = new Uint8Array(1024);
  let lineBytes = 0;
  let eventBytes = 0;
  let isFirstLine = true;
  /** The byte before was a CR: an LF now belongs to it. */
  let afterCr = false;

  const hold = (piece: Uint8Array): void => {
    eventBytes += piece.length;
    if (eventBytes <= eventBytesMax) {
      line = withRoom(line, lineBytes + piece.length);
      line.set(piece, lineBytes);
    }
    lineBytes += piece.length;
  };

  const endLine = (): StreamEvent | undefined => {
    const isEmpty = lineBytes === 0;
    const isOversized = eventBytes > eventBytesMax;
    let text = isOversized ? "" : decoder.decode(line.subarray(0, lineBytes));
    lineBytes = 0;
    if (isFirstLine && text.startsWith(byteOrderMark)) text = text.slice(1);
    isFirstLine = false;
    if (!isEmpty) {
      if (isOversized) event.clear();
      else if (text !== "") event.add(text);
      return undefined;
    }
    const bytes = eventBytes;
    eventBytes = 0;
    return isOversized ? { kind: "oversized", bytes } : event.take();
  };

  const push = (bytes: Uint8Array): StreamEvent[] => {
    const events: StreamEvent[] = [];
    let start = afterCr && bytes[0] === lf ? 1 : 0;
    if (bytes.length > 0) afterCr = false;
    let nextLf = bytes.indexOf(lf, start);
    let nextCr = bytes.indexOf(cr, start);
    while (nextLf >= 0 || nextCr >= 0) {
      const end = nextLf < 0 || (nextCr >= 0 && nextCr < nextLf) ? nextCr : nextLf;
      hold(bytes.subarray(start, end));
      const complete = endLine();
      if (complete) events.push(complete);
      const isCrLf = end === nextCr && nextLf === end + 1;
      start = end + (isCrLf ? 2 : 1);
      afterCr = end === nextCr && start === bytes.length && !isCrLf;
      if (nextLf >= 0 && nextLf < start) nextLf = bytes.indexOf(lf, start);
      if (nextCr >= 0 && nextCr < start) nextCr = bytes.indexOf(cr, start);
    }
    hold(bytes.subarray(start));
    return events;
  };
  return { push };
};

/** The same bytes with room for as many, doubled so that a line of many pieces is not copied for each. */
const withRoom = (bytes: Uint8Array<ArrayBuffer>, countBytes: number): Uint8Array<ArrayBuffer> => {
  if (countBytes <= bytes.length) return bytes;
  const larger = new Uint8Array(Math.max(countBytes, bytes.length * 2));
  larger.set(bytes);
  return larger;
};

/** The fields of the event that is being read. `id` and `retry` mean nothing here: agentapi sends none. */
const createEventFields = () => {
  let name = "";
  let data: string[] = [];
  const clear = (): void => {
    name = "";
    data = [];
  };
  return {
    clear,
    add: (line: string): void => {
      const colon = line.indexOf(":");
      // A line that begins with a colon is a comment.
      if (colon === 0) return;
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
      if (field === "event") name = value;
      else if (field === "data") data.push(value);
    },
    /** Undefined where there was no data: then nothing is dispatched. */
    take: (): StreamEvent | undefined => {
      const isDispatched = data.length > 0;
      const taken: StreamEvent = { kind: "event", event: name || "message", data: data.join("\n") };
      clear();
      return isDispatched ? taken : undefined;
    },
  };
};
