import { expect, test } from 'vitest';
import { planRequests } from '../bench/simulator/requests.js';
import { Statistics } from '../bench/simulator/statistics.js';
import { cornerAt, driveToward, streetM, toPoint, toSpot } from '../bench/simulator/streets.js';

test('DP-36: the same seed gives the same requests, another seed others, at the rate that was asked for', () => {
  const plan = (seed: number) => planRequests({ seed, ridersPerMinute: 50, minutes: 60 });
  expect(plan(7)).toEqual(plan(7));
  expect(plan(7)).not.toEqual(plan(8));
  expect(plan(7).length).toBeGreaterThan(2_800);
  expect(plan(7).length).toBeLessThan(3_200);
  for (const { pickup, destination, atMs } of plan(7)) {
    expect(pickup).toEqual(cornerAt(pickup));
    expect(streetM(pickup, destination)).toBeGreaterThanOrEqual(1_000);
    expect(atMs).toBeLessThan(3_600_000);
  }
});

test('DP-36: cars drive along streets and get there', () => {
  const [from, to] = [
    { x: 0, y: 0 },
    { x: 500, y: -750 },
  ];
  expect(driveToward(from, to, 400)).toEqual({ x: 400, y: 0 });
  expect(driveToward(from, to, 600)).toEqual({ x: 500, y: -100 });
  expect(driveToward(from, to, 9_999)).toEqual(to);
  const back = toSpot(toPoint(to));
  expect([Math.round(back.x), Math.round(back.y)]).toEqual([500, -750]);
});

test('DP-26: the Gini coefficient is 0 when all have the same, and near 1 when one has all', () => {
  const statistics = new Statistics();
  for (let i = 0; i < 50; i += 1) statistics.tripsOfDriver.set(`d${i}`, 3);
  expect(statistics.gini()).toBeCloseTo(0, 6);
  for (let i = 0; i < 50; i += 1) statistics.tripsOfDriver.set(`d${i}`, i === 0 ? 100 : 0);
  expect(statistics.gini()).toBeCloseTo(0.98, 6);
});
