import {
  getNamedType,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLSchema,
  isAbstractType,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  isUnionType,
  parse,
  validate,
} from 'graphql';
import type { Random } from './random.js';

export interface RandomOperation {
  query: string;
  variables: Record<string, unknown>;
  /** Nothing valid was found; this asks for nothing of interest. */
  isFallback: boolean;
}

/** Names that are fields too: an alias that is the name of a key, or of what another field requires, must not be taken for it. */
const ALIASES = ['id', 'sku', 'tag', 'a1', 'a2', 'f0b', 'f1b', 'f2u', 'x', 'y', 'in', 'ref', 'org', 'title', '__alias'.slice(2)];
const CONDITIONS = ['yes', 'no', 'unset'];

/** A random operation that is valid against the schema. */
export function randomOperation(random: Random, schema: GraphQLSchema): RandomOperation {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const query = writeOperation(random, schema, attempt < 60 ? 0.35 : 0);
    if (validate(schema, parse(query)).length === 0) return { query, variables: variableValues(random), isFallback: false };
  }
  return { query: '{ __typename }', variables: {}, isFallback: true };
}

function variableValues(random: Random): Record<string, unknown> {
  return {
    yes: true,
    no: false,
    n1: random.below(3),
    ...(random.chance(0.5) && { n2: random.below(3) }),
    ...(random.chance(0.5) && { f1: { n: random.below(2) } }),
  };
}

function writeOperation(random: Random, schema: GraphQLSchema, aliasing: number): string {
  const mutates = random.chance(0.25);
  const root = (mutates ? schema.getMutationType() : schema.getQueryType()) as GraphQLCompositeType;
  const fragments: { name: string; type: string; text: string }[] = [];

  const directive = (): string => {
    if (!random.chance(0.12)) return '';
    const value = random.pick([...CONDITIONS.map((name) => `$${name}`), 'true', 'false']);
    return ` @${random.pick(['skip', 'include'])}(if: ${value})`;
  };
  const argument = ({ args }: GraphQLField<unknown, unknown>): string => {
    if (args.length === 0 || random.chance(0.3)) return '';
    const number = () => random.pick(['0', '1', '2', '$n1', '$n2', '$n3']);
    const filtered = args.length > 1 && random.chance(0.7);
    const filter = () => random.pick(['$f1', `{ n: ${number()} }`, '{ color: RED }', `{ color: $c1, n: ${number()} }`, 'null']);
    return `(${filtered ? `f: ${filter()}` : `n: ${number()}`})`;
  };
  const field = (definition: GraphQLField<unknown, unknown>, depth: number): string | null => {
    const type = getNamedType(definition.type);
    const inner = isCompositeType(type) ? selections(type, depth - 1) : '';
    if (inner === null) return null;
    const alias = random.chance(aliasing) ? `${random.pick(ALIASES)}: ` : '';
    return `${alias}${definition.name}${argument(definition)}${directive()}${inner}`;
  };
  const fragmentOn = (parent: GraphQLCompositeType, depth: number): string | null => {
    const target = random.pick(overlapping(schema, parent));
    const known = fragments.filter(({ type }) => type === target.name);
    if (known.length > 0 && random.chance(0.3)) return `...${random.pick(known).name}${directive()}`;
    const inner = selections(target, depth);
    if (inner === null) return null;
    if (random.chance(0.35)) {
      const name = `F${fragments.length}`;
      fragments.push({ name, type: target.name, text: `fragment ${name} on ${target.name}${inner}` });
      return `...${name}${directive()}`;
    }
    return `... ${random.chance(0.15) && target === parent ? '' : `on ${target.name}`}${directive()}${inner}`;
  };
  // biome-ignore lint/complexity/noExcessiveCognitiveComplexity: a list of cases, read from top to bottom.
  const selections = (parent: GraphQLCompositeType, depth: number): string | null => {
    const fields = isUnionType(parent) ? [] : Object.values(parent.getFields());
    const usable = depth > 0 ? fields : fields.filter(({ type }) => !isCompositeType(getNamedType(type)));
    const parts: (string | null)[] = random
      .some(usable, 1)
      .slice(0, 5)
      .map((definition) => field(definition, depth));
    if (random.chance(0.3)) parts.push(`${random.chance(0.3) ? 't: ' : ''}__typename${directive()}`);
    const fragmentsWanted = isAbstractType(parent) ? 1 + random.below(3) : random.chance(0.25) ? 1 : 0;
    if (depth > 0) for (let count = 0; count < fragmentsWanted; count += 1) parts.push(fragmentOn(parent, depth - (count > 0 ? 1 : 0)));
    const repeated = parts.find((part) => part !== null);
    if (repeated && random.chance(0.1)) parts.push(repeated);
    const written = parts.filter((part) => part !== null);
    return written.length > 0 ? ` { ${written.join(' ')} }` : ' { __typename }';
  };
  const body = selections(root, 2 + random.below(3)) ?? ' { __typename }';
  const used = [...body, ...fragments.map(({ text }) => text)].join('');
  const variables = [
    ['yes', 'Boolean!'],
    ['no', 'Boolean!'],
    ['unset', 'Boolean! = true'],
    ['n1', 'Int'],
    ['n2', 'Int'],
    ['n3', 'Int = 1'],
    ['c1', 'Color = BLUE'],
    ['f1', 'Filter'],
  ].flatMap(([name, type]) => (new RegExp(`\\$${name}\\b`).test(used) ? [`$${name}: ${type}`] : []));
  const declared = variables.length > 0 ? `(${variables.join(', ')})` : '';
  return [`${mutates ? 'mutation' : 'query'} Random${declared}${body}`, ...fragments.map(({ text }) => text)].join('\n');
}

/** Types that a fragment inside a selection on this type may be on. */
function overlapping(schema: GraphQLSchema, parent: GraphQLCompositeType): GraphQLCompositeType[] {
  const possible = (type: GraphQLCompositeType) => new Set((isAbstractType(type) ? schema.getPossibleTypes(type) : [type]).map(({ name }) => name));
  const own = possible(parent);
  return Object.values(schema.getTypeMap()).filter(
    (type): type is GraphQLCompositeType =>
      (isObjectType(type) || isInterfaceType(type) || isUnionType(type)) && !type.name.startsWith('__') && [...possible(type)].some((name) => own.has(name)),
  );
}
