import {
  type DirectiveNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type FragmentSpreadNode,
  type GraphQLCompositeType,
  type GraphQLObjectType,
  type GraphQLSchema,
  type InlineFragmentNode,
  isAbstractType,
  isCompositeType,
  Kind,
  print,
  type SelectionNode,
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

/** Variables that `@skip` and `@include` of a selection depend on. */
export function conditionsOf({ directives = [] }: SelectionNode): string[] {
  return directives.flatMap(({ name, arguments: given }) => {
    const value = given?.[0]?.value;
    return (name.value === 'skip' || name.value === 'include') && value?.kind === Kind.VARIABLE ? [value.name.value] : [];
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
  const add = (field: FieldNode) => {
    const name = field.alias?.value ?? field.name.value;
    const known = fields.get(name);
    if (known) known.push(field);
    else fields.set(name, [field]);
  };
  const enter = (selection: FragmentSpreadNode | InlineFragmentNode) => {
    const fragment = fragmentOf(scope, selection);
    if (selection.kind === Kind.FRAGMENT_SPREAD) {
      if (visited.has(selection.name.value)) return;
      visited.add(selection.name.value);
    }
    if (fragment && applies(fragment.typeCondition?.name.value)) walk(fragment.selectionSet);
  };
  const walk = (set: SelectionSetNode) => {
    for (const selection of set.selections) {
      if (!isIncluded(selection.directives, scope.conditions)) continue;
      if (selection.kind === Kind.FIELD) add(selection);
      else enter(selection);
    }
  };
  sets.forEach(walk);
  return fields;
}

function fragmentOf(scope: SelectionScope, selection: FragmentSpreadNode | InlineFragmentNode): FragmentDefinitionNode | InlineFragmentNode | undefined {
  return selection.kind === Kind.FRAGMENT_SPREAD ? scope.fragments.get(selection.name.value) : selection;
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
  const entered = new Set<string>();
  const add = (fields: readonly FieldNode[], names: readonly string[], onParent: boolean) => {
    if (onParent) {
      result.common.push(...fields.filter(({ name }) => name.value !== '__typename'));
      result.needsTypename ||= fields.some(({ name }) => name.value === '__typename');
      return;
    }
    result.needsTypename ||= fields.length > 0;
    if (fields.length === 0) return;
    for (const name of names) result.typed.set(name, [...(result.typed.get(name) ?? []), { kind: Kind.SELECTION_SET, selections: fields }]);
  };
  const enter = (selection: FragmentSpreadNode | InlineFragmentNode, names: readonly string[], onParent: boolean) => {
    const fragment = fragmentOf(scope, selection);
    if (!fragment) return;
    const condition = fragment.typeCondition?.name.value;
    const type = condition === undefined ? undefined : schema.getType(condition);
    const staysOnParent = condition === undefined || condition === parent.name;
    const covered = staysOnParent || !isCompositeType(type) ? names : intersection(names, possibleTypes(schema, type));
    if (selection.kind === Kind.FRAGMENT_SPREAD) {
      // Once for the same types: fragments that spread each other twice at every level would take for ever.
      const key = `${selection.name.value} ${onParent && staysOnParent} ${covered.join()}`;
      if (entered.has(key)) return;
      entered.add(key);
    }
    walk(fragment.selectionSet, covered, onParent && staysOnParent);
  };
  const walk = (set: SelectionSetNode, names: readonly string[], onParent: boolean) => {
    const included = set.selections.filter(({ directives }) => isIncluded(directives, scope.conditions));
    add(
      included.filter((selection) => selection.kind === Kind.FIELD),
      names,
      onParent,
    );
    for (const selection of included) if (selection.kind !== Kind.FIELD) enter(selection, names, onParent);
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
