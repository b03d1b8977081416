import { addComputed } from './randomRequires.js';
import { createRandom, type Random } from './random.js';
import { declareExternal, ENTITIES, type Entity, type Field, isLeaf, type Media, type Parts, type Required, SCALARS } from './randomParts.js';
import { subgraphSdl } from './randomSdl.js';

/** A generated graph, split over subgraphs. */
export interface RandomGraph {
  seed: number;
  subgraphs: readonly { name: string; sdl: string }[];
  /** Types of which a field of an abstract type may be, where it stands: what all subgraphs that answer it know. */
  choices: ReadonlyMap<string, readonly string[]>;
  /** Values that a field of the enum `Mood` may have: what all subgraphs that answer it know. */
  moods: ReadonlyMap<string, readonly string[]>;
  /** Fields whose value is computed from others, with the arguments that those are required with. */
  computed: ReadonlyMap<string, readonly Required[]>;
  /** Fields that never fail: others are computed from them. */
  dependable: ReadonlySet<string>;
  /** Fields that others are computed from, and that may fail all the same. */
  fallible: ReadonlySet<string>;
  /** Subgraphs that do not find some entities of a type any more, as `Type subgraph`. */
  losing: ReadonlySet<string>;
  /** The fields that are null then, with their subgraph. */
  losable: ReadonlyMap<string, string>;
  /** Subgraphs that a field was taken from by `@override`: what they answer is out of date. */
  overridden: ReadonlyMap<string, string>;
  /** What a field gives along with its objects by `@provides`. */
  provided: ReadonlyMap<string, string>;
}

const KEYS = ['id', 'id', 'id', 'id|sku', 'id sku', 'id|org { oid }', 'id|ref'];

/** A graph of two to five subgraphs; not each of them composes. */
// biome-ignore lint/complexity/noExcessiveCognitiveComplexity: a list of steps, read from top to bottom.
export function randomGraph(seed: number): RandomGraph {
  const random = createRandom(seed);
  const names = ['a', 'b', 'c', 'd', 'e'].slice(0, 2 + random.below(4));
  const entityNames = ENTITIES.slice(0, 2 + random.below(3));
  const media = names.length > 2 && random.chance(0.45) ? randomMedia(random, names, entityNames) : null;
  // The subgraph of an interface object must not know its members.
  const knows = (subgraph: string, type: string) => !(media && subgraph === media.objectIn && media.members.includes(type));
  const members = (subgraph: string) => random.some(entityNames, 1).filter((type) => knows(subgraph, type));
  const some = () => new Map(names.map((name) => [name, members(name)] as const).filter(([, list]) => list.length > 0 && random.chance(0.6)));
  const [unions, interfaces] = [some(), some()];
  const entities = entityNames.map((name) =>
    randomEntity(
      random,
      name,
      names.filter((subgraph) => knows(subgraph, name)),
      entityNames,
    ),
  );
  // Whoever knows a type as a member of a union or an interface has to define it.
  for (const known of [unions, interfaces, new Map(media ? [[media.home, media.members]] : [])]) {
    for (const [subgraph, list] of known) for (const entity of entities) if (list.includes(entity.name)) addKeys(random, entity, subgraph);
  }
  const values = ['Size', 'Place'].slice(0, 1 + random.below(2));
  const roots = names.flatMap((name) =>
    randomRoots(random, name, names, { entities: entityNames.filter((type) => knows(name, type)), unions, interfaces, values, media }),
  );
  const all = [
    ...entities.flatMap((entity) => entity.fields.map((field) => ({ owner: entity.name, field }))),
    ...roots.map((field) => ({ owner: 'Query', field })),
    ...(media?.fields ?? []).map((field) => ({ owner: 'Media', field })),
  ];
  for (const { field } of all) {
    field.type = withAbstracts(random, field, { unions, interfaces, values, media });
    for (const type of entityNames) if (field.type.includes(type) && !field.owners.every((owner) => knows(owner, type))) field.type = 'String';
  }
  for (const { field } of all)
    for (const owner of field.owners) for (const entity of entities) if (field.type.includes(entity.name)) addKeys(random, entity, owner);
  const mutations = names.flatMap((name) =>
    randomMutations(
      random,
      name,
      entityNames.filter((type) => knows(name, type)),
    ),
  );
  for (const { type, owners } of mutations) for (const entity of entities) if (type.includes(entity.name)) addKeys(random, entity, owners[0] as string);
  const parts: Parts = { entities, roots, mutations, unions, interfaces, values, media };
  const overridden = addOverrides(random, entities);
  addProvides(random, parts);
  const { computed, dependable, fallible } = addComputed(random, parts);
  takeOutStubs(random, parts);
  const { losing, losable } = lossesIn(parts, new Set([...dependable, ...fallible]));
  return {
    fallible,
    losing,
    losable,
    seed,
    choices: choicesIn(all, parts, entityNames),
    moods: new Map(
      [...all, ...mutations.map((field) => ({ owner: 'Mutation', field }))].map(({ owner, field }) => [`${owner}.${field.name}`, moodsOf(field.owners)]),
    ),
    computed,
    dependable,
    overridden,
    provided: new Map(all.flatMap(({ owner, field }) => (field.provides === undefined ? [] : [[`${owner}.${field.name}`, field.provides]]))),
    subgraphs: names.map((name) => ({ name, sdl: subgraphSdl(name, parts) })),
  };
}

