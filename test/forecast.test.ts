import { expect, test } from 'vitest';
import { planRequests } from '../bench/simulator/requests.js';
import { toPoint } from '../bench/simulator/streets.js';
import { nextSeasons, type Season, SLOTS } from '../subgraphs/dispatch/demand.js';
import { cellOf } from '../subgraphs/dispatch/surge.js';

const DAY_SLOTS = 24 * 4;
const WEEKS = 4;
const RIDERS_PER_MINUTE = 10;

/** Requests per cell in each quarter of a simulated day, without the cells where nobody asked: as production counts them. */
function simulatedDay(week: number, weekday: number): Map<string, number>[] {
  const quarters = Array.from({ length: DAY_SLOTS }, () => new Map<string, number>());
  const plan = { seed: 1_000 + week * 7 + weekday, ridersPerMinute: RIDERS_PER_MINUTE, minutes: 24 * 60, from: weekday * 24 * 60 };
  for (const { atMs, pickup } of planRequests(plan)) {
    const counts = quarters[Math.floor(atMs / 900_000)] as Map<string, number>;
    const cell = cellOf(toPoint(pickup));
    counts.set(cell, (counts.get(cell) ?? 0) + 1);
  }
  return quarters;
}
const simulatedWeek = (week: number) => Array.from({ length: 7 }, (_, weekday) => simulatedDay(week, weekday)).flat();

test('DP-36: with a beginning in the week, requests come by the hour: twice the mean in the rush, a tenth at night, from other places', () => {
  const hour = (weekday: number, from: number) => planRequests({ seed: 3, ridersPerMinute: 50, minutes: 60, from: (weekday * 24 + from) * 60 });
  const perMinute = (requests: unknown[]) => requests.length / 60;
  expect(perMinute(hour(1, 17))).toBeGreaterThan(90);
  expect(perMinute(hour(1, 17))).toBeLessThan(120);
  expect(perMinute(hour(1, 3))).toBeLessThan(10);
  expect(perMinute(hour(5, 21))).toBeGreaterThan(perMinute(hour(5, 8)) * 2);
  expect(hour(1, 8)).toEqual(hour(1, 8));
  // Where people live lies in the east, where they work in the middle.
  const east = (requests: { pickup: { x: number } }[]) => requests.filter(({ pickup }) => pickup.x > 4_000).length / requests.length;
  expect(east(hour(1, 8))).toBeGreaterThan(east(hour(1, 17)) * 1.5);
});

test('DP-35: learnt from four simulated weeks, the forecast of a fifth is nearer than last week, the last quarter and the mean', { timeout: 120_000 }, () => {
  const seasons = Array.from({ length: SLOTS }, () => new Map<string, Season>());
  const cells = new Set<string>();
  const totals = new Map<string, number>();
  let lastWeek: Map<string, number>[] = [];
  for (let week = 0; week < WEEKS; week += 1) {
    lastWeek = simulatedWeek(week);
    for (const [slot, counts] of lastWeek.entries()) {
      seasons[slot] = nextSeasons(seasons[slot] as Map<string, Season>, counts, week);
      for (const [cell, count] of counts) {
        cells.add(cell);
        totals.set(cell, (totals.get(cell) ?? 0) + count);
      }
    }
  }
  const heldOut = simulatedWeek(WEEKS);
  const error = { forecast: 0, lastWeek: 0, lastQuarter: 0, mean: 0 };
  let [expected, actual] = [0, 0];
  for (const [slot, counts] of heldOut.entries()) {
    for (const cell of cells) {
      const came = counts.get(cell) ?? 0;
      const level = (seasons[slot] as Map<string, Season>).get(cell)?.level ?? 0;
      [expected, actual] = [expected + level, actual + came];
      error.forecast += (came - level) ** 2;
      error.lastWeek += (came - (lastWeek[slot]?.get(cell) ?? 0)) ** 2;
      error.lastQuarter += (came - ((slot === 0 ? lastWeek.at(-1) : heldOut[slot - 1])?.get(cell) ?? 0)) ** 2;
      error.mean += (came - (totals.get(cell) ?? 0) / (WEEKS * SLOTS)) ** 2;
    }
  }
  expect(error.forecast).toBeLessThan(error.lastWeek * 0.75);
  expect(error.forecast).toBeLessThan(error.lastQuarter * 0.75);
  expect(error.forecast).toBeLessThan(error.mean * 0.95);
  // Not too high: weeks without a request count too.
  expect(expected / actual).toBeGreaterThan(0.95);
  expect(expected / actual).toBeLessThan(1.05);
});
