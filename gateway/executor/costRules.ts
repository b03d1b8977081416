import { type ConstDirectiveNode, type ConstValueNode, type DocumentNode, Kind } from 'graphql';

/** How long a list is, as `@listSize` tells it. */
export interface ListSize {
  assumedSize: number | undefined;
  /** Arguments that say how many there are at most; where several are given the largest counts. */
  slicingArguments: readonly string[];
  /** Fields of the object behind the field that are the lists, as `edges` of a connection. */
  sizedFields: readonly string[];
}

/** What a supergraph says of costs, by `@cost` and `@listSize` of https://specs.apollo.dev/cost/v0.1. */
export interface CostRules {
  /** By `Type.field`, or by `Type` for whatever is of that type. */
  weights: ReadonlyMap<string, number>;
  /** By `Type.field`. */
  listSizes: ReadonlyMap<string, ListSize>;
}

/** Names that the directives have in a supergraph: with the prefix of their specification, when a subgraph did not import them by name. */
const COST = new Set(['cost', 'federation__cost']);
const LIST_SIZE = new Set(['listSize', 'cost__listSize', 'federation__listSize']);

export function costRulesIn(document: DocumentNode): CostRules {
  const weights = new Map<string, number>();
  const listSizes = new Map<string, ListSize>();
  const read = (coordinate: string, directives: readonly ConstDirectiveNode[] = []) => {
    for (const directive of directives) {
      const { name } = directive;
      if (COST.has(name.value)) {
        const weight = Number(textOf(argument(directive, 'weight')));
        if (Number.isFinite(weight)) weights.set(coordinate, Math.max(0, weight));
      } else if (LIST_SIZE.has(name.value)) {
        const assumedSize = Number(textOf(argument(directive, 'assumedSize')) ?? Number.NaN);
        listSizes.set(coordinate, {
          assumedSize: Number.isFinite(assumedSize) ? assumedSize : undefined,
          slicingArguments: textsOf(argument(directive, 'slicingArguments')),
          sizedFields: textsOf(argument(directive, 'sizedFields')),
        });
      }
    }
  };
  for (const definition of document.definitions) {
    if (!('name' in definition) || !definition.name) continue;
    const type = definition.name.value;
    if ('directives' in definition && definition.kind !== Kind.OPERATION_DEFINITION) read(type, definition.directives as readonly ConstDirectiveNode[]);
    if (definition.kind !== Kind.OBJECT_TYPE_DEFINITION && definition.kind !== Kind.INTERFACE_TYPE_DEFINITION) continue;
    for (const { name, directives } of definition.fields ?? []) read(`${type}.${name.value}`, directives);
  }
  return { weights, listSizes };
}

function argument(directive: ConstDirectiveNode, name: string): ConstValueNode | undefined {
  return directive.arguments?.find((given) => given.name.value === name)?.value;
}

function textOf(value: ConstValueNode | undefined): string | undefined {
  return value?.kind === Kind.STRING || value?.kind === Kind.INT || value?.kind === Kind.FLOAT ? value.value : undefined;
}

function textsOf(value: ConstValueNode | undefined): string[] {
  const values = value?.kind === Kind.LIST ? value.values : value ? [value] : [];
  return values.flatMap((each) => textOf(each) ?? []);
}
