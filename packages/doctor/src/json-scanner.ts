/**
 * Reads one JSON value as its bytes come by, and keeps none of it but the few short scalars it is asked for.
 *
 *     chunk ─ feed ─┬─ scalar("tasks.*.id", "6f…")          a path: keys, "*" for any element of an array
 *     chunk ─ feed ─┼─ ended("tasks.*")                     an object or an array is whole
 *                   └─ status: blank ─ open ─ whole | bad
 *
 * Why not JSON.parse: it needs the whole text as one string, and tells nothing of a text that is cut.
 *
 * The rule: a value is "whole" exactly where JSON.parse takes the same bytes; memory grows with the
 * depth only, which has a bound.
 */

export interface ScanListener {
  /** A string, number, boolean or null under a key that was asked for; longer ones than `textBytesMax` are not told. */
  readonly scalar: (path: string, value: string | number | boolean | null) => void;
  readonly ended: (path: string) => void;
}

/** Levels that have a path; what lies deeper is checked and not told. */
const pathLevelsMax = 5;
const levelsMax = 100_000;
const textBytesMax = 256;

interface Frame {
  readonly isArray: boolean;
  /** Undefined where it is too deep to be told. */
  readonly path: string | undefined;
  key: string | undefined;
}
const deepArray: Frame = { isArray: true, path: undefined, key: undefined };
const deepObject: Frame = { isArray: false, path: undefined, key: undefined };

type Expected = "value" | "value or ]" | "key" | "key or }" | "colon" | "next";
type Token = "none" | "string" | "escape" | "hex" | "number" | "literal";

export class JsonScanner {
  /** `blank`: nothing but spaces yet. `bad`: the byte that `feed` stopped at cannot stand there. */
  status: "blank" | "open" | "whole" | "bad" = "blank";
  private readonly listener: ScanListener;
  private readonly keys: ReadonlySet<string>;
  private readonly stack: Frame[] = [];
  private expected: Expected = "value";
  private token: Token = "none";
  private isKey = false;
  private hexLeft = 0;
  private numberState: NumberState = "start";
  private literal = "";
  private literalRead = 0;
  private readonly text = Buffer.alloc(textBytesMax);
  /** Bytes of the token that were kept; -1 for a token that nobody asked for, or one that is too long. */
  private textBytes = -1;

  /** Tells `listener` the scalars under these keys. */
  constructor(listener: ScanListener, keys: ReadonlySet<string>) {
    this.listener = listener;
    this.keys = keys;
  }

  /** Reads on from `from`. Returns where it stopped: behind the value, at a bad byte, or at the end of the chunk. */
  feed(chunk: Uint8Array, from = 0): number {
    let at = from;
    while (at < chunk.length && (this.status === "open" || this.status === "blank")) {
      if (this.token === "none") at = this.step(chunk[at] ?? 0, at);
      else if (this.token === "string") at = this.readString(chunk, at);
      else at = this.readToken(chunk[at] ?? 0, at);
    }
    return at;
  }

  /** No more bytes come: a number that stands alone is whole only now. */
  end(): void {
    if (this.token === "number" && this.stack.length === 0) this.endNumber();
  }

  get isInString(): boolean {
    return this.token === "string" || this.token === "escape" || this.token === "hex";
  }

