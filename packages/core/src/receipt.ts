/**
 * What the calls of a store return: a promise that may be left alone.
 *
 * The rule: a rejection that nobody handles is told to `onUnhandled`, and never becomes an unhandled
 * rejection that ends the host process. "Handled" means that someone called `then`, `catch` or
 * `finally`, or awaited it, before it was rejected; a call that is refused at once is rejected only
 * after its caller had the time to await it.
 */
export class PendingReceipt<Value> extends Promise<Value> {
  #handled = false;

  // Promises made from this one are plain.
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  get handled(): boolean {
    return this.#handled;
  }

  // oxlint-disable-next-line unicorn/no-thenable -- it is a promise; this only notes that someone waits
  override then<A = Value, B = never>(
    onFulfilled?: ((value: Value) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#handled = true;
    return super.then(onFulfilled, onRejected);
  }
}

export interface Settlement<Value> {
  readonly receipt: PendingReceipt<Value>;
  readonly resolve: (value: Value) => void;
  readonly reject: (error: unknown) => void;
}

/** A receipt and the two ways to settle it. */
export const openReceipt = <Value>(onUnhandled: (error: unknown) => void): Settlement<Value> => {
  let resolve!: (value: Value) => void;
  let rejectPromise!: (error: unknown) => void;
  const receipt = new PendingReceipt<Value>((onValue, onError) => {
    resolve = onValue;
    rejectPromise = onError;
  });
  const reject = (error: unknown): void => {
    const settle = (): void => {
      if (!receipt.handled) {
        onUnhandled(error);
        void Promise.prototype.then.call(receipt, undefined, () => {});
      }
      rejectPromise(error);
    };
    // `await` calls `then` one microtask after the call returned, and this may run before it returned.
    queueMicrotask(() => queueMicrotask(settle));
  };
  return { receipt, resolve, reject };
};

/** The receipt of work that has begun. */
export const receiptOf = <Value>(
  work: Promise<Value>,
  onUnhandled: (error: unknown) => void,
): PendingReceipt<Value> => {
  const { receipt, resolve, reject } = openReceipt<Value>(onUnhandled);
  work.then(resolve, reject);
  return receipt;
};
