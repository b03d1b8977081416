import fc from 'fast-check';
import { gridDisk } from 'h3-js';
import { expect, test } from 'vitest';
import {
  type CellSurge,
  cellOf,
  HOLD_MS,
  MAX_FALL_PERMILLE,
  MAX_NEIGHBOUR_PERMILLE,
  MAX_RISE_PERMILLE,
  nextSurge,
  SURGE_INTERVAL_MS,
  surgePermille,
  surgeReason,
} from './surge.js';

const CELLS = gridDisk(cellOf({ lat: 30.0444, lng: 31.2357 }), 3);
const surgeIn = (state: ReadonlyMap<string, CellSurge>, cell: string) => state.get(cell)?.surgePermille ?? 1_000;

/** Demand of a few cells over some intervals: requests per cell, and how many drivers there are. */
const demand = fc.array(
  fc.array(fc.record({ cell: fc.nat({ max: CELLS.length - 1 }), requests: fc.nat({ max: 60 }), drivers: fc.nat({ max: 12 }) }), { maxLength: 6 }),
  { minLength: 1, maxLength: 25 },
);
type Demand = typeof demand extends fc.Arbitrary<infer T> ? T : never;

const targetsOf = (cells: Demand[number]) => {
  const targets = new Map<string, number>();
  for (const { cell, requests, drivers } of cells) {
    const key = CELLS[cell] as string;
    targets.set(key, Math.max(targets.get(key) ?? 1_000, Number(surgePermille(requests, drivers))));
  }
  return targets;
};
function run(intervals: Demand): Map<string, CellSurge>[] {
  const states: Map<string, CellSurge>[] = [new Map()];
  for (const cells of intervals) states.push(nextSurge(states.at(-1)!, targetsOf(cells)));
  return states;
}

test('DP-11, DP-11b: never above 3.0 nor below 1.0; no step in time and no border between cells is larger than allowed', () => {
  fc.assert(
    fc.property(demand, (intervals) => {
      const states = run(intervals);
      for (const [i, state] of states.entries()) {
        const before = states[i - 1];
        for (const [cell, { surgePermille: value }] of state) {
          expect(value).toBeGreaterThan(1_000);
          expect(value).toBeLessThanOrEqual(3_000);
          for (const neighbour of gridDisk(cell, 1)) expect(value / surgeIn(state, neighbour)).toBeLessThanOrEqual(MAX_NEIGHBOUR_PERMILLE / 1000);
        }
        if (!before) continue;
        for (const cell of new Set([...before.keys(), ...state.keys()])) {
          // Whole thousandths: two of them are lost or won by rounding at most.
          expect(surgeIn(state, cell)).toBeLessThanOrEqual((surgeIn(before, cell) * MAX_RISE_PERMILLE) / 1000 + 2);
          expect(surgeIn(state, cell)).toBeGreaterThanOrEqual((surgeIn(before, cell) * 1000) / MAX_FALL_PERMILLE - 1);
        }
      }
    }),
    { numRuns: 150 },
  );
});

/** A history, and one in which at each moment at least as much is asked for in each cell. */
const histories = fc
  .tuple(demand, fc.array(fc.record({ tick: fc.nat(), cell: fc.nat({ max: CELLS.length - 1 }), requests: fc.nat({ max: 60 }) }), { maxLength: 12 }))
  .map(([plain, extra]) => {
    const busier = plain.map((cells) => [...cells]);
    for (const { tick, cell, requests } of extra) busier[tick % busier.length]?.push({ cell, requests, drivers: 1 });
    return { plain, busier };
  });
/** Nobody asks for anything for a while: what was held is let go. */
const QUIET: Demand = Array.from({ length: 2 * (HOLD_MS / SURGE_INTERVAL_MS) }, () => []);

