import {
  type DirectiveNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLCompositeType,
  type GraphQLObjectType,
  type GraphQLSchema,
  isAbstractType,
  isCompositeType,
  Kind,
  print,
  type SelectionSetNode,
} from 'graphql';

/** Values of the variables that decide about `@skip` and `@include`. */
export type Conditions = Readonly<Record<string, boolean>>;

/** One operation's surroundings while its selections are read. */
export interface SelectionScope {
  schema: GraphQLSchema;
  fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  conditions: Conditions;
}

/** Whether `@skip` and `@include` leave a selection in the operation. */
export function isIncluded(directives: readonly DirectiveNode[] | undefined, conditions: Conditions): boolean {
  return (directives ?? []).every(({ name, arguments: given }) => {
    if (name.value !== 'skip' && name.value !== 'include') return true;
    const value = given?.find((argument) => argument.name.value === 'if')?.value;
    const holds = value?.kind === Kind.VARIABLE ? conditions[value.name.value] === true : value?.kind === Kind.BOOLEAN && value.value;
    return holds === (name.value === 'include');
  });
}

export function possibleTypes(schema: GraphQLSchema, type: GraphQLCompositeType): readonly GraphQLObjectType[] {
  return isAbstractType(type) ? schema.getPossibleTypes(type) : [type];
}

/**
 * The fields of an object of one type in the order of the answer, by response name, as graphql-js collects them: what the same name selects
 * in several places belongs together.
 */
export function fieldsOf(scope: SelectionScope, type: GraphQLObjectType, sets: readonly SelectionSetNode[]): Map<string, FieldNode[]> {
  const fields = new Map<string, FieldNode[]>();
  const visited = new Set<string>();
  const applies = (condition: string | undefined): boolean => {
    if (condition === undefined || condition === type.name) return true;
    const conditional = scope.schema.getType(condition);
    return isAbstractType(conditional) && scope.schema.isSubType(conditional, type);
  };
  const walk = (set: SelectionSetNode) => {
    for (const selection of set.selections) {
      if (!isIncluded(selection.directives, scope.conditions)) continue;
      if (selection.kind === Kind.FIELD) {
        const name = selection.alias?.value ?? selection.name.value;
        const known = fields.get(name);
        if (known) known.push(selection);
        else fields.set(name, [selection]);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        if (applies(selection.typeCondition?.name.value)) walk(selection.selectionSet);
      } else if (!visited.has(selection.name.value)) {
        visited.add(selection.name.value);
        const fragment = scope.fragments.get(selection.name.value);
        if (fragment && applies(fragment.typeCondition.name.value)) walk(fragment.selectionSet);
      }
    }
  };
  sets.forEach(walk);
  return fields;
}

export interface AbstractSelections {
  /** Fields of the abstract type itself, asked of every object. */
  common: FieldNode[];
  /** What is asked of objects of some types only. */
  typed: Map<string, SelectionSetNode[]>;
  /** The answer depends on which type an object is of. */
  needsTypename: boolean;
}

/** Sorts what is selected on an interface or a union: what is asked of every object, and what only of those of one type. */
export function abstractSelections(scope: SelectionScope, parent: GraphQLCompositeType, sets: readonly SelectionSetNode[]): AbstractSelections {
  const { schema } = scope;
  const result: AbstractSelections = { common: [], typed: new Map(), needsTypename: false };
  const all = possibleTypes(schema, parent).map(({ name }) => name);
  const walk = (set: SelectionSetNode, names: readonly string[], onParent: boolean) => {
    const own = set.selections.filter((selection) => selection.kind === Kind.FIELD && isIncluded(selection.directives, scope.conditions)) as FieldNode[];
    if (own.length > 0 && onParent) {
      result.common.push(...own.filter(({ name }) => name.value !== '__typename'));
      if (own.some(({ name }) => name.value === '__typename')) result.needsTypename = true;
    } else if (own.length > 0) {
      result.needsTypename = true;
      for (const name of names) result.typed.set(name, [...(result.typed.get(name) ?? []), { kind: Kind.SELECTION_SET, selections: own }]);
    }
    for (const selection of set.selections) {
      if (selection.kind === Kind.FIELD || !isIncluded(selection.directives, scope.conditions)) continue;
      const fragment = selection.kind === Kind.FRAGMENT_SPREAD ? scope.fragments.get(selection.name.value) : selection;
      if (!fragment) continue;
      const condition = fragment.typeCondition?.name.value;
      const type = condition === undefined ? undefined : schema.getType(condition);
      const staysOnParent = condition === undefined || condition === parent.name;
      const covered = staysOnParent || !isCompositeType(type) ? names : intersection(names, possibleTypes(schema, type));
      walk(fragment.selectionSet, covered, onParent && staysOnParent);
    }
  };
  for (const set of sets) walk(set, all, true);
  return result;
}

function intersection(names: readonly string[], types: readonly GraphQLObjectType[]): string[] {
  const allowed = new Set(types.map(({ name }) => name));
  return names.filter((name) => allowed.has(name));
}

/** The sub-selections of fields that share a response name. */
export function subselections(nodes: readonly FieldNode[]): SelectionSetNode[] {
  return nodes.flatMap(({ selectionSet }) => (selectionSet ? [selectionSet] : []));
}

/** A field's arguments in an order of their own: two fields with the same text ask the same. */
export function argumentsText(node: FieldNode): string {
  return [...(node.arguments ?? [])]
    .map((argument) => print(argument))
    .sort()
    .join();
}
