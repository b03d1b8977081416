import {
  type ASTVisitor,
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValidationContext,
  type ValidationRule,
} from 'graphql';
import { conditionsOf } from './executor/selections.js';

/** How much one document may ask for (GW-23). Fragments count as often as they are spread. */
export interface QueryLimits {
  /** Fields inside fields; introspection has a limit of its own in graphql-js. */
  depth: number;
  aliases: number;
  rootFields: number;
  /**
   * Variables that `@skip` and `@include` of an operation may depend on. Each doubles the plans that there can be: of 256 those in use are few, with
   * twelve such variables one client could have everything planned anew for an hour.
   */
  conditions: number;
  /** What an operation may cost to run, by cost.ts: about the objects that it can make subgraphs look up. */
  cost: number;
  /** Lexical tokens, checked while parsing: the first line of defence. GraphiQL's introspection query has about 400. */
  tokens: number;
}

export const DEFAULT_LIMITS: QueryLimits = { depth: 15, aliases: 30, rootFields: 20, conditions: 8, cost: 10_000, tokens: 2_000 };

interface Size {
  depth: number;
  aliases: number;
  fields: number;
  conditions: ReadonlySet<string>;
}

const EMPTY: Size = { depth: 0, aliases: 0, fields: 0, conditions: new Set() };

const ADVICE: Record<'depth' | 'aliases' | 'rootFields' | 'conditions', string> = {
  depth: 'Nest less deeply, or split it into several operations.',
  aliases: 'Use fewer aliases, or split it into several operations.',
  rootFields: 'Ask for fewer fields at the top, or split it into several operations.',
  conditions: 'Let fewer variables decide what is selected, or send an operation of its own for each case.',
};

/** A validation rule, so that one set of limits holds for HTTP and WebSocket, and is checked once per document where documents are cached. */
export function limitsRule(limits: QueryLimits): ValidationRule {
  return (context: ValidationContext): ASTVisitor => ({
    Document(document) {
      for (const error of exceeded(document, limits)) context.reportError(error);
    },
  });
}

function exceeded(document: DocumentNode, limits: QueryLimits): GraphQLError[] {
  const fragments = new Map<string, FragmentDefinitionNode>();
  const operations: OperationDefinitionNode[] = [];
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
    if (definition.kind === Kind.OPERATION_DEFINITION) operations.push(definition);
  }
  const measure = measurer(fragments);
  return operations.flatMap((operation) => {
    const size = measure(operation.selectionSet);
    const actual = { depth: size.depth, aliases: size.aliases, rootFields: size.fields, conditions: size.conditions.size };
    return (['depth', 'aliases', 'rootFields', 'conditions'] as const)
      .filter((limit) => actual[limit] > limits[limit])
      .map(
        (limit) =>
          new GraphQLError(`The operation is too complex: ${limit} ${actual[limit]}, at most ${limits[limit]}. ${ADVICE[limit]}`, {
            nodes: operation,
            extensions: { code: 'QUERY_TOO_COMPLEX', details: { limit, max: limits[limit], actual: actual[limit] } },
          }),
      );
  });
}

/** Measures selection sets; each fragment once, so that fragments which spread fragments cost linear time however far they multiply. */
function measurer(fragments: ReadonlyMap<string, FragmentDefinitionNode>): (set: SelectionSetNode) => Size {
  const measured = new Map<string, Size>();
  const spread = (name: string): Size => {
    const known = measured.get(name);
    if (known) return known;
    // A fragment that spreads itself counts as empty here; another rule refuses the document.
    measured.set(name, EMPTY);
    const fragment = fragments.get(name);
    const size = fragment ? measure(fragment.selectionSet) : EMPTY;
    measured.set(name, size);
    return size;
  };
  const measure = (set: SelectionSetNode): Size => {
    const total: Size = { ...EMPTY };
    for (const selection of set.selections) {
      total.conditions = withAll(total.conditions, conditionsOf(selection));
      if (selection.kind === Kind.FIELD) {
        const introspects = selection.name.value === '__schema' || selection.name.value === '__type';
        const inner = selection.selectionSet && !introspects ? measure(selection.selectionSet) : EMPTY;
        total.fields += 1;
        total.aliases += inner.aliases + (selection.alias ? 1 : 0);
        total.depth = Math.max(total.depth, inner.depth + 1);
        total.conditions = withAll(total.conditions, inner.conditions);
        continue;
      }
      const inner = selection.kind === Kind.FRAGMENT_SPREAD ? spread(selection.name.value) : measure(selection.selectionSet);
      total.fields += inner.fields;
      total.aliases += inner.aliases;
      total.depth = Math.max(total.depth, inner.depth);
      total.conditions = withAll(total.conditions, inner.conditions);
    }
    return total;
  };
  return measure;
}

function withAll(known: ReadonlySet<string>, more: Iterable<string>): ReadonlySet<string> {
  let both: Set<string> | null = null;
  for (const name of more) if (!known.has(name)) both = (both ?? new Set(known)).add(name);
  return both ?? known;
}
