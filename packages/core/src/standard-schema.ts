/**
 * The Standard Schema interface, version 1 (standardschema.dev): how zod, valibot, arktype and others
 * look from outside. Types only, copied as the specification asks, so that the engine depends on none.
 *
 *     caller ── InferInput ──> validate ── InferOutput ──> record, reducer
 *
 * The rule: synchronous only. A mutation is validated and reduced in one turn of the event loop;
 * a schema that answers with a promise is a mistake in the program, not in the payload.
 */

/** A schema that takes `Input` and gives `Output`; they differ where it has defaults or transforms. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    /** The name of the library: "zod". */
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    /** Exists in types only. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What a caller passes. */
export type InferInput<Schema extends StandardSchema> = NonNullable<
  Schema["~standard"]["types"]
>["input"];

/** What the schema makes of it. */
export type InferOutput<Schema extends StandardSchema> = NonNullable<
  Schema["~standard"]["types"]
>["output"];

/** What a schema has against a value; `path` is from the outermost key inwards. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (string | number)[];
}

export type Validation<Output = unknown> =
  | { readonly ok: true; readonly value: Output }
  | { readonly ok: false; readonly issues: readonly SchemaIssue[] };

/**
 * The schema's output for `value`, or its issues.
 * @throws TypeError if the schema answers with a promise; what the schema throws passes through.
 */
export const validate = <Schema extends StandardSchema>(
  schema: Schema,
  value: unknown,
): Validation<InferOutput<Schema>> => {
  const standard = schema["~standard"];
  const result = standard.validate(value);
  if (isPromise(result)) throw refusedPromise(result, standard.vendor);
  return result.issues
    ? { ok: false, issues: result.issues.map(plainIssue) }
    : { ok: true, value: result.value };
};

/** Whether a value looks like a schema of this interface; for callers without types. */
export const isStandardSchema = (value: unknown): value is StandardSchema => {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  const standard = (value as Partial<StandardSchema>)["~standard"];
  return standard?.version === 1 && typeof standard.validate === "function";
};

const isPromise = <T>(value: T | Promise<T>): value is Promise<T> =>
  typeof value === "object" && value !== null && "then" in value;

const refusedPromise = (promise: Promise<unknown>, vendor: string): TypeError => {
  // The promise is dropped, and its rejection must not end the host as an unhandled one.
  promise.then(undefined, () => {});
  // zod answers with a promise also when a check or transform throws: it tries again asynchronously.
  return new TypeError(
    `the ${vendor} schema answered with a promise: it has an asynchronous part, or a function in it threw, and only synchronous schemas can be used`,
  );
};

/** Plain data: issues of some libraries carry the whole input, and keys that are symbols. */
const plainIssue = ({ message, path }: StandardIssue): SchemaIssue => {
  if (path === undefined) return { message };
  const keys = path.map((part) => (typeof part === "object" ? part.key : part));
  return { message, path: keys.map((key) => (typeof key === "symbol" ? String(key) : key)) };
};
