import { parse, print } from 'graphql';
import { expect, test } from 'vitest';
import { markCached } from './cacheHints.js';
import { anyone, onlyOwner, signedIn } from './permissions.js';

const SDL = 'type Query { car(id: ID): Car me: Car } type Car { id: ID! make: String! plate: String }';
const permissions = { Query: { car: anyone, me: signedIn }, Car: { plate: onlyOwner(() => null) } };
const marked = (roots: Record<string, number>, parts: Record<string, string[]>) => print(markCached(parse(SDL), { roots, parts }, permissions).document);

test('GW-30: the directive stands on the fields that are named, and on no others', () => {
  const sdl = marked({ car: 60 }, { Car: ['make'] });
  expect(sdl.match(/@cacheControl\([^)]*\)/g)).toEqual(['@cacheControl(maxAge: 60)', '@cacheControl(inheritMaxAge: true)']);
  expect(sdl).toMatch(/car\(id: ID\): Car @cacheControl/);
  expect(sdl).toMatch(/make: String! @cacheControl/);
});

test('GW-30: what has a rule of its own cannot be kept for everybody, nor what is not open to anyone, nor what is not there', () => {
  expect(() => marked({}, { Car: ['plate'] })).toThrow('Car.plate');
  expect(() => marked({ me: 60 }, {})).toThrow('Query.me');
  expect(() => marked({ nothing: 60 }, {})).toThrow('Query.nothing');
  expect(() => marked({}, { Car: ['colour'] })).toThrow('Car.colour');
  expect(() => marked({}, { Boat: ['id'] })).toThrow('Boat.id');
});
