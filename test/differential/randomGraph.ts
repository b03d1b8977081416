import { createRandom, type Random } from './random.js';

/** A generated graph, split over subgraphs. */
export interface RandomGraph {
  seed: number;
  subgraphs: readonly { name: string; sdl: string }[];
  /** Types of which a field of an abstract type may be, where it stands: what all subgraphs that answer it know. */
  choices: ReadonlyMap<string, readonly string[]>;
  /** Fields whose value is computed from others, with the arguments that those are required with. */
  computed: ReadonlyMap<string, readonly Required[]>;
  /** Fields that never fail: others are computed from them. */
  dependable: ReadonlySet<string>;
}

export interface Required {
  field: string;
  args: Record<string, number>;
}

interface Field {
  name: string;
  type: string;
  /** Subgraphs that answer it. */
  owners: readonly string[];
  args: boolean;
  requires?: readonly Required[];
}

interface Entity {
  name: string;
  /** Texts of the keys, by subgraph; none for those that do not know the type. */
  keys: Map<string, readonly string[]>;
  fields: Field[];
}

const SCALARS = ['Int', 'Float', 'String', 'Boolean', 'ID', 'Color'];
const LINK = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@external", "@requires", "@shareable", "@provides"])`;

/** A graph of two to five subgraphs; not each of them composes. */
// biome-ignore lint/complexity/noExcessiveCognitiveComplexity: a list of cases, read from top to bottom.
export function randomGraph(seed: number): RandomGraph {
  const random = createRandom(seed);
  const names = ['a', 'b', 'c', 'd', 'e'].slice(0, 2 + random.below(4));
  const entityNames = ['Book', 'User', 'Shop', 'Trip'].slice(0, 2 + random.below(3));
  const unions = new Map(names.filter(() => random.chance(0.6)).map((name) => [name, random.some(entityNames, 1)]));
  const interfaces = new Map(names.filter(() => random.chance(0.6)).map((name) => [name, random.some(entityNames, 1)]));
  const entities = entityNames.map((name) => randomEntity(random, name, names, entityNames));
  // Whoever knows a type as a member of a union or an interface has to define it.
  for (const known of [unions, interfaces]) {
    for (const [subgraph, members] of known) for (const entity of entities) if (members.includes(entity.name)) addKeys(random, entity, subgraph);
  }
  const values = ['Size', 'Place'].slice(0, 1 + random.below(2));
  const roots = names.flatMap((name) => randomRoots(random, name, names, entities, unions, interfaces, values));
  const all = [
    ...entities.flatMap((entity) => entity.fields.map((field) => ({ owner: entity.name, field }))),
    ...roots.map((field) => ({ owner: 'Query', field })),
  ];
  for (const { field } of all) field.type = withAbstracts(random, field, unions, interfaces, values);
  for (const { field } of all)
    for (const owner of field.owners) for (const entity of entities) if (field.type.includes(entity.name)) addKeys(random, entity, owner);
  const computed = new Map<string, readonly Required[]>();
  const dependable = new Set<string>();
  for (const entity of entities) addComputed(random, entity, computed, dependable);
  const mutations = names.flatMap((name) =>
    [0, 1].map((index): Field => ({ name: `do_${name}${index}`, type: random.pick(entityNames), owners: [name], args: true })),
  );
  for (const { type, owners } of mutations) for (const entity of entities) if (entity.name === type) addKeys(random, entity, owners[0] as string);
  const choices = new Map<string, readonly string[]>();
  for (const { owner, field } of all) {
    const members = /Thing/.test(field.type) ? unions : /Named/.test(field.type) ? interfaces : null;
    if (members)
      choices.set(
        `${owner}.${field.name}`,
        entityNames.filter((name) => field.owners.every((subgraph) => members.get(subgraph)?.includes(name))),
      );
  }
  return {
    seed,
    choices,
    computed,
    dependable,
    subgraphs: names.map((name) => ({ name, sdl: subgraphSdl(name, { entities, roots, mutations, unions, interfaces, values }) })),
  };
}

function randomEntity(random: Random, name: string, subgraphs: readonly string[], entityNames: readonly string[]): Entity {
  const entity: Entity = { name, keys: new Map(), fields: [] };
  for (const subgraph of random.some(subgraphs, 2)) addKeys(random, entity, subgraph);
  const homes = [...entity.keys.keys()];
  const count = 3 + random.below(4);
  for (let index = 0; index < count; index += 1) {
    const owners = random.chance(0.25) ? random.some(homes, 2) : [random.pick(homes)];
    const base = random.chance(0.35) ? random.pick(entityNames) : random.chance(0.3) ? 'VALUE' : random.pick(SCALARS);
    entity.fields.push({ name: `f${index}${name[0]?.toLowerCase()}`, type: wrapped(random, base), owners, args: random.chance(0.3) });
  }
  // The same name with another type in each entity: behind fragments they collide.
  entity.fields.push({ name: 'clash', type: random.pick(['Int', 'String', '[Int]', 'Boolean']), owners: [random.pick(homes)], args: false });
  return entity;
}

function addKeys(random: Random, entity: Entity, subgraph: string): void {
  if (entity.keys.has(subgraph)) return;
  entity.keys.set(subgraph, random.pick([['id'], ['id'], ['id', 'sku'], ['id sku']]));
}

function wrapped(random: Random, base: string): string {
  const item = random.chance(0.25) ? `${base}!` : base;
  const shape = random.below(10);
  const list = shape < 3 ? `[${item}]` : shape < 4 ? `[[${item}]]` : item.replace('!', '');
  return random.chance(0.25) ? `${list}!` : list;
}

