import { expect, test } from 'vitest';
import { shareDrivers } from './shareDrivers.js';

const all = async (ids: readonly string[]) => ids;

test('DP-22: plans that name the same drivers share them, each its best first', async () => {
  const ranked = ['a', 'b', 'c', 'd'];
  const plans = [
    { ranked, atMost: 3 },
    { ranked, atMost: 3 },
  ];
  expect(await shareDrivers(plans, all)).toEqual([
    ['a', 'c'],
    ['b', 'd'],
  ]);
});

test('DP-23: who is not free is passed over, and the next is asked in his place; nobody is given to two', async () => {
  const busy = new Set(['a', 'c']);
  const asked: string[] = [];
  const claim = async (ids: readonly string[]) => {
    asked.push(...ids);
    return ids.filter((id) => !busy.has(id));
  };
  const plans = [
    { ranked: ['a', 'b', 'c', 'd', 'e'], atMost: 2 },
    { ranked: ['a', 'c', 'b', 'e'], atMost: 1 },
    { ranked: [], atMost: 5 },
  ];
  const got = await shareDrivers(plans, claim);
  expect(got.map(({ length }) => length)).toEqual([2, 1, 0]);
  expect(new Set(got.flat()).size).toBe(3);
  expect(got.flat().some((id) => busy.has(id))).toBe(false);
  expect(new Set(asked).size).toBe(asked.length);
});

test('when nobody is left each has what it has got', async () => {
  expect(
    await shareDrivers(
      [
        { ranked: ['a'], atMost: 5 },
        { ranked: ['a'], atMost: 5 },
      ],
      all,
    ),
  ).toEqual([['a'], []]);
  expect(await shareDrivers([{ ranked: ['a', 'b'], atMost: 5 }], async () => [])).toEqual([[]]);
});
