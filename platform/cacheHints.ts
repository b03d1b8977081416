import { type ConstArgumentNode, type ConstDirectiveNode, type DocumentNode, Kind, visit } from 'graphql';
import { anyone, type Permissions } from './permissions.js';

/**
 * What of a subgraph's answers may be kept for everybody (GW-30). Nothing by default: an answer with a single field that is not named here is kept by
 * nobody, so that a field which somebody forgets costs time and never leaks.
 */
export interface CacheHints {
  /** Fields at the top, and for how many seconds those who cannot be told of a change may show what they answered. */
  roots: Readonly<Record<string, number>>;
  /** Fields below, by type: kept for as long as the answer that they are in. */
  parts: Readonly<Record<string, readonly string[]>>;
}

/** Brings the directive into a subgraph's SDL, and from there into the supergraph. Its form is Apollo's; what is written with it is always public. */
const CACHE_CONTROL = `extend schema @link(url: "https://specs.waygraph.dev/cacheControl/v0.1", import: ["@cacheControl"]) @composeDirective(name: "@cacheControl")

directive @cacheControl(maxAge: Int, inheritMaxAge: Boolean) on FIELD_DEFINITION
`;

/**
 * SDL in which the fields named carry `@cacheControl`. @throws Error for a field that is not there, for one that has a rule of its own, and for a root
 * field that is not open to anyone: whoever is answered from a cache is not asked who he is
 */
export function markCached(document: DocumentNode, { roots, parts }: CacheHints, permissions: Permissions): { prelude: string; document: DocumentNode } {
  const rules = permissions as Record<string, Record<string, unknown> | undefined>;
  const hints = new Map<string, ConstDirectiveNode>();
  for (const [field, maxAgeS] of Object.entries(roots)) {
    if (rules.Query?.[field] !== anyone) throw new Error(`Query.${field} is not open to anyone, so that its answers cannot be kept for everybody.`);
    hints.set(`Query.${field}`, hint({ kind: Kind.ARGUMENT, name: named('maxAge'), value: { kind: Kind.INT, value: String(maxAgeS) } }));
  }
  for (const [type, fields] of Object.entries(parts)) {
    for (const field of fields) {
      if (rules[type]?.[field]) throw new Error(`${type}.${field} has a rule of its own, so that it cannot be kept for everybody.`);
      hints.set(`${type}.${field}`, hint({ kind: Kind.ARGUMENT, name: named('inheritMaxAge'), value: { kind: Kind.BOOLEAN, value: true } }));
    }
  }
  const marked = visit(document, {
    ObjectTypeDefinition: (type) => ({
      ...type,
      fields: type.fields?.map((field) => {
        const coordinate = `${type.name.value}.${field.name.value}`;
        const directive = hints.get(coordinate);
        hints.delete(coordinate);
        return directive ? { ...field, directives: [...(field.directives ?? []), directive] } : field;
      }),
    }),
  });
  if (hints.size > 0) throw new Error(`There is no ${[...hints.keys()].join(', ')} to be kept.`);
  return { prelude: CACHE_CONTROL, document: marked };
}

function hint(argument: ConstArgumentNode): ConstDirectiveNode {
  return { kind: Kind.DIRECTIVE, name: named('cacheControl'), arguments: [argument] };
}

function named(value: string) {
  return { kind: Kind.NAME, value } as const;
}
