import type { Entity, Field, Parts, Required } from './randomParts.js';

const LINK = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@external", "@requires", "@shareable", "@provides", "@override", "@interfaceObject", "@inaccessible"])`;

/** What one subgraph knows of a generated graph, as its SDL. */
export function subgraphSdl(subgraph: string, parts: Parts): string {
  const { entities, unions, interfaces, media } = parts;
  const blocks = [
    LINK,
    'enum Color { RED GREEN BLUE }',
    `enum Mood { CALM LOUD MOOD_${subgraph.toUpperCase()} }`,
    // Of an input type the public schema has what all know.
    `input Filter { n: Int color: Color only_${subgraph}: Int }`,
    'type Org @shareable { oid: ID! }',
  ];
  for (const entity of entities) blocks.push(...entitySdl(subgraph, entity, parts));
  for (const value of parts.values) blocks.push(`type ${value} @shareable { x: Int y(n: Int): String z: [[Int]] in: ${value} must: Int! }`);
  if (unions.has(subgraph)) blocks.push(`union Thing = ${unions.get(subgraph)?.join(' | ')}`);
  if (interfaces.has(subgraph)) blocks.push('interface Named { id: ID! tag: String }');
  if (media?.home === subgraph) blocks.push('interface Media @key(fields: "id") { id: ID! title: String }');
  if (media?.objectIn === subgraph) {
    const title = media.fields.some(({ requires }) => requires) ? ' title: String @external' : '';
    blocks.push(`type Media @key(fields: "id") @interfaceObject { id: ID!${title} ${media.fields.map((field) => fieldSdl(subgraph, field)).join(' ')} }`);
  }
  const rootsOf = (fields: readonly Field[]) => fields.filter(({ owners }) => owners.includes(subgraph)).map((field) => fieldSdl(subgraph, field));
  blocks.push(`type Query {\n  ${rootsOf(parts.roots).join('\n  ')}\n}`, `type Mutation {\n  ${rootsOf(parts.mutations).join('\n  ')}\n}`);
  return blocks.join('\n');
}

function entitySdl(subgraph: string, entity: Entity, { entities, roots, interfaces, media }: Parts): string[] {
  const keys = entity.keys.get(subgraph);
  if (!keys) return [];
  const externals = entity.externals.get(subgraph) ?? new Set();
  const provided = new Set(
    [...roots, ...entities.flatMap(({ fields }) => fields)].flatMap(({ provides, type }) => (type.replace(/[[\]!]/g, '') === entity.name ? [provides] : [])),
  );
  const uses = (field: string) => keys.some(({ fields }) => fields.split(/\W+/).includes(field));
  const isNamed = interfaces.get(subgraph)?.includes(entity.name);
  const isMedia = media?.home === subgraph && media.members.includes(entity.name);
  const lines = [
    'id: ID! @shareable',
    ...(uses('sku') ? ['sku: String! @shareable'] : []),
    ...(uses('org') ? ['org: Org! @shareable'] : []),
    ...(uses('ref') ? ['ref: ID! @shareable @inaccessible'] : []),
    ...(isNamed ? ['tag: String @shareable'] : []),
    ...(isMedia ? ['title: String'] : []),
    ...entity.fields
      .filter(({ owners, overrides }) => owners.includes(subgraph) || overrides === subgraph)
      .map((field) => `${fieldSdl(subgraph, field)}${field.owners.length === 1 && provided.has(field.name) ? ' @shareable' : ''}`),
    ...entity.fields.filter(({ name }) => externals.has(name)).map(({ name, type, args }) => `${name}${argsSdl(args)}: ${type} @external`),
  ];
  const implemented = [...(isNamed ? ['Named'] : []), ...(isMedia ? ['Media'] : [])];
  const marks = keys.map(({ fields, resolvable }) => `@key(fields: "${fields}"${resolvable ? '' : ', resolvable: false'})`);
  const heading = `type ${entity.name}${implemented.length > 0 ? ` implements ${implemented.join(' & ')}` : ''} ${marks.join(' ')}`;
  return [`${heading} {\n  ${lines.join('\n  ')}\n}`];
}

function fieldSdl(subgraph: string, { name, type, args, owners, requires, overrides, provides }: Field): string {
  const isOwner = owners.includes(subgraph);
  return [
    `${name}${argsSdl(args)}: ${type}`,
    ...(owners.length > 1 ? ['@shareable'] : []),
    ...(requires ? [`@requires(fields: "${requires.map(requiredText).join(' ')}")`] : []),
    ...(overrides && isOwner ? [`@override(from: "${overrides}")`] : []),
    ...(provides ? [`@provides(fields: "${provides}")`] : []),
  ].join(' ');
}

function argsSdl(args: Field['args']): string {
  return { none: '', number: '(n: Int)', filter: '(n: Int, f: Filter)' }[args];
}

function requiredText({ field, args, of, on }: Required): string {
  const given = Object.entries(args).map(([name, value]) => `${name}: ${value}`);
  const text = `${field}${given.length > 0 ? `(${given.join(', ')})` : ''}${of ? ` { ${of.map(requiredText).join(' ')} }` : ''}`;
  return on === undefined ? text : `... on ${on} { ${text} }`;
}
