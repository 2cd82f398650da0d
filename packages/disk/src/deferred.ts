/** A promise and its key: Promise.withResolvers, which Node 20 lacks. */
export interface Deferred {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

const unset = (): void => {};

export const deferred = (): Deferred => {
  let resolve = unset;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
};
