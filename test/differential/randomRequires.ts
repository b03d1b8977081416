import type { Random } from './random.js';
import { declareExternal, type Entity, type Field, isLeaf, type Parts, type Required } from './randomParts.js';

interface Computed {
  computed: Map<string, readonly Required[]>;
  dependable: Set<string>;
  /** Required fields that may fail: then what is computed from them is computed from null. */
  fallible: Set<string>;
}

/** Adds fields of one subgraph that are computed from fields of others: leaves, computed fields, parts of values, of entities and of interfaces. */
export function addComputed(random: Random, parts: Parts): Computed {
  const result: Computed = { computed: new Map(), dependable: new Set(), fallible: new Set() };
  for (const entity of parts.entities) {
    let count = 0;
    for (const owner of [...entity.keys.keys()]) {
      if (!random.chance(0.6)) continue;
      const foreign = entity.fields.filter(
        (field) => !field.owners.includes(owner) && field.overrides !== owner && field.name !== 'clash' && !field.type.includes('Mood'),
      );
      const chosen = random.some(foreign, 1).flatMap((field) => requirementOf(random, parts, owner, field, result));
      if (chosen.length === 0) continue;
      const name = `sum${count}${entity.name[0]?.toLowerCase()}`;
      count += 1;
      entity.fields.push({ name, type: 'String', owners: [owner], args: random.chance(0.2) ? 'number' : 'none', requires: chosen });
      result.computed.set(`${entity.name}.${name}`, chosen);
      for (const { field, of } of chosen) {
        const definition = entity.fields.find(({ name: each }) => each === field);
        const mayFail = definition && !of && !definition.requires && isLeaf(definition) && !definition.type.endsWith('!') && random.chance(0.6);
        (mayFail ? result.fallible : result.dependable).add(`${entity.name}.${field}`);
        declareExternal(entity, owner, field);
      }
    }
  }
  addMediaComputed(random, parts, result);
  // What any other field needs for certain does not fail.
  for (const place of result.dependable) result.fallible.delete(place);
  return result;
}

function requirementOf(random: Random, parts: Parts, owner: string, field: Field, { dependable }: Computed): Required[] {
  const args: Record<string, number> = field.args === 'number' ? { n: random.below(3) } : {};
  const required = { field: field.name, args };
  if (field.requires || isLeaf(field)) return [required];
  const type = field.type.replace(/[[\]!]/g, '');
  if (parts.values.includes(type)) {
    const inner = random.pick<Required>([
      { field: 'x', args: {} },
      { field: 'y', args: { n: random.below(3) } },
      { field: 'in', args: {}, of: [{ field: 'must', args: {} }] },
    ]);
    for (const name of ['x', 'y', 'in', 'must']) dependable.add(`${type}.${name}`);
    return [{ ...required, of: [{ field: 'must', args: {} }, ...(inner.field === 'in' || random.chance(0.5) ? [inner] : [])] }];
  }
  if (type === 'Named') return parts.interfaces.has(owner) ? [{ ...required, of: [{ field: random.pick(['id', 'tag']), args: {} }] }] : [];
  if (type === 'Thing') {
    // In fragments, each of a type of the union.
    const members = random.some(parts.unions.get(owner) ?? [], 1);
    return members.length > 0 ? [{ ...required, of: members.map((on) => ({ field: 'id', args: {}, on })) }] : [];
  }
  const entity = parts.entities.find(({ name }) => name === type);
  return entity?.keys.has(owner) ? [{ ...required, of: ofEntity(random, entity, owner, dependable) }] : [];
}

/** Its id, or a leaf that the subgraph may own itself or not. */
function ofEntity(random: Random, entity: Entity, owner: string, dependable: Set<string>): Required[] {
  const leaves = entity.fields.filter(
    (field) => isLeaf(field) && !field.requires && !field.overrides && field.args === 'none' && field.name !== 'clash' && !field.type.includes('Mood'),
  );
  if (leaves.length === 0 || random.chance(0.3)) return [{ field: 'id', args: {} }];
  const leaf = random.pick(leaves);
  dependable.add(`${entity.name}.${leaf.name}`);
  if (!leaf.owners.includes(owner)) declareExternal(entity, owner, leaf.name);
  return [{ field: leaf.name, args: {} }];
}

/** A field of an interface object that is computed from one that the members' own subgraph gives. */
function addMediaComputed(random: Random, { media }: Parts, { computed, dependable }: Computed): void {
  if (!media || !random.chance(0.6)) return;
  const requires = [{ field: 'title', args: {} }];
  media.fields.push({ name: 'msum', type: 'String', owners: [media.objectIn], args: 'none', requires });
  computed.set('Media.msum', requires);
  dependable.add('Media.title');
}
