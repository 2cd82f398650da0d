/**
 * Conditions that a person writes: `status == "failed" && logs.length > 3`. Parsed by jsep, which makes a tree of the
 * words of an expression and evaluates nothing; judged here, node by node.
 *
 *     names and paths    status   data.set.status   metadata["a-b"]   logs[0].level   logs.length
 *     literals           "text"   12   true   false   null
 *     between            == != < <= > >=  &&  ||  !  -  ( )
 *
 * The rule: nothing of the program can be reached: only own fields are read, nothing is called or assigned, and what
 * is not in this list is refused before anything is read. What is absent equals null; unlike kinds have no order.
 */
import jsep, { type Expression } from "jsep";
import { UsageError } from "../usage-error.ts";

/** Whether it holds of a value; of none, every field is absent. */
export type Condition = (value: unknown) => boolean;
type Evaluate = (value: unknown) => unknown;

/** Throws UsageError for what is no condition. */
export const parseCondition = (text: string): Condition => {
  let tree: Expression;
  try {
    tree = jsep(text);
  } catch (error) {
    throw new UsageError(
      `"${text}" is no condition: ${error instanceof Error ? error.message : ""}`,
    );
  }
  const evaluate = compile(tree);
  return (value) => truth(evaluate(value));
};

const truth = (value: unknown): boolean => value !== undefined && value !== null && value !== false;

/** What a condition may be made of. */
type Judged =
  | jsep.Literal
  | jsep.Identifier
  | jsep.MemberExpression
  | jsep.UnaryExpression
  | jsep.BinaryExpression;

const compile = (node: Expression): Evaluate => {
  const one = node as Judged;
  switch (one.type) {
    case "Literal": {
      const { value } = one;
      return () => value;
    }
    case "Identifier": {
      const { name } = one;
      return (value) => own(value, name);
    }
    case "MemberExpression": {
      const of = compile(one.object);
      if (!one.computed) {
        const { name } = one.property as { name?: unknown };
        return (value) => own(of(value), String(name));
      }
      const key = compile(one.property);
      return (value) => own(of(value), key(value));
    }
    case "UnaryExpression": {
      const argument = compile(one.argument);
      if (one.operator === "!") return (value) => !truth(argument(value));
      if (one.operator === "-") return (value) => -Number(argument(value));
      return refuse(one.operator);
    }
    case "BinaryExpression":
      return binary(one.operator, compile(one.left), compile(one.right));
    default:
      return refuse(node.type);
  }
};

const refuse = (what: string): never => {
  throw new UsageError(`a condition cannot have "${what}": see taskwal bisect --help`);
};

const binary = (operator: string, left: Evaluate, right: Evaluate): Evaluate => {
  switch (operator) {
    case "&&":
      return (value) => truth(left(value)) && truth(right(value));
    case "||":
      return (value) => truth(left(value)) || truth(right(value));
    case "==":
    case "===":
      return (value) => same(left(value), right(value));
    case "!=":
    case "!==":
      return (value) => !same(left(value), right(value));
    case "<":
      return ordered(left, right, (order) => order < 0);
    case "<=":
      return ordered(left, right, (order) => order <= 0);
    case ">":
      return ordered(left, right, (order) => order > 0);
    case ">=":
      return ordered(left, right, (order) => order >= 0);
    default:
      return refuse(operator);
  }
};

const same = (one: unknown, other: unknown): boolean => (one ?? null) === (other ?? null);

const ordered =
  (left: Evaluate, right: Evaluate, holds: (order: number) => boolean): Evaluate =>
  (value) => {
    const [one, other] = [left(value), right(value)];
    if (typeof one === "number" && typeof other === "number") return holds(one - other);
    if (typeof one !== "string" || typeof other !== "string") return false;
    if (one === other) return holds(0);
    return holds(one < other ? -1 : 1);
  };

const own = (value: unknown, key: unknown): unknown => {
  if (typeof value === "string") return key === "length" ? value.length : undefined;
  if (typeof value !== "object" || value === null) return undefined;
  if (typeof key !== "string" && typeof key !== "number") return undefined;
  return Object.hasOwn(value, key) ? (value as Record<string | number, unknown>)[key] : undefined;
};
