import { buildSchema, getIntrospectionQuery, parse, validate } from 'graphql';
import { expect, test } from 'vitest';
import { DEFAULT_LIMITS, limitsRule } from './limits.js';
import { eventually, startTestGateway, watch } from './testGateway.js';

const schema = buildSchema('type Query { deep: Deep leaf: Int } type Deep { deep: Deep leaf: Int }');
const nested = (depth: number) => `${'{ deep '.repeat(depth - 1)}{ leaf }${' }'.repeat(depth - 1)}`;
const check = (query: string) => validate(schema, parse(query), [limitsRule(DEFAULT_LIMITS)]).map(({ extensions }) => extensions);

test('the limit itself passes, one more does not', () => {
  expect(check(nested(15))).toEqual([]);
  expect(check(nested(16))).toEqual([{ code: 'QUERY_TOO_COMPLEX', details: { limit: 'depth', max: 15, actual: 16 } }]);
  const aliases = (count: number) => `{ deep { ${Array.from({ length: count }, (_, index) => `a${index}: leaf`).join(' ')} } }`;
  expect(check(aliases(30))).toEqual([]);
  expect(check(aliases(31))).toEqual([{ code: 'QUERY_TOO_COMPLEX', details: { limit: 'aliases', max: 30, actual: 31 } }]);
  expect(check(`{ ${'leaf '.repeat(20)} }`)).toEqual([]);
  expect(check(`{ ${'leaf '.repeat(21)} }`)).toEqual([{ code: 'QUERY_TOO_COMPLEX', details: { limit: 'rootFields', max: 20, actual: 21 } }]);
});

test('variables that decide what is selected are counted wherever they stand, each once', () => {
  const conditional = (count: number) => {
    const names = Array.from({ length: count }, (_, index) => `$v${index}`);
    const [first, ...rest] = names;
    const fields = rest.map((name, index) => (index % 2 ? `leaf @skip(if: ${name})` : `... @include(if: ${name}) { deep { ...F } }`)).join(' ');
    return `query(${names.map((name) => `${name}: Boolean!`).join(' ')}) { leaf @include(if: ${first}) ${fields} ...F2 } fragment F on Deep { leaf @skip(if: ${first}) } fragment F2 on Query { leaf @skip(if: ${names.at(-1)}) }`;
  };
  expect(check(conditional(8))).toEqual([]);
  expect(check(conditional(9))).toEqual([{ code: 'QUERY_TOO_COMPLEX', details: { limit: 'conditions', max: 8, actual: 9 } }]);
});

test('fragments count as often as they are spread, and cost nothing to measure', () => {
  // Ten aliases, doubled by each of 200 fragments: 10 × 2^200.
  const bomb = Array.from({ length: 200 }, (_, index) => `fragment F${index} on Deep { a: deep { ...F${index + 1} } b: deep { ...F${index + 1} } }`).join('\n');
  const started = performance.now();
  const errors = check(`{ deep { ...F0 } } ${bomb} fragment F200 on Deep { leaf }`);
  expect(errors.map(({ details }) => (details as { limit: string }).limit)).toEqual(['depth', 'aliases']);
  expect(performance.now() - started).toBeLessThan(1_000);
});

test('a fragment that spreads itself does not run for ever, and introspection is not counted', () => {
  expect(check('{ deep { ...F } } fragment F on Deep { leaf deep { ...F } }')).toEqual([]);
  expect(check(getIntrospectionQuery({ inputValueDeprecation: true, schemaDescription: true }))).toEqual([]);
});

test('the same limits hold over HTTP and over WebSocket', async () => {
  await using graph = await startTestGateway();
  const cases: [string, string][] = [
    [nested(16), 'depth'],
    [`{ ${Array.from({ length: 31 }, (_, index) => `a${index}: whoami`).join(' ')} }`, 'aliases'],
    [`{ whoami ${'whoami '.repeat(2_100)} }`, 'tokens'],
  ];
  const client = graph.connect();
  for (const [query, limit] of cases) {
    const answer = await graph.query(query);
    expect([answer.status, answer.errors?.[0]?.extensions]).toMatchObject([400, { code: 'QUERY_TOO_COMPLEX', details: { limit } }]);
    const refused = watch(client, query);
    await eventually(() => refused.errors?.[0]?.extensions).toMatchObject({ code: 'QUERY_TOO_COMPLEX', details: { limit }, traceId: expect.any(String) });
  }
});