  private step(byte: number, at: number): number {
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) return at + 1;
    this.status = "open";
    switch (this.expected) {
      case "value or ]":
        if (byte === 0x5d) return this.close(at);
        return this.beginValue(byte, at);
      case "value":
        return this.beginValue(byte, at);
      case "key or }":
        if (byte === 0x7d) return this.close(at);
        return this.beginKey(byte, at);
      case "key":
        return this.beginKey(byte, at);
      case "colon":
        if (byte !== 0x3a) return this.refuse(at);
        this.expected = "value";
        return at + 1;
      case "next":
        return this.readNext(byte, at);
    }
  }

  private readNext(byte: number, at: number): number {
    const isArray = this.stack.at(-1)?.isArray === true;
    if (byte === (isArray ? 0x5d : 0x7d)) return this.close(at);
    if (byte !== 0x2c) return this.refuse(at);
    this.expected = isArray ? "value" : "key";
    return at + 1;
  }

  private beginValue(byte: number, at: number): number {
    if (byte === 0x7b || byte === 0x5b) return this.open(byte === 0x5b, at);
    this.textBytes = this.isAsked() ? 0 : -1;
    if (byte === 0x22) {
      this.isKey = false;
      this.token = "string";
      return at + 1;
    }
    if (byte === 0x2d || (byte >= 0x30 && byte <= 0x39)) {
      this.token = "number";
      this.numberState = "start";
      return at;
    }
    this.literal = byte === 0x74 ? "true" : byte === 0x66 ? "false" : byte === 0x6e ? "null" : "";
    if (this.literal === "") return this.refuse(at);
    this.token = "literal";
    this.literalRead = 0;
    return at;
  }

  private beginKey(byte: number, at: number): number {
    if (byte !== 0x22) return this.refuse(at);
    this.isKey = true;
    this.token = "string";
    this.textBytes = this.stack.at(-1)?.path === undefined ? -1 : 0;
    return at + 1;
  }

  private isAsked(): boolean {
    const frame = this.stack.at(-1);
    return frame === undefined || (frame.key !== undefined && this.keys.has(frame.key));
  }

  private open(isArray: boolean, at: number): number {
    if (this.stack.length >= levelsMax) return this.refuse(at);
    const path = this.stack.length >= pathLevelsMax ? undefined : this.childPath();
    const deep = isArray ? deepArray : deepObject;
    this.stack.push(path === undefined ? deep : { isArray, path, key: undefined });
    this.expected = isArray ? "value or ]" : "key or }";
    return at + 1;
  }

  /** The path of the value that comes now. Undefined if it is not told. */
  private childPath(): string | undefined {
    const frame = this.stack.at(-1);
    if (frame === undefined) return "";
    if (frame.path === undefined) return undefined;
    const part = frame.isArray ? "*" : frame.key;
    if (part === undefined) return undefined;
    return frame.path === "" ? part : `${frame.path}.${part}`;
  }

  private close(at: number): number {
    const path = this.stack.pop()?.path;
    if (path !== undefined) this.listener.ended(path);
    this.valueEnded();
    return at + 1;
  }

  private valueEnded(): void {
    this.token = "none";
    this.expected = "next";
    if (this.stack.length === 0) this.status = "whole";
  }

  private readString(chunk: Uint8Array, from: number): number {
    let at = from;
    let byte = chunk[at] ?? 0x22;
    while (byte !== 0x22 && byte !== 0x5c && byte >= 0x20) {
      at += 1;
      if (at === chunk.length) break;
      byte = chunk[at] ?? 0x22;
    }
    this.keep(chunk, from, at);
    if (at === chunk.length) return at;
    if (byte === 0x22) this.endString();
    else if (byte === 0x5c) {
      this.keep(chunk, at, at + 1);
      this.token = "escape";
    } else return this.refuse(at);
    return at + 1;
  }

  private readToken(byte: number, at: number): number {
    if (this.token === "number") return this.readNumber(byte, at);
    if (this.token === "literal") return this.readLiteral(byte, at);
    const isHex = this.token === "hex";
    if (!(isHex ? hexDigits : escapes).includes(byte)) return this.refuse(at);
    this.keep(Uint8Array.of(byte), 0, 1);
    if (isHex) this.hexLeft -= 1;
    else this.hexLeft = byte === 0x75 ? 4 : 0;
    this.token = this.hexLeft > 0 ? "hex" : "string";
    return at + 1;
  }

  private readNumber(byte: number, at: number): number {
    const next = nextNumberState(this.numberState, byte);
    if (next === undefined) {
      if (!wholeNumbers.has(this.numberState)) return this.refuse(at);
      this.endNumber();
      return at;
    }
    this.numberState = next;
    this.keep(Uint8Array.of(byte), 0, 1);
    return at + 1;
  }

  private readLiteral(byte: number, at: number): number {
    if (byte !== this.literal.charCodeAt(this.literalRead)) return this.refuse(at);
    this.literalRead += 1;
    if (this.literalRead === this.literal.length) {
      if (this.textBytes >= 0) this.tell(this.literal === "null" ? null : this.literal === "true");
      this.valueEnded();
    }
    return at + 1;
  }

  private endNumber(): void {
    if (!wholeNumbers.has(this.numberState)) return;
    if (this.textBytes >= 0) this.tell(Number(this.text.toString("latin1", 0, this.textBytes)));
    this.valueEnded();
  }

  private endString(): void {
    const text = this.textBytes < 0 ? undefined : decoded(this.text.subarray(0, this.textBytes));
    if (!this.isKey) {
      if (text !== undefined) this.tell(text);
      return this.valueEnded();
    }
    const frame = this.stack.at(-1);
    if (frame && frame.path !== undefined) frame.key = text;
    this.token = "none";
    this.expected = "colon";
  }

  private tell(value: string | number | boolean | null): void {
    const path = this.childPath();
    if (path !== undefined) this.listener.scalar(path, value);
  }

  private keep(chunk: Uint8Array, from: number, to: number): void {
    if (this.textBytes < 0) return;
    if (this.textBytes + to - from > textBytesMax) {
      this.textBytes = -1;
      return;
    }
    this.text.set(chunk.subarray(from, to), this.textBytes);
    this.textBytes += to - from;
  }

  private refuse(at: number): number {
    this.status = "bad";
    return at;
  }
}

const hexDigits = Buffer.from("0123456789abcdefABCDEF");
const escapes = Buffer.from('"\\/bfnrtu');

/** Without the quotes. The scanner has checked the escapes. */
const decoded = (raw: Buffer): string => {
  const text = raw.toString("utf8");
  return text.includes("\\") ? (JSON.parse(`"${text}"`) as string) : text;
};

type NumberState =
  | "start"
  | "minus"
  | "zero"
  | "whole"
  | "point"
  | "fraction"
  | "e"
  | "sign"
  | "exponent";
const wholeNumbers: ReadonlySet<NumberState> = new Set(["zero", "whole", "fraction", "exponent"]);

/** Undefined where the byte is no part of the number. */
const nextNumberState = (state: NumberState, byte: number): NumberState | undefined => {
  const isDigit = byte >= 0x30 && byte <= 0x39;
  const isE = byte === 0x65 || byte === 0x45;
  switch (state) {
    case "start":
      if (byte === 0x2d) return "minus";
      return byte === 0x30 ? "zero" : isDigit ? "whole" : undefined;
    case "minus":
      return byte === 0x30 ? "zero" : isDigit ? "whole" : undefined;
    case "zero":
      return byte === 0x2e ? "point" : isE ? "e" : undefined;
    case "whole":
      return isDigit ? "whole" : byte === 0x2e ? "point" : isE ? "e" : undefined;
    case "point":
      return isDigit ? "fraction" : undefined;
    case "fraction":
      return isDigit ? "fraction" : isE ? "e" : undefined;
    case "e":
      return isDigit ? "exponent" : byte === 0x2b || byte === 0x2d ? "sign" : undefined;
    case "sign":
    case "exponent":
      return isDigit ? "exponent" : undefined;
  }
};