/** Each subgraph knows one more value of the enum than the others. */
function moodsOf(owners: readonly string[]): string[] {
  return owners.length === 1 ? ['CALM', 'LOUD', `MOOD_${owners[0]?.toUpperCase()}`] : ['CALM', 'LOUD'];
}

function choicesIn(
  all: readonly { owner: string; field: Field }[],
  { unions, interfaces, media }: Parts,
  entityNames: readonly string[],
): Map<string, string[]> {
  const choices = new Map<string, string[]>();
  for (const { owner, field } of all) {
    const known = /Thing/.test(field.type) ? unions : /Named/.test(field.type) ? interfaces : null;
    if (known)
      choices.set(
        `${owner}.${field.name}`,
        entityNames.filter((name) => field.owners.every((subgraph) => known.get(subgraph)?.includes(name))),
      );
    if (/Media/.test(field.type)) choices.set(`${owner}.${field.name}`, [...(media?.members ?? [])]);
  }
  return choices;
}

function randomEntity(random: Random, name: string, subgraphs: readonly string[], entityNames: readonly string[]): Entity {
  const entity: Entity = { name, keys: new Map(), fields: [], externals: new Map() };
  for (const subgraph of random.some(subgraphs, 2)) addKeys(random, entity, subgraph);
  const homes = [...entity.keys.keys()];
  const count = 3 + random.below(4);
  for (let index = 0; index < count; index += 1) {
    const owners = random.chance(0.25) ? random.some(homes, 2) : [random.pick(homes)];
    const base = random.chance(0.35) ? random.pick(entityNames) : random.chance(0.3) ? 'VALUE' : random.pick(SCALARS);
    entity.fields.push({ name: `f${index}${name[0]?.toLowerCase()}`, type: wrapped(random, base), owners, args: argsOf(random, 0.3) });
  }
  // The same name with another type in each entity: behind fragments they collide.
  entity.fields.push({ name: 'clash', type: random.pick(['Int', 'String', '[Int]', 'Boolean']), owners: [random.pick(homes)], args: 'none' });
  return entity;
}

function argsOf(random: Random, share: number): Field['args'] {
  return random.chance(share) ? random.pick(['number', 'number', 'filter']) : 'none';
}

export function addKeys(random: Random, entity: Entity, subgraph: string): void {
  if (entity.keys.has(subgraph)) return;
  const [first, ...others] = random.pick(KEYS).split('|') as [string, ...string[]];
  entity.keys.set(subgraph, [{ fields: first, resolvable: true }, ...others.map((fields) => ({ fields, resolvable: !random.chance(0.25) }))]);
}

function wrapped(random: Random, base: string): string {
  const item = random.chance(0.25) ? `${base}!` : base;
  const shape = random.below(10);
  const list = shape < 3 ? `[${item}]` : shape < 4 ? `[[${item}]]` : item.replace('!', '');
  return random.chance(0.25) ? `${list}!` : list;
}

type Abstracts = Pick<Parts, 'unions' | 'interfaces' | 'values' | 'media'>;

/** Puts abstract and value types where there are some in all subgraphs that answer a field. */
function withAbstracts(random: Random, field: Field, { unions, interfaces, values, media }: Abstracts): string {
  const common = (members: Map<string, string[]>) =>
    [...new Set([...members.values()].flat())].filter((name) => field.owners.every((owner) => members.get(owner)?.includes(name)));
  const type = field.type.replace('VALUE', random.pick(values));
  const entity = /Book|User|Shop|Trip/.exec(type)?.[0];
  if (entity && media && field.owners.every((owner) => owner === media.home || owner === media.objectIn) && random.chance(0.5))
    return type.replace(entity, 'Media');
  if (entity && random.chance(0.3) && common(unions).length > 0) return type.replace(entity, 'Thing');
  if (entity && random.chance(0.4) && common(interfaces).length > 0) return type.replace(entity, 'Named');
  return type;
}

function randomMedia(random: Random, names: readonly string[], entityNames: readonly string[]): Media {
  const [home, objectIn] = [names[0] as string, names.at(-1) as string];
  const members = random.some(entityNames, 1).slice(0, 3);
  const fields = ['m0', 'm1', 'm2'].map((name): Field => {
    const base = random.chance(0.3) ? 'Media' : random.chance(0.25) ? 'VALUE' : random.pick(SCALARS);
    return { name, type: wrapped(random, base), owners: [objectIn], args: argsOf(random, 0.25) };
  });
  return { members, home, objectIn, fields };
}