/** Puts abstract and value types where there are some in all subgraphs that answer a field. */
function withAbstracts(random: Random, field: Field, unions: Map<string, string[]>, interfaces: Map<string, string[]>, values: readonly string[]): string {
  const common = (members: Map<string, string[]>) =>
    [...new Set([...members.values()].flat())].filter((name) => field.owners.every((owner) => members.get(owner)?.includes(name)));
  const type = field.type.replace('VALUE', random.pick(values));
  const entity = /Book|User|Shop|Trip/.exec(type)?.[0];
  if (entity && random.chance(0.3) && common(unions).length > 0) return type.replace(entity, 'Thing');
  if (entity && random.chance(0.4) && common(interfaces).length > 0) return type.replace(entity, 'Named');
  return type;
}

function randomRoots(
  random: Random,
  subgraph: string,
  subgraphs: readonly string[],
  entities: readonly Entity[],
  unions: Map<string, string[]>,
  interfaces: Map<string, string[]>,
  values: readonly string[],
): Field[] {
  const roots: Field[] = [];
  for (let index = 0; index < 2; index += 1) {
    const owners = random.chance(0.2) ? [...new Set([subgraph, random.pick(subgraphs)])] : [subgraph];
    roots.push({ name: `q_${subgraph}${index}`, type: wrapped(random, random.pick(entities).name), owners, args: random.chance(0.4) });
  }
  if (unions.has(subgraph)) roots.push({ name: `u_${subgraph}`, type: wrapped(random, 'Thing'), owners: [subgraph], args: false });
  if (interfaces.has(subgraph)) roots.push({ name: `i_${subgraph}`, type: wrapped(random, 'Named'), owners: [subgraph], args: false });
  if (random.chance(0.3)) roots.push({ name: `v_${subgraph}`, type: wrapped(random, random.pick(values)), owners: [subgraph], args: false });
  return roots;
}

/** Fields of one subgraph that are computed from fields of another. */
function addComputed(random: Random, entity: Entity, computed: Map<string, readonly Required[]>, dependable: Set<string>): void {
  const homes = [...entity.keys.keys()];
  const isLeaf = ({ type }: Field) => SCALARS.some((scalar) => type.replace(/[[\]!]/g, '') === scalar);
  let count = 0;
  for (const owner of homes) {
    const foreign = entity.fields.filter((field) => !field.owners.includes(owner) && (isLeaf(field) || field.requires) && field.name !== 'clash');
    if (foreign.length === 0 || !random.chance(0.6)) continue;
    const requires = random.some(foreign, 1).map((field): Required => ({ field: field.name, args: field.args ? { n: random.below(3) } : {} }));
    const name = `sum${count}${entity.name[0]?.toLowerCase()}`;
    count += 1;
    entity.fields.push({ name, type: 'String', owners: [owner], args: false, requires });
    computed.set(`${entity.name}.${name}`, requires);
    for (const { field } of requires) dependable.add(`${entity.name}.${field}`);
  }
}

function subgraphSdl(
  subgraph: string,
  parts: {
    entities: readonly Entity[];
    roots: readonly Field[];
    mutations: readonly Field[];
    unions: Map<string, string[]>;
    interfaces: Map<string, string[]>;
    values: readonly string[];
  },
): string {
  const { entities, unions, interfaces } = parts;
  const text = (field: Field, more = '') => {
    const shareable = field.owners.length > 1 ? ' @shareable' : '';
    return `${field.name}${field.args ? '(n: Int)' : ''}: ${field.type}${shareable}${more}`;
  };
  const blocks = [LINK, 'enum Color { RED GREEN BLUE }'];
  for (const entity of entities) {
    const keys = entity.keys.get(subgraph);
    if (!keys) continue;
    const own = entity.fields.filter(({ owners }) => owners.includes(subgraph));
    const external = new Set(own.flatMap(({ requires }) => (requires ?? []).map(({ field }) => field)));
    const lines = [
      'id: ID! @shareable',
      ...(keys.join(' ').includes('sku') ? ['sku: String! @shareable'] : []),
      ...(interfaces.has(subgraph) && interfaces.get(subgraph)?.includes(entity.name) ? ['tag: String @shareable'] : []),
      ...own.map((field) => text(field, field.requires ? ` @requires(fields: "${field.requires.map(requiredText).join(' ')}")` : '')),
      ...entity.fields.filter(({ name }) => external.has(name)).map((field) => `${text({ ...field, owners: [] })} @external`),
    ];
    const implemented = interfaces.get(subgraph)?.includes(entity.name) ? ' implements Named' : '';
    blocks.push(`type ${entity.name}${implemented} ${keys.map((key) => `@key(fields: "${key}")`).join(' ')} {\n  ${lines.join('\n  ')}\n}`);
  }
  for (const value of parts.values) blocks.push(`type ${value} @shareable { x: Int y(n: Int): String z: [[Int]] in: ${value} must: Int! }`);
  if (unions.has(subgraph)) blocks.push(`union Thing = ${unions.get(subgraph)?.join(' | ')}`);
  if (interfaces.has(subgraph)) blocks.push('interface Named { id: ID! tag: String }');
  blocks.push(
    `type Query {\n  ${parts.roots
      .filter(({ owners }) => owners.includes(subgraph))
      .map((field) => text(field))
      .join('\n  ')}\n}`,
  );
  blocks.push(
    `type Mutation {\n  ${parts.mutations
      .filter(({ owners }) => owners.includes(subgraph))
      .map((field) => text(field))
      .join('\n  ')}\n}`,
  );
  return blocks.join('\n');
}

function requiredText({ field, args }: Required): string {
  const given = Object.entries(args).map(([name, value]) => `${name}: ${value}`);
  return given.length > 0 ? `${field}(${given.join(', ')})` : field;
}
