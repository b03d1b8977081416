/** A field that another is computed from: with arguments, and with what is needed of its objects. */
export interface Required {
  field: string;
  args: Record<string, number>;
  of?: readonly Required[];
  /** Object type that a fragment around it is on. */
  on?: string;
}

export interface Field {
  name: string;
  type: string;
  /** Subgraphs that answer it. */
  owners: readonly string[];
  args: 'none' | 'number' | 'filter';
  requires?: readonly Required[];
  /** The subgraph that it was taken from. */
  overrides?: string;
  /** Fields of its type that its subgraph gives along with it, though they are not its own. */
  provides?: string;
}

/** A key of an entity in one subgraph. */
export interface Key {
  fields: string;
  resolvable: boolean;
}

export interface Entity {
  name: string;
  /** By subgraph; none for those that do not know the type. */
  keys: Map<string, readonly Key[]>;
  fields: Field[];
  /** Fields that a subgraph declares but has from elsewhere, by subgraph. */
  externals: Map<string, Set<string>>;
}

/** An interface that one subgraph knows by its members, and others as one object. */
export interface Media {
  members: readonly string[];
  home: string;
  objectIn: string;
  fields: Field[];
}

export interface Parts {
  entities: readonly Entity[];
  roots: readonly Field[];
  mutations: readonly Field[];
  unions: Map<string, string[]>;
  interfaces: Map<string, string[]>;
  values: readonly string[];
  media: Media | null;
}

export const ENTITIES = ['Book', 'User', 'Shop', 'Trip'];
export const SCALARS = ['Int', 'Float', 'String', 'Boolean', 'ID', 'Color', 'Mood'];

export function isLeaf({ type }: Field): boolean {
  return SCALARS.includes(type.replace(/[[\]!]/g, ''));
}

export function declareExternal(entity: Entity, subgraph: string, field: string): void {
  const known = entity.externals.get(subgraph) ?? new Set();
  entity.externals.set(subgraph, known.add(field));
}