test('DP-12: a busier history is never cheaper, in no cell and at no moment, also long after', () => {
  fc.assert(
    fc.property(histories, ({ plain, busier }) => {
      const [less, more] = [run([...plain, ...QUIET]), run([...busier, ...QUIET])];
      for (const [moment, state] of less.entries()) {
        for (const [cell, { surgePermille: value }] of state) expect(surgeIn(more[moment]!, cell), `moment ${moment}`).toBeGreaterThanOrEqual(value);
      }
    }),
    { numRuns: 300 },
  );
  // With a date of the last rise instead, whoever asked earlier was let go earlier.
  const cell = CELLS[0] as string;
  const held = (targets: number[]) => {
    let state = new Map<string, CellSurge>();
    return [...targets, ...Array<number>(14).fill(1_000)].map((target) => {
      state = nextSurge(state, new Map([[cell, target]]));
      return surgeIn(state, cell);
    });
  };
  const [late, early] = [held([1_000, 1_000, 1_000, 1_000, 1_100, 1_100]), held([1_100, 1_100, 1_100, 1_100, 1_100, 1_100])];
  for (const [i, value] of late.entries()) expect(early[i]).toBeGreaterThanOrEqual(value);
});

test('DP-12: no level is left within five minutes, whatever comes before and after', () => {
  fc.assert(
    fc.property(demand, (intervals) => {
      const states = run([...intervals, ...QUIET]);
      const held = HOLD_MS / SURGE_INTERVAL_MS;
      for (const [moment, state] of states.entries()) {
        for (const [cell, { recent }] of state) {
          for (let later = moment; later < Math.min(moment + held, states.length); later += 1) {
            expect(surgeIn(states[later]!, cell)).toBeGreaterThanOrEqual(recent[0] as number);
          }
        }
      }
      expect(run([...intervals, ...QUIET, ...QUIET, ...QUIET]).at(-1)?.size, 'and in the end it is over').toBe(0);
    }),
    { numRuns: 100 },
  );
});

test('DP-12: once raised it stays for five minutes, then it goes down step by step', () => {
  const cell = CELLS[0] as string;
  let state = new Map<string, CellSurge>();
  for (let tick = 0; tick < 3; tick += 1) state = nextSurge(state, new Map([[cell, 1_300]]));
  expect(surgeIn(state, cell)).toBe(1_300);
  for (let passedMs = SURGE_INTERVAL_MS; passedMs < HOLD_MS; passedMs += SURGE_INTERVAL_MS) {
    state = nextSurge(state, new Map());
    expect(surgeIn(state, cell)).toBe(1_300);
  }
  const way: number[] = [];
  while (state.size > 0) {
    state = nextSurge(state, new Map());
    way.push(surgeIn(state, cell));
  }
  expect(way[0]).toBe(1_239);
  expect(way.at(-1)).toBe(1_000);
  expect(way).toEqual([...way].sort((a, b) => b - a));
});

test('DP-12: the table of the spec, and no fall where its last step begins', () => {
  const steps = Array.from({ length: 80 }, (_, i) => Number(surgePermille(i, 10)));
  expect([0, 9, 10, 14, 15, 19, 20, 29, 30, 39, 40, 60, 79].map((requests) => steps[requests])).toEqual([
    1_000, 1_000, 1_100, 1_100, 1_300, 1_300, 1_500, 1_500, 1_800, 1_800, 2_000, 3_000, 3_000,
  ]);
  expect(steps).toEqual([...steps].sort((a, b) => a - b));
});

test('DP-11: a surge says why: own demand, demand that has passed, demand nearby; nothing at 1.0', () => {
  const cell = { surgePermille: 1_300, targetPermille: 1_500, requests: 6, available: 1 };
  expect(surgeReason(cell)).toContain('6 in ten minutes, 1 free driver.');
  expect(surgeReason({ ...cell, targetPermille: 1_100 })).toContain('calmer');
  expect(surgeReason({ ...cell, targetPermille: 1_000 })).toContain('nearby');
  expect(surgeReason({ ...cell, surgePermille: 1_000 })).toBeNull();
});
