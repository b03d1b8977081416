import { buildSchema, execute, getVariableValues, type OperationDefinitionNode, parse } from 'graphql';
import { expect, test } from 'vitest';
import { variableValues, withValuesRead } from './variableValues.js';

// Values are read as graphql-js reads them, and refused in its words.

const SDL = `
  scalar _Any
  enum Kind { A B }
  input Place { lat: Float! lng: Float! note: String }
  input Point { id: ID! place: Place! kind: Kind = B tags: [String!] more: Point size: Int = 3 on: Boolean }
  input Either @oneOf { a: Int b: String }
  type Query { show(points: [Point!]!, either: Either, word: String = "w"): String }
`;
const schema = buildSchema(SDL);
const place = { lat: 1.5, lng: 2 };
const point = { id: 'p', place };
const document = parse(
  'query($points: [Point!]!, $either: Either, $word: String = "d", $rest: [[Int]], $kind: Kind) { show(points: $points, either: $either, word: $word) }',
);
const definitions = (document.definitions[0] as OperationDefinitionNode).variableDefinitions ?? [];

test.each<[string, Record<string, unknown>]>([
  ['what fits', { points: [point, { ...point, kind: 'A', tags: ['x'], size: 5, on: false }], word: null, kind: 'B' }],
  ['numbers as ids, nulls, objects in objects', { points: [{ id: 7, place, tags: null, more: { ...point, more: point } }], rest: [[1, null], null] }],
  ['one instead of a list', { points: point, rest: 4 }],
  ['one of several', { points: [], either: { a: 1 } }],
  ['undefined', { points: [point], either: undefined, word: undefined }],
  ['values that nobody asked for', { points: [point], other: 1 }],
  ['nothing at all', {}],
  ['null where it must not be', { points: null }],
  ['null in a list', { points: [null] }],
  ['a missing field', { points: [{ id: 'p', place: { lat: 1 } }] }],
  ['a field that is not there', { points: [{ ...point, plaice: 1 }] }],
  ['a field of all objects', { points: [{ ...point, constructor: 1 }] }],
  ['wrong numbers', { points: [{ ...point, place: { lat: '1', lng: Number.NaN }, size: 1.5 }] }],
  ['a list for an object', { points: [[point]] }],
  ['both of one', { points: [], either: { a: 1, b: 'x' } }],
  ['null of one', { points: [], either: { a: null } }],
  ['no such word', { points: [], kind: 'C' }],
  ['too many errors', { points: Array.from({ length: 30 }, () => ({ place })) }],
])('EN-04: %s', (_what, inputs) => {
  const ours = variableValues(schema, definitions, inputs);
  const theirs = getVariableValues(schema, definitions, inputs, { maxErrors: 20 });
  expect(ours).toEqual(theirs);
  expect(JSON.stringify(ours.coerced)).toBe(JSON.stringify(theirs.coerced));
});

test('EN-04: a type that is no type of values is refused as graphql-js refuses it', () => {
  const wrong = (parse('query($q: Query, $n: Nothing) { show(points: []) }').definitions[0] as OperationDefinitionNode).variableDefinitions ?? [];
  expect(variableValues(schema, wrong, {})).toEqual(getVariableValues(schema, wrong, {}, { maxErrors: 20 }));
});

test('EN-04: what runs with values that were read is what runs without, also where a value is missing or a part of a literal', async () => {
  const rootValue = { show: (args: unknown) => JSON.stringify(args) };
  const literal = parse(
    'query A($p: Place!, $w: String) { show(points: [{ id: "x", place: $p, size: 2 }], word: $w) } query B($w: String = "b") { show(points: [], word: $w) }',
  );
  const runs: [ReturnType<typeof parse>, string | null, Record<string, unknown>][] = [
    [document, null, { points: [point] }],
    [document, null, { points: [{ ...point, more: point }], word: null, either: { b: 'x' } }],
    [literal, 'A', { p: place }],
    [literal, 'A', { p: place, w: 'given' }],
    [literal, 'B', {}],
    [literal, 'B', { w: null }],
    [literal, 'A', {}],
    [literal, 'C', {}],
  ];
  for (const [asked, operationName, inputs] of runs) {
    const plain = await execute({ schema, document: asked, operationName, variableValues: inputs, rootValue });
    const read = await execute({ schema, operationName, rootValue, ...withValuesRead(schema, asked, operationName, inputs) });
    expect(read).toEqual(plain);
  }
});

test('EN-04: each of several schemas reads by its own types', () => {
  const other = buildSchema(SDL.replace('size: Int = 3', 'size: Int = 9'));
  for (const against of [schema, other, schema]) {
    expect(variableValues(against, definitions, { points: [point] })).toEqual(getVariableValues(against, definitions, { points: [point] }));
  }
});
