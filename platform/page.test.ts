import { expect, test } from 'vitest';
import { encodeCursor, pageRequest, toPage } from './page.js';

const refused = (rule: string) => expect.objectContaining({ code: 'VALIDATION_ERROR', details: expect.objectContaining({ rule }) });

test('a page knows whether there is more, and where to go on', () => {
  const request = pageRequest('PRICE', 2, null, 1);
  const page = toPage([1, 2, 3], request, (n) => encodeCursor('PRICE', [n]));
  expect(page.nodes).toEqual([1, 2]);
  expect(page.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
  expect(pageRequest('PRICE', 2, page.pageInfo.endCursor, 1).after).toEqual(['2']);
});

test('an empty page has no cursors', () => {
  expect(toPage([], pageRequest('PRICE', 0, null, 1), String).pageInfo).toEqual({
    hasNextPage: false,
    hasPreviousPage: false,
    startCursor: null,
    endCursor: null,
  });
});

test.each([-1, 101, 1.5])('first: %s is refused', (first) => {
  expect(() => pageRequest('PRICE', first, null, 1)).toThrowError(refused('page_size'));
});

test.each(['nonsense', encodeCursor('NEWEST', ['1']), encodeCursor('PRICE', ['1', '2']), Buffer.from('["PRICE",1]').toString('base64url')])(
  'cursor %s is refused',
  (after) => {
    expect(() => pageRequest('PRICE', 1, after, 1)).toThrowError(refused('cursor'));
  },
);
