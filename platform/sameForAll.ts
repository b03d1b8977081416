import { type ConstDirectiveNode, type DocumentNode, Kind, visit } from 'graphql';
import type { Permissions } from './permissions.js';

/**
 * The tag of what has the same answer for everybody who was let in. On a subscription's root field: all who may watch the same may watch together.
 * On any other field: its answer does not depend on who asks. What has no tag is taken to depend on the person, so that a field which somebody
 * forgets costs time and never leaks.
 */
export const SAME_FOR_ALL_TAG = 'same-for-all';

/** Fields by type, beside the permissions that say who is let in. */
export type SameForAll = Readonly<Record<string, readonly string[]>>;

/**
 * Writes the tag on the fields named. @throws Error for a field that is not there, or that has a rule of its own: then it depends on who asks
 */
export function markSameForAll(document: DocumentNode, fields: SameForAll, permissions: Permissions): DocumentNode {
  const missing = new Set(Object.entries(fields).flatMap(([type, names]) => names.map((name) => `${type}.${name}`)));
  for (const coordinate of missing) {
    const [type = '', field = ''] = coordinate.split('.');
    const rules = (permissions as Record<string, Record<string, unknown> | undefined>)[type];
    if (type !== 'Subscription' && rules?.[field]) throw new Error(`${coordinate} has a rule of its own, so that it is not the same for all.`);
  }
  const marked = visit(document, {
    ObjectTypeDefinition: (type) => {
      const names = new Set(fields[type.name.value] ?? []);
      if (names.size === 0) return undefined;
      return {
        ...type,
        fields: type.fields?.map((field) => {
          if (!names.has(field.name.value)) return field;
          missing.delete(`${type.name.value}.${field.name.value}`);
          return { ...field, directives: [...(field.directives ?? []), tag] };
        }),
      };
    },
  });
  if (missing.size > 0) throw new Error(`There is no ${[...missing].join(', ')} to be the same for all.`);
  return marked;
}

const tag: ConstDirectiveNode = {
  kind: Kind.DIRECTIVE,
  name: { kind: Kind.NAME, value: 'tag' },
  arguments: [{ kind: Kind.ARGUMENT, name: { kind: Kind.NAME, value: 'name' }, value: { kind: Kind.STRING, value: SAME_FOR_ALL_TAG } }],
};
