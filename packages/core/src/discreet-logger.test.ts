import { ClosedError, DiskFailedError, InvalidMutationError } from "@taskwal/errors";
import { describe, expect, it } from "vitest";
import { discreetLogger } from "./discreet-logger.ts";
import { errorFacts } from "./error-facts.ts";
import type { Logger } from "./events.ts";

const levels = ["debug", "info", "warn", "error"] as const;

describe("what is logged of an error", () => {
  it("is all that it says, if this library or the system made it of paths, numbers and errnos", () => {
    const cause = Object.assign(new Error("ENOSPC: no space left, write"), {
      code: "ENOSPC",
      syscall: "write",
    });
    const disk = new DiskFailedError({
      operation: "write",
      path: "/s/a",
      outcome: "unknown",
      cause,
    });
    expect(errorFacts(disk)).toEqual({
      name: "DiskFailedError",
      code: "DISK_FAILED",
      message: "cannot write /s/a: ENOSPC; whether it was written is unknown",
    });
    expect(errorFacts(cause)).toEqual({ name: "Error", code: "ENOSPC", message: cause.message });
    expect(errorFacts(new ClosedError()).message).toBe("the store is closed");
  });

  it("is its class, code and place, if a schema, a reducer or a listener may have said it", () => {
    const quoting = new InvalidMutationError({ type: "t", id: "a", reason: "refused: hunter2" });
    for (const error of [quoting, new RangeError("hunter2\n    at hunter2")]) {
      const { at, ...facts } = errorFacts(error);
      expect(facts).toEqual({
        name: error.name,
        code: error instanceof RangeError ? undefined : "INVALID_MUTATION",
      });
      expect(at).toMatch(/^ {4}at .*discreet-logger\.test\.ts/);
      expect(at).not.toContain("hunter2");
    }
  });

  it("is no stack that cannot be told from a message, and no value that is thrown instead of an error", () => {
    const changed = new Error("hunter2");
    expect(changed.stack).toContain("hunter2");
    changed.message = "something else";
    expect(errorFacts(changed)).toEqual({ name: "Error", code: undefined });
    expect(errorFacts("hunter2")).toEqual({ name: "string", code: undefined });
    expect(errorFacts(undefined)).toEqual({ name: "undefined", code: undefined });
  });
});

describe("a logger that was given", () => {
  it("is called at its level, as its own method, with the facts and the message", () => {
    const said: unknown[] = [];
    class Given {
      readonly #said = said;
      debug = undefined as never;
      info(facts: unknown, message?: string): void {
        this.#said.push([facts, message]);
      }
      warn = this.info.bind(this);
      error = this.info.bind(this);
    }
    discreetLogger(new Given()).info({ a: 1 }, "b");
    discreetLogger(new Given()).warn({ error: "secret", a: 1 }, "c");
    expect(said).toEqual([
      [{ a: 1 }, "b"],
      [{ error: { name: "string", code: undefined }, a: 1 }, "c"],
    ]);
  });

  it("is made discreet once, so that nothing is taken from what it was told", () => {
    const nothing = (): void => {};
    const once = discreetLogger({ debug: nothing, info: nothing, warn: nothing, error: nothing });
    expect(discreetLogger(once)).toBe(once);
  });

  it.each(levels)("that throws in %s breaks nothing", (level) => {
    const fail = (): never => {
      throw new Error("closed");
    };
    const logger: Logger = { debug: fail, info: fail, warn: fail, error: fail };
    expect(() => discreetLogger(logger)[level]({}, "m")).not.toThrow();
  });
});
