/** The generic engine: a model, its store, and recovery. Knows no task. */
export {
  defineEntity,
  type ChangeDefinition,
  type CreateDefinition,
  type Entity,
  type EntityDefinition,
  type EntitySpec,
  type EntityTypes,
  type EntityValue,
  type MutationMeta,
} from "./define-entity.ts";
export {
  defineModel,
  migrateEntity,
  type EntityDefinitions,
  type EntityModel,
  type EntityView,
  type ListModel,
  type Model,
  type ModelSpec,
  type MutationModel,
  type TypedModel,
} from "./define-model.ts";
export type {
  Collection,
  CollectionReader,
  CollectionsOf,
  Committed,
  Receipt,
  TransactionCollection,
  TransactionOf,
  TransactionOptions,
  TransactionWriteOptions,
  ValueOf,
  WriteOptions,
} from "./collection-type.ts";
export {
  validate,
  type InferInput,
  type InferOutput,
  type SchemaIssue,
  type StandardSchema,
  type Validation,
} from "./standard-schema.ts";
export type { VersionStep, VersionSteps } from "./version-steps.ts";
