import type { InterfaceType, Schema, UnionType } from '@apollo/federation-internals';

/** Names of the object types that a subgraph knows as parts of an abstract type. */
export function membersOf(type: UnionType | InterfaceType): string[] {
  return (type.kind === 'UnionType' ? type.types() : type.possibleRuntimeTypes()).map(({ name }) => name);
}

/** Abstract types that subgraphs know with different object types, by name. */
export function partialTypesIn(schemas: readonly Schema[]): Set<string> {
  const known = new Map<string, string>();
  const partial = new Set<string>();
  for (const schema of schemas) {
    for (const type of [...schema.unionTypes(), ...schema.interfaceTypes()]) {
      const members = [...membersOf(type)].sort().join();
      if ((known.get(type.name) ?? members) !== members) partial.add(type.name);
      known.set(type.name, members);
    }
  }
  return partial;
}
