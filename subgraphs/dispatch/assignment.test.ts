import fc from 'fast-check';
import { expect, test } from 'vitest';
import { solveAssignment } from './assignment.js';
import { DEFAULT_WEIGHTS, decideTick, MAX_PICKUP_S, type TickInputs, type TickOutcome } from './tick.js';
import { SERVED_BY, VEHICLE_TYPES } from './vehicleType.js';

/** The most pairs at the least cost, by trying all ways. */
function bruteForce(costs: Float64Array, rows: number, columns: number): { pairs: number; cost: number } {
  let best = { pairs: 0, cost: 0 };
  const taken = new Array<boolean>(columns).fill(false);
  const go = (row: number, pairs: number, cost: number) => {
    if (row === rows) {
      if (pairs > best.pairs || (pairs === best.pairs && cost < best.cost)) best = { pairs, cost };
      return;
    }
    go(row + 1, pairs, cost);
    for (let column = 0; column < columns; column += 1) {
      const value = costs[row * columns + column] as number;
      if (taken[column] || value === Infinity) continue;
      taken[column] = true;
      go(row + 1, pairs + 1, cost + value);
      taken[column] = false;
    }
  };
  go(0, 0, 0);
  return best;
}

function worthOf(costs: Float64Array, columns: number, columnOfRow: Int32Array): { pairs: number; cost: number } {
  const used = [...columnOfRow].filter((column) => column >= 0);
  expect(new Set(used).size, 'no column twice').toBe(used.length);
  return { pairs: used.length, cost: [...columnOfRow].reduce((sum, column, row) => sum + (column < 0 ? 0 : (costs[row * columns + column] as number)), 0) };
}

const matrix = fc
  .record({ rows: fc.integer({ min: 1, max: 6 }), columns: fc.integer({ min: 1, max: 6 }), forbidden: fc.integer({ min: 0, max: 9 }) })
  .chain(({ rows, columns, forbidden }) =>
    fc
      .array(fc.record({ cost: fc.nat({ max: 20 }), die: fc.integer({ min: 0, max: 9 }) }), { minLength: rows * columns, maxLength: rows * columns })
      .map((cells) => ({ rows, columns, costs: Float64Array.from(cells, ({ cost, die }) => (die < forbidden ? Infinity : cost)) })),
  );

test('DP-22: the assignment is exact: as many pairs and as cheap as the best of all ways, also with ties and forbidden pairs, wide or tall', () => {
  fc.assert(
    fc.property(matrix, ({ rows, columns, costs }) => {
      expect(worthOf(costs, columns, solveAssignment(costs, rows, columns))).toEqual(bruteForce(costs, rows, columns));
    }),
    { numRuns: 2_000 },
  );
});

test('DP-22: nothing to assign, nothing allowed, and costs that are no costs', () => {
  expect([...solveAssignment(new Float64Array(0), 0, 5)]).toEqual([]);
  expect([...solveAssignment(new Float64Array(0), 2, 0)]).toEqual([-1, -1]);
  expect([...solveAssignment(Float64Array.of(Infinity, Infinity), 2, 1)]).toEqual([-1, -1]);
  expect([...solveAssignment(Float64Array.of(0), 1, 1)]).toEqual([0]);
  expect(() => solveAssignment(Float64Array.of(1, 2), 1, 1)).toThrow('has 1 costs');
  expect(() => solveAssignment(Float64Array.of(-1), 1, 1)).toThrow('not negative');
  expect(() => solveAssignment(Float64Array.of(Number.NaN), 1, 1)).toThrow('not negative');
});

