/**
 * Reads the first JSON value of some bytes as far as they prove it, and says where it stops.
 *
 *     {"tasks":[{…},{…},{"id":"x","logs":[{…},{"message":"cut he
 *     └─ cut ──┘└──┘└──┘└─ cut ───────────┘└──┘└─ cut ──────────   "cut" is the open containers at the stop;
 *               whole                      whole                   everything else in the tree is whole
 *
 * Why not JSON.parse: it gives nothing for a damaged text, and silently changes numbers and keys.
 *
 * The rule: iterate, never recurse, so that depth cannot overflow the stack; a member is in the tree
 * only once the bytes prove it whole, save for the open containers, and those are listed.
 */
import { readNumber } from "./exact-number.ts";
import { scanNumber, scanString, type TokenStop } from "./json-token.ts";

/** Something that JSON.parse would have changed without a word. */
export interface ValueNote {
  readonly kind: "number-changed" | "forbidden-key" | "duplicate-key" | "invalid-utf-8";
  readonly path: readonly (string | number)[];
  /** One clause: "the number 1e400 became the text of it". */
  readonly reason: string;
  readonly startBytes: number;
}

export interface SalvageStop {
  /** The first byte that could not be used; the length of the bytes if they ended. */
  readonly atBytes: number;
  readonly ended: boolean;
  /** Where it happened: "inside a string", "inside an object", "before any value". */
  readonly place: string;
}

export interface Salvage {
  /** Undefined if no value begins. */
  readonly value: unknown;
  /** The byte after the value if it is whole, else where reading stopped. */
  readonly endBytes: number;
  /** Undefined if the value is whole. */
  readonly stop: SalvageStop | undefined;
  /** The containers that were still open at the stop: their last member may be missing. */
  readonly cut: ReadonlySet<unknown>;
  /** Containers within the limit that hold something beyond it, which was left out. */
  readonly tooDeep: ReadonlySet<unknown>;
  readonly notes: readonly ValueNote[];
  /** Notes beyond `notesMax`, counted only. */
  readonly notesOmitted: number;
}

export interface SalvageOptions {
  /** Where the text begins, behind a byte order mark. */
  readonly startBytes: number;
  /** Levels of objects and arrays that are kept, 1 or more. */
  readonly levelsMax: number;
}

/** Levels that are even looked at: each open one costs memory, and a text of 500 MB of "[" must not end it. */
const scannedLevelsMax = 1_000_000;
const notesMax = 1_000;

/** Reads what is whole of the first JSON value in `bytes`. Never throws, whatever the bytes. */
export const salvageJson = (bytes: Uint8Array, options: SalvageOptions): Salvage =>
  new Salvager(bytes, options).run();

type Container = unknown[] | Record<string, unknown>;

interface Frame {
  /** Undefined beyond the levels that are kept. */
  readonly container: Container | undefined;
  readonly isArray: boolean;
  /** Of an object: the key whose value comes next. Undefined for a key that is dropped. */
  key: string | undefined;
  /** Of an array: the index of the value that comes next. */
  index: number;
}

type Expected = "value" | "value or ]" | "key" | "key or }" | "colon" | "next";

class Salvager {
  private readonly bytes: Buffer;
  private readonly levelsMax: number;
  private readonly stack: Frame[] = [];
  private readonly tooDeep = new Set<unknown>();
  private readonly notes: ValueNote[] = [];
  private notesOmitted = 0;
  private position: number;
  private expected: Expected = "value";
  private root: unknown = undefined;
  private whole = false;
  private stop: SalvageStop | undefined = undefined;

