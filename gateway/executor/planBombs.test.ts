import { operationFromDocument } from '@apollo/federation-internals';
import type { FetchNode, PlanNode } from '@apollo/query-planner';
import { parse } from 'graphql';
import { expect, test } from 'vitest';
import { checkPlan } from './planCheck.js';
import { smallGraph } from './smallGraph.given.js';

// Large graphs are answered, operations that would keep the planner busy for minutes are not (GW-23); and no plan may leave anything out (EN-02).

const TYPES = 60;
const all = (write: (index: number) => string, join = ' ') => Array.from({ length: TYPES }, (_, index) => write(index)).join(join);

/** Interfaces with sixty types each, whose names another subgraph knows. */
function large() {
  const thing = (index: number) => ({ __typename: `T${index}`, id: `${index}`, b: index });
  const common = { next: () => thing(1), other: () => thing(2) };
  return smallGraph({
    things: {
      sdl: `type Query { as: [A!] } interface A { id: ID! next: A other: B } interface B { id: ID! b: Int next: A other: B }
        ${all((index) => `type T${index} implements A & B @key(fields: "id") { id: ID! b: Int next: A other: B }`)}`,
      resolvers: { Query: { as: () => [0, 7, 59].map(thing) }, ...Object.fromEntries(Array.from({ length: TYPES }, (_, index) => [`T${index}`, common])) },
    },
    names: {
      sdl: all((index) => `type T${index} @key(fields: "id") { id: ID! name: String }`),
      resolvers: Object.fromEntries(
        Array.from({ length: TYPES }, (_, index) => [
          `T${index}`,
          { __resolveReference: async (entity: Record<string, unknown>) => entity, name: ({ id }: Record<string, unknown>) => `name ${id}` },
        ]),
      ),
    },
  });
}

test('EN-02: an interface of sixty types may be asked for what is in another interface, and in another subgraph', async () => {
  const graph = large();
  expect(await graph.ask('{ as { ... on B { b other { b } } } }')).toEqual({ data: { as: [0, 7, 59].map((b) => ({ b, other: { b: 2 } })) } });
  expect(await graph.ask(`{ as { ${all((index) => `... on T${index} { name }`)} } }`)).toEqual({
    data: { as: [{ name: 'name 0' }, { name: 'name 7' }, { name: 'name 59' }] },
  });
});

test.each([
  ['interfaces in interfaces', '{ as { ... on B { b other { ... on A { id next { ... on B { b } } } } } } }'],
  ['deeper still', `{ as { ${'... on B { other { ... on A { next { '.repeat(5)} id ${'} } } }'.repeat(5)} } }`],
  ['in fragments', '{ as { ...F } } fragment F on B { other { ...G } } fragment G on A { next { ...H } } fragment H on B { other { ... on A { id } } }'],
])('GW-23: %s multiply, and are refused before they are planned', async (_name, query) => {
  const graph = large();
  const { errors, data } = await graph.ask(query);
  expect([data, errors?.[0]?.extensions]).toMatchObject([undefined, { code: 'QUERY_TOO_COMPLEX', details: { limit: 'types' } }]);
  expect(graph.fetches).toEqual([]);
});

test('EN-02: a plan that leaves out what is asked of one type is found out; one that leaves out a type that cannot come is right', () => {
  const graph = smallGraph({
    a: {
      sdl: `type Query { things: [Thing] mine: Mine } union Thing = Book | Film type Book @key(fields: "id") { id: ID! title: String author: Thing } type Film @key(fields: "id") { id: ID! length: Int }
        union Mine = Book`,
    },
    b: { sdl: 'type Film @key(fields: "id") { id: ID! year: Int } union Mine = Film' },
  }).executor.graph;
  const planned = (query: string) => {
    const document = parse(query);
    return { document, node: graph.planner.buildQueryPlan(operationFromDocument(graph.api, document, { validate: false })).node };
  };
  const whole = planned('{ things { __typename ... on Book { title author { __typename ... on Film { length year } } } ... on Film { length year } } }');
  expect(() => checkPlan(graph, whole.document, whole.node)).not.toThrow();
  for (const omitted of ['title', 'length', 'year']) {
    const { document, node } = planned('{ things { __typename ... on Book { title } ... on Film { length year } } }');
    for (const fetch of fetchesIn(node as PlanNode)) fetch.operation = fetch.operation.replace(new RegExp(`\\b${omitted}\\b`), '__typename');
    expect(() => checkPlan(graph, document, node)).toThrow(new RegExp(`No way was found to answer (Book|Film).${omitted}`));
  }
  const below = planned('{ things { __typename ... on Book { author { __typename ... on Film { length } } } } }');
  for (const fetch of fetchesIn(below.node as PlanNode)) fetch.operation = fetch.operation.replace('length', '__typename');
  expect(() => checkPlan(graph, below.document, below.node)).toThrow('Film.length');
  const never = planned('{ mine { __typename ... on Film { year } } }');
  expect(
    fetchesIn(never.node as PlanNode)
      .map(({ operation }) => operation)
      .join(),
  ).not.toContain('year');
  expect(() => checkPlan(graph, never.document, never.node)).not.toThrow();
});

function fetchesIn(node: PlanNode): FetchNode[] {
  if (node.kind === 'Fetch') return [node];
  if (node.kind === 'Flatten') return fetchesIn(node.node);
  return node.kind === 'Sequence' || node.kind === 'Parallel' ? node.nodes.flatMap(fetchesIn) : [];
}
