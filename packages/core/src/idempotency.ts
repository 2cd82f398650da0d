/**
 * Recent idempotency keys and what they came to: the same call with the same key happens once, also
 * over a restart and after an outcome "unknown".
 *
 * The rule: a key is remembered for `keyAgeMsMax` or until `keyCountMax` newer ones came, whichever is
 * first; the same key with another mutation is a conflict.
 */
import { canonicalJson, sha256, type JsonValue } from "@taskwal/format";

export const keyCountMax = 10_000;
export const keyAgeMsMax = 24 * 60 * 60 * 1_000;

/** What one mutation of a call was, for comparing. */
export interface KeyedMutation {
  readonly type: string;
  readonly id: string;
  readonly data: JsonValue;
}

export interface KeyResult {
  readonly key: string;
  /** SHA-256 of the call's mutations, hex. */
  readonly fingerprint: string;
  /** Of the call's first mutation. */
  readonly type: string;
  readonly id: string;
  readonly version: number;
  readonly sequence: number;
  readonly at: number;
}

export const fingerprint = (mutations: readonly KeyedMutation[]): string => {
  const spelled = mutations.map(({ type, id, data }) => [type, id, data]);
  return sha256().update(canonicalJson(spelled)).digest("hex");
};

export class RecentKeys {
  readonly #results = new Map<string, KeyResult>();

  get(key: string): KeyResult | undefined {
    return this.#results.get(key);
  }

  add(result: KeyResult): void {
    this.#results.delete(result.key);
    this.#results.set(result.key, result);
    for (const [key, { at }] of this.#results) {
      const old = at < result.at - keyAgeMsMax;
      if (!old && this.#results.size <= keyCountMax) break;
      this.#results.delete(key);
    }
  }

  forget(key: string): void {
    this.#results.delete(key);
  }

  /** Oldest first. */
  all(): readonly KeyResult[] {
    return [...this.#results.values()];
  }
}