  constructor(bytes: Uint8Array, options: SalvageOptions) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.position = options.startBytes;
    this.levelsMax = options.levelsMax;
  }

  run(): Salvage {
    while (!this.whole && this.stop === undefined) {
      const byte = this.skipSpace();
      if (byte === undefined) this.stopHere({ stopBytes: this.position, ended: true });
      else this.step(byte);
    }
    const { root: value, position: endBytes, stop, tooDeep, notes, notesOmitted } = this;
    const open = this.stack.map(({ container }) => container);
    const cut = new Set<unknown>(open.filter((container) => container !== undefined));
    return { value, endBytes, stop, cut, tooDeep, notes, notesOmitted };
  }

  private skipSpace(): number | undefined {
    let byte = this.bytes[this.position];
    while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) {
      this.position += 1;
      byte = this.bytes[this.position];
    }
    return byte;
  }

  private step(byte: number): void {
    switch (this.expected) {
      case "value or ]":
        return byte === 0x5d ? this.close() : this.readValue(byte);
      case "value":
        return this.readValue(byte);
      case "key or }":
        return byte === 0x7d ? this.close() : this.readKey(byte);
      case "key":
        return this.readKey(byte);
      case "colon":
        return byte === 0x3a ? this.advance("value") : this.refuse();
      case "next":
        return this.readNext(byte);
    }
  }

  private readNext(byte: number): void {
    const isArray = this.stack.at(-1)?.isArray === true;
    if (byte === 0x2c) this.advance(isArray ? "value" : "key");
    else if (byte === (isArray ? 0x5d : 0x7d)) this.close();
    else this.refuse();
  }

  private readValue(byte: number): void {
    if (byte === 0x7b || byte === 0x5b) this.open(byte === 0x5b);
    else if (byte === 0x22) this.readString();
    else if (byte === 0x2d || (byte >= 0x30 && byte <= 0x39)) this.readNumber();
    else this.readLiteral();
  }

  private readString(): void {
    const token = scanString(this.bytes, this.position);
    if ("ended" in token) return this.stopHere(token, "inside a string");
    this.noteInvalid(token.invalidBytes);
    this.put(token.text, token.endBytes);
  }

  private readNumber(): void {
    const token = scanNumber(this.bytes, this.position);
    if ("ended" in token) return this.stopHere(token, "inside a number");
    if (token.endBytes === this.bytes.length && this.stack.length > 0) {
      // The next byte, which is not there, might have been a digit.
      return this.stopHere({ stopBytes: token.endBytes, ended: true }, "inside a number");
    }
    const { value, kept } = readNumber(token.text);
    if (!kept) {
      const now = typeof value === "string" ? "a string, for no JSON number can hold it" : value;
      this.note("number-changed", `the number ${shortened(token.text)} became ${now}`);
    }
    this.put(value, token.endBytes);
  }

  private readLiteral(): void {
    for (const [word, value] of literals) {
      const found = this.bytes.toString("latin1", this.position, this.position + word.length);
      if (found === word) return this.put(value, this.position + word.length);
      if (word.startsWith(found) && this.position + found.length === this.bytes.length) {
        return this.stopHere({ stopBytes: this.bytes.length, ended: true }, `inside ${word}`);
      }
    }
    this.refuse();
  }

  private readKey(byte: number): void {
    const frame = this.stack.at(-1);
    if (byte !== 0x22 || frame === undefined) return this.refuse();
    const token = scanString(this.bytes, this.position);
    if ("ended" in token) return this.stopHere(token, "inside a key");
    const { container } = frame;
    frame.key = token.text;
    this.noteInvalid(token.invalidBytes);
    if (token.text === "__proto__") {
      this.note("forbidden-key", "a __proto__ key was dropped");
      frame.key = undefined;
    } else if (container !== undefined && Object.hasOwn(container, token.text)) {
      this.note("duplicate-key", `the key ${JSON.stringify(shortened(token.text))} comes twice`);
    }
    this.position = token.endBytes;
    this.expected = "colon";
  }

  /** Adds a value that is whole, and goes on behind it. */
  private put(value: unknown, endBytes: number): void {
    this.attach(value);
    this.position = endBytes;
    this.valueEnded();
  }

  private attach(value: unknown): void {
    const frame = this.stack.at(-1);
    if (frame === undefined) this.root = value;
    else if (Array.isArray(frame.container)) frame.container.push(value);
    else if (frame.container && frame.key !== undefined) frame.container[frame.key] = value;
  }

  private valueEnded(): void {
    const frame = this.stack.at(-1);
    if (frame === undefined) this.whole = true;
    else frame.index += 1;
    this.expected = "next";
  }

  private open(isArray: boolean): void {
    const { stack } = this;
    if (stack.length >= scannedLevelsMax) {
      const stop = { stopBytes: this.position, ended: false };
      return this.stopHere(stop, `below ${scannedLevelsMax} levels`);
    }
    const kept = stack.length < this.levelsMax;
    const container: Container | undefined = kept ? (isArray ? [] : {}) : undefined;
    if (container) this.attach(container);
    else this.markTooDeep();
    stack.push({ container, isArray, key: undefined, index: 0 });
    this.advance(isArray ? "value or ]" : "key or }");
  }

  /** Marks the open containers, innermost first, up to one that is marked already. */
  private markTooDeep(): void {
    for (let level = Math.min(this.stack.length, this.levelsMax) - 1; level >= 0; level -= 1) {
      const container = this.stack[level]?.container;
      if (this.tooDeep.has(container)) return;
      this.tooDeep.add(container);
    }
  }

  private close(): void {
    this.stack.pop();
    this.position += 1;
    this.valueEnded();
  }

  private advance(expected: Expected): void {
    this.position += 1;
    this.expected = expected;
  }

  private refuse(): void {
    this.stopHere({ stopBytes: this.position, ended: false });
  }

  private stopHere({ stopBytes: atBytes, ended }: TokenStop, place = this.place()): void {
    this.stop = { atBytes, ended, place };
    this.position = atBytes;
  }

  private place(): string {
    const frame = this.stack.at(-1);
    if (frame === undefined) return "before any value";
    return frame.isArray ? "inside an array" : "inside an object";
  }

  private noteInvalid(startBytes: number | undefined): void {
    if (startBytes === undefined) return;
    this.note("invalid-utf-8", `invalid UTF-8 at byte ${startBytes}, read as U+FFFD`, startBytes);
  }

  private note(kind: ValueNote["kind"], reason: string, startBytes = this.position): void {
    // What is left out anyway needs no notes about what is in it.
    if (this.stack.length > this.levelsMax) return;
    if (this.notes.length >= notesMax) this.notesOmitted += 1;
    else this.notes.push({ kind, path: this.path(), reason, startBytes });
  }

  private path(): (string | number)[] {
    return this.stack.map(({ isArray, index, key }) => (isArray ? index : (key ?? "__proto__")));
  }
}

const literals = [
  ["true", true],
  ["false", false],
  ["null", null],
] as const;

const shortened = (text: string): string => (text.length <= 60 ? text : `${text.slice(0, 60)}…`);
