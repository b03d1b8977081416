import {
  type FieldNode,
  getNamedType,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLOutputType,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  type OperationDefinitionNode,
  OperationTypeNode,
  type SelectionSetNode,
  SchemaMetaFieldDef,
  TypeMetaFieldDef,
} from 'graphql';
import type { Graph } from './graph.js';
import { abstractSelections, fieldsOf, type SelectionScope, subselections } from './selections.js';
import type { SourceNames } from './sourceNames.js';

/** One field of the answer, and where its value stands in the data. */
export interface FieldShape {
  responseName: string;
  /** `"name":`, as it stands in JSON. */
  key: string;
  source: string;
  /** Name of the field and of the type that it is of, for messages. */
  name: string;
  parentName: string;
  type: GraphQLOutputType;
  /** What is selected of the objects below; null for leaves. */
  child: ObjectShape | null;
  /** Introspection, answered by graphql-js and taken as it is. */
  isIntrospection: boolean;
  nodes: readonly FieldNode[];
}

export interface ObjectShape {
  /** Number of this shape within the operation. */
  id: number;
  type: GraphQLCompositeType;
  /** Whether the answer depends on the type of an object, which then has to be known. */
  needsTypename: boolean;
  /** What objects of a type answer, in order; null when objects of that type cannot stand here. */
  fieldsFor(typename: string): readonly FieldShape[] | null;
  /** What every object answers; only for those that need no type name. */
  common(): readonly FieldShape[];
}

/** What an operation's answer looks like, compiled once per operation and condition values; parts of it on first use. */
export function compileShape(graph: Graph, scope: SelectionScope, operation: OperationDefinitionNode, names: SourceNames): ObjectShape {
  const root = graph.schema.getRootType(operation.operation);
  if (!root) throw new Error(`The graph has no ${operation.operation}s.`);
  let count = 0;

  const fieldShape = (parent: GraphQLCompositeType, nodes: readonly FieldNode[], isRoot: boolean): FieldShape | null => {
    const node = nodes[0] as FieldNode;
    const name = node.name.value;
    const responseName = node.alias?.value ?? name;
    const common = { responseName, key: `${JSON.stringify(responseName)}:`, name, parentName: parent.name, nodes };
    if (name === '__typename') return { ...common, source: '__typename', type: typenameType, child: null, isIntrospection: false };
    const isIntrospection = isRoot && (name === '__schema' || name === '__type');
    const definition = isIntrospection ? introspectionFields[name] : 'getFields' in parent ? parent.getFields()[name] : undefined;
    if (!definition) return null;
    const named = getNamedType(definition.type);
    const child = isCompositeType(named) && !isIntrospection ? objectShape(named, subselections(nodes)) : null;
    const source = isIntrospection ? responseName : names.of(node, isRoot && operation.operation === OperationTypeNode.MUTATION);
    return { ...common, source, type: definition.type, child, isIntrospection };
  };

  const objectShape = (type: GraphQLCompositeType, sets: readonly SelectionSetNode[], isRoot = false): ObjectShape => {
    const id = count;
    count += 1;
    const byType = new Map<string, readonly FieldShape[] | null>();
    const collect = (typename: string): readonly FieldShape[] | null => {
      const object = graph.schema.getType(typename);
      if (!isObjectType(object) || (object !== type && (isObjectType(type) || !graph.schema.isSubType(type, object)))) return null;
      return shapes(object, [...fieldsOf(scope, object, sets).values()]);
    };
    const shapes = (parent: GraphQLCompositeType, fields: readonly FieldNode[][]): FieldShape[] =>
      fields.map((nodes) => fieldShape(parent, nodes, isRoot)).filter((field) => field !== null);
    let common: readonly FieldShape[] | null = isObjectType(type) ? collect(type.name) : null;
    const abstract = isObjectType(type) ? null : abstractSelections(scope, type, sets);
    return {
      id,
      type,
      needsTypename: abstract?.needsTypename ?? false,
      fieldsFor(typename) {
        let fields = byType.get(typename);
        if (fields === undefined) {
          fields = collect(typename);
          // Only names of the schema are kept: a subgraph could invent others without end.
          if (fields) byType.set(typename, fields);
        }
        return fields;
      },
      common() {
        if (!common && abstract && isInterfaceType(type)) {
          const groups = new Map<string, FieldNode[]>();
          for (const node of abstract.common) {
            const key = node.alias?.value ?? node.name.value;
            groups.set(key, [...(groups.get(key) ?? []), node]);
          }
          common = shapes(type, [...groups.values()]);
        }
        return (common ??= []);
      },
    };
  };
  return objectShape(root, [operation.selectionSet], true);
}

const typenameType: GraphQLOutputType = SchemaMetaFieldDef.type;

const introspectionFields: Record<string, GraphQLField<unknown, unknown> | undefined> = { __schema: SchemaMetaFieldDef, __type: TypeMetaFieldDef };
