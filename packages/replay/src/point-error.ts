/** Somebody asked for a point that is none, or that this log does not have: a wrong call, told in one sentence. */
export class PointError extends Error {
  override readonly name = "PointError";
}
