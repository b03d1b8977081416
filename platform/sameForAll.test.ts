import { parse, print } from 'graphql';
import { allow } from 'graphql-shield';
import { expect, test } from 'vitest';
import { markSameForAll } from './sameForAll.js';

const document = parse('type Subscription { carMoved: Car! } type Car { id: ID! plate: String }');

test('GW-11: what is named gets the tag, and nothing else', () => {
  const marked = print(markSameForAll(document, { Subscription: ['carMoved'], Car: ['id'] }, { Subscription: { carMoved: allow } }));
  expect(marked.match(/@tag/g)).toHaveLength(2);
  expect(marked).toContain('id: ID! @tag(name: "same-for-all")');
  expect(marked).toContain('plate: String\n');
});

test('ID-07b: a field with a rule of its own, or one that is not there, cannot be the same for all', () => {
  expect(() => markSameForAll(document, { Car: ['plate'] }, { Car: { plate: allow } })).toThrow(/Car\.plate has a rule/);
  expect(() => markSameForAll(document, { Car: ['colour'] }, {})).toThrow(/no Car\.colour/);
});