function randomRoots(
  random: Random,
  subgraph: string,
  subgraphs: readonly string[],
  { entities, unions, interfaces, values, media }: Abstracts & { entities: readonly string[] },
): Field[] {
  const roots: Field[] = [];
  for (let index = 0; index < 2; index += 1) {
    const owners = random.chance(0.2) ? [...new Set([subgraph, random.pick(subgraphs)])] : [subgraph];
    const base = entities.length > 0 ? random.pick(entities) : 'VALUE';
    roots.push({ name: `q_${subgraph}${index}`, type: wrapped(random, base), owners, args: argsOf(random, 0.4) });
  }
  const own = (name: string, type: string) => roots.push({ name: `${name}_${subgraph}`, type: wrapped(random, type), owners: [subgraph], args: 'none' });
  if (unions.has(subgraph)) own('u', 'Thing');
  if (interfaces.has(subgraph)) own('i', 'Named');
  if (media && (subgraph === media.home || subgraph === media.objectIn)) own('m', 'Media');
  if (random.chance(0.3)) own('v', random.pick(values));
  return roots;
}

function randomMutations(random: Random, subgraph: string, entities: readonly string[]): Field[] {
  return [0, 1].map((index) => {
    const base = entities.length > 0 && random.chance(0.8) ? random.pick(entities) : 'Int';
    return {
      name: `do_${subgraph}${index}`,
      type: random.chance(0.35) ? `${base}!` : base,
      owners: [subgraph],
      args: random.pick(['number', 'number', 'filter']),
    };
  });
}

/** Moves fields of one owner to another subgraph, which leaves the old definition where it was. */
function addOverrides(random: Random, entities: readonly Entity[]): Map<string, string> {
  const overridden = new Map<string, string>();
  for (const entity of entities) {
    for (const field of entity.fields) {
      const [owner] = field.owners;
      const others = [...entity.keys.keys()].filter((name) => name !== owner);
      // Leaves only: what else the old definition refers to would have to be known in both.
      if (field.owners.length > 1 || !isLeaf(field) || field.type.includes('Mood') || others.length === 0 || !random.chance(0.15)) continue;
      field.overrides = random.pick(others);
      overridden.set(`${entity.name}.${field.name}`, field.overrides);
    }
  }
  return overridden;
}

/** Lets fields that lead to an entity give a leaf of it along, which another subgraph owns. */
function addProvides(random: Random, { entities, roots }: Parts): void {
  for (const field of [...roots, ...entities.flatMap(({ fields }) => fields)]) {
    const owner = field.owners[0] as string;
    const entity = entities.find(({ name }) => name === field.type.replace(/[[\]!]/g, ''));
    const candidates = (entity?.fields ?? []).filter(
      (leaf) => isLeaf(leaf) && leaf.args === 'none' && !leaf.owners.includes(owner) && !leaf.overrides && leaf.name !== 'clash',
    );
    if (!entity || field.owners.length > 1 || candidates.length === 0 || !random.chance(0.35)) continue;
    const leaf = random.pick(candidates);
    if (leaf.type.includes('Mood')) continue;
    field.provides = leaf.name;
    declareExternal(entity, owner, leaf.name);
  }
}

/**
 * Who can lose entities without anybody else being wrong about them: a subgraph that is only ever asked by reference, by the one key that everybody
 * has, and whose fields of that type nobody shares or needs.
 */
function lossesIn(parts: Parts, needed: ReadonlySet<string>): { losing: Set<string>; losable: Map<string, string> } {
  const losing = new Set<string>();
  const losable = new Map<string, string>();
  const { entities, roots, mutations, unions, interfaces, media } = parts;
  const answering = (subgraph: string) =>
    [...roots, ...mutations, ...entities.flatMap(({ fields }) => fields), ...(media?.fields ?? [])].filter(
      ({ owners, overrides }) => owners.includes(subgraph) || overrides === subgraph,
    );
  for (const { name, keys, fields, externals } of entities) {
    for (const [subgraph, own] of keys) {
      const mine = fields.filter(({ owners }) => owners.includes(subgraph));
      const isAbstract = [unions, interfaces].some((known) => known.get(subgraph)?.includes(name)) || media?.members.includes(name);
      const gives = answering(subgraph).some(({ type }) => type.includes(name));
      const isAlone = mine.every((field) => field.owners.length === 1 && !needed.has(`${name}.${field.name}`) && !field.overrides);
      const isProvided = [...externals.values()].some((names) => mine.some((field) => names.has(field.name)));
      const isPlain = own.length === 1 && own[0]?.fields === 'id' && own[0].resolvable;
      if (mine.length === 0 || isAbstract || gives || !isAlone || isProvided || !isPlain) continue;
      losing.add(`${name} ${subgraph}`);
      for (const field of mine) losable.set(`${name}.${field.name}`, subgraph);
    }
  }
  return { losing, losable };
}

/** Subgraphs that only refer to an entity need not be able to find it. */
function takeOutStubs(random: Random, { entities, interfaces, media }: Parts): void {
  for (const entity of entities) {
    for (const [subgraph, keys] of entity.keys) {
      const answers = entity.fields.some((field) => field.owners.includes(subgraph) || field.overrides === subgraph) || entity.externals.has(subgraph);
      if (answers || media?.home === subgraph || interfaces.get(subgraph)?.includes(entity.name) || !random.chance(0.5)) continue;
      entity.keys.set(
        subgraph,
        keys.map((key) => ({ ...key, resolvable: false })),
      );
    }
  }
}