/** Numbers that look random and are the same each time (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function city(riders: number, drivers: number, seed: number): TickInputs {
  const random = seeded(seed);
  const place = () => ({ x: random() * 12_000, y: random() * 12_000 });
  const type = () => VEHICLE_TYPES[Math.floor(random() * random() * 4)] ?? 'ECONOMY';
  const cars = Array.from({ length: drivers }, () => ({ ...place(), vehicleType: type() }));
  return {
    riders: Array.from({ length: riders }, () => {
      const [rider, vehicleType] = [place(), type()];
      const options = cars.flatMap((car, number) =>
        SERVED_BY[vehicleType].includes(car.vehicleType) ? [number, Math.round(Math.hypot(car.x - rider.x, car.y - rider.y))] : [],
      );
      return { vehicleType, waitedS: Math.floor(random() * 90), options };
    }),
    drivers: cars.map((car) => car.vehicleType),
    speedKmh: 24,
    maxPickupS: MAX_PICKUP_S,
    weights: DEFAULT_WEIGHTS,
  };
}

/** Everybody may drive everybody: then all ways of matching serve all riders, and their totals can be compared. */
function oneClass({ riders, drivers, ...inputs }: TickInputs, seed: number): TickInputs {
  const random = seeded(seed + 1);
  const options = () => drivers.flatMap((_, number) => [number, Math.round(random() * 8_000)]);
  return {
    ...inputs,
    riders: riders.map((rider) => ({ ...rider, vehicleType: 'ECONOMY', options: options() })),
    drivers: drivers.map(() => 'ECONOMY'),
    maxPickupS: 24 * 3_600,
  };
}

test('DP-22: on a whole city a batch matches no fewer riders than arrival order, with less pickup time, and the same inputs give the same outcome', () => {
  fc.assert(
    fc.property(fc.nat(), fc.constantFrom(1, 1.1, 1.2), (seed, ratio) => {
      const inputs = city(200, Math.round(200 * ratio), seed);
      const [batched, greedy] = [decideTick(inputs), decideTick(inputs, 'ARRIVAL_ORDER')];
      expect(batched.pairs.length).toBeGreaterThanOrEqual(greedy.pairs.length);
      const alike = oneClass(inputs, seed);
      const [least, inOrder] = [decideTick(alike), decideTick(alike, 'ARRIVAL_ORDER')];
      expect([least.pairs.length, inOrder.pairs.length]).toEqual([200, 200]);
      const total = ({ pairs }: TickOutcome) => pairs.reduce((sum, pair) => sum + pair.pickupS, 0);
      expect(total(least)).toBeLessThan(total(inOrder));
      expect(decideTick(JSON.parse(JSON.stringify(inputs)))).toEqual(batched);
      for (const { rider, driver, pickupS: takes } of batched.pairs) {
        expect(SERVED_BY[inputs.riders[rider]!.vehicleType]).toContain(inputs.drivers[driver]);
        expect(takes).toBeLessThanOrEqual(inputs.maxPickupS);
      }
    }),
    { numRuns: 15 },
  );
});

test('DP-22: who must not drive whom does not, and of too many riders those who waited longest go first', () => {
  const base = { drivers: ['ECONOMY' as const], speedKmh: 24, maxPickupS: MAX_PICKUP_S, weights: DEFAULT_WEIGHTS };
  const rider = (waitedS: number, ...options: number[]) => ({ vehicleType: 'ECONOMY' as const, waitedS, options });
  expect(decideTick({ ...base, riders: [rider(5)] }).pairs).toEqual([]);
  expect(decideTick({ ...base, riders: [rider(5, 0, 30_000)] }).pairs, 'too far').toEqual([]);
  expect(decideTick({ ...base, riders: [rider(10, 0, 0), rider(200, 0, 0), rider(20, 0, 0)] }).pairs).toEqual([{ rider: 1, driver: 0, pickupS: 0 }]);
  expect(decideTick({ ...base, riders: [] }).pairs).toEqual([]);
  // The nearest for both is the same driver: the one for whom the other is less of a detour takes the other.
  const two = { ...base, drivers: ['ECONOMY' as const, 'ECONOMY' as const] };
  const pairs = decideTick({ ...two, riders: [rider(9, 0, 500, 1, 600), rider(1, 0, 400, 1, 3_000)] }).pairs;
  expect(pairs.map((pair) => [pair.rider, pair.driver])).toEqual([
    [0, 1],
    [1, 0],
  ]);
});
