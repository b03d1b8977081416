import { createHash } from 'node:crypto';
import {
  type FieldNode,
  type FragmentDefinitionNode,
  getNamedType,
  type GraphQLNamedType,
  type GraphQLSchema,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  print,
  type SelectionSetNode,
} from 'graphql';
import type { CacheRules } from './cacheRules.js';
import type { Step } from './plan.js';

/** How long the answers of one operation may be kept, by anybody and for everybody. */
export interface CachePolicy {
  maxAgeS: number;
  /** The subgraphs that are asked. */
  services: readonly string[];
  /** Names the operation, whatever its variables. */
  key: string;
  /** The variables that its answer depends on. */
  variableNames: readonly string[];
}

interface Looking {
  schema: GraphQLSchema;
  rules: CacheRules;
  fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  /** Fragments that have been looked at, or are being. */
  seen: Set<string>;
  maxAgeS: number;
}

/**
 * The policy of an operation; null when its answers are nobody's to keep: it is no query, or some field, also one under a condition, does not say that it
 * may be kept. Made once with the plan, so that those who cannot profit pay nothing.
 */
export function cachePolicyOf(
  graph: { schema: GraphQLSchema; caching: CacheRules; fingerprint: string },
  operation: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  steps: readonly Step[],
): CachePolicy | null {
  const root = graph.schema.getQueryType();
  if (operation.operation !== OperationTypeNode.QUERY || graph.caching.size === 0 || !root) return null;
  const looking: Looking = { schema: graph.schema, rules: graph.caching, fragments, seen: new Set(), maxAgeS: Number.POSITIVE_INFINITY };
  if (!mayKeep(looking, root, operation.selectionSet) || !Number.isFinite(looking.maxAgeS) || looking.maxAgeS === 0) return null;
  const services = new Set<string>();
  for (const step of steps) collectServices(step, services);
  const spread = [...fragments.values()].filter(({ name }) => looking.seen.has(name.value));
  const key = createHash('sha256').update(graph.fingerprint);
  for (const part of [operation, ...spread]) key.update(`\n${print(part)}`);
  return {
    maxAgeS: looking.maxAgeS,
    services: [...services],
    key: key.digest('base64url'),
    variableNames: (operation.variableDefinitions ?? []).map(({ variable }) => variable.name.value),
  };
}

function mayKeep(looking: Looking, type: GraphQLNamedType | undefined, set: SelectionSetNode): boolean {
  return set.selections.every((selection) => {
    if (selection.kind === Kind.FIELD) return selection.name.value === '__typename' || mayKeepField(looking, type, selection);
    if (selection.kind === Kind.FRAGMENT_SPREAD) return mayKeepFragment(looking, selection.name.value);
    const condition = selection.typeCondition?.name.value;
    return mayKeep(looking, condition === undefined ? type : looking.schema.getType(condition), selection.selectionSet);
  });
}

/** Of an abstract type nothing is known: objects of any type may stand there. */
function mayKeepField(looking: Looking, type: GraphQLNamedType | undefined, { name, selectionSet }: FieldNode): boolean {
  const rule = isObjectType(type) ? looking.rules.get(`${type.name}.${name.value}`) : undefined;
  if (rule === undefined || !isObjectType(type)) return false;
  if (rule !== null) looking.maxAgeS = Math.min(looking.maxAgeS, rule);
  const field = type.getFields()[name.value];
  return !selectionSet || (field !== undefined && mayKeep(looking, getNamedType(field.type), selectionSet));
}

function mayKeepFragment(looking: Looking, name: string): boolean {
  const fragment = looking.fragments.get(name);
  if (!fragment) return false;
  if (looking.seen.has(name)) return true;
  looking.seen.add(name);
  return mayKeep(looking, looking.schema.getType(fragment.typeCondition.name.value), fragment.selectionSet);
}

function collectServices(step: Step, services: Set<string>): void {
  if (step.kind === 'fetch') services.add(step.service);
  else if (step.kind === 'flatten') collectServices(step.step, services);
  else if (step.kind === 'condition') for (const branch of [step.then, step.otherwise]) branch && collectServices(branch, services);
  else for (const each of step.steps) collectServices(each, services);
}
