import fc from 'fast-check';
import { expect, test } from 'vitest';
import { asking, byDistance, byScore, type Choice, gini, nearestOf, simulateDay } from './fairness.given.js';
import { firstAccept } from './firstAccept.js';
import { type Candidate, fairnessOf, isCherryPicking, ranked } from './matching.js';

const driver: Candidate = {
  driverId: 'a',
  vehicleType: 'ECONOMY',
  distanceM: 1_000,
  starsSum: 45,
  starsCount: 10,
  offeredCount: 20,
  acceptedCount: 10,
  completedCount: 10,
  cancelledCount: 0,
  isRepeat: false,
  isFavourite: false,
  recentTrips: 0,
  answers: { taken: 0, refused: 0, meanTakenMinor: 0, meanRefusedMinor: 0 },
  availableSince: new Date(0),
};
const now = new Date(10 * 60_000);
const PLACE = { lat: 30.0444, lng: 31.2357 };
const wanted = { vehicleType: 'ECONOMY' as const, radiusKm: 5 };

/** Gini of five days under each of the two, printed. */
function compared(distance: Choice, score: Choice, everyMs: number) {
  const day = { drivers: 60, assignments: 1_000, everyMs };
  const rows = [1, 2, 3, 4, 5].map((seed) => {
    const [near, fair] = [simulateDay(distance, seed, day), simulateDay(score, seed, day)];
    return { seed, distance: gini(near.counts), score: gini(fair.counts), distancePickupM: near.meanPickupM, scorePickupM: fair.meanPickupM };
  });
  console.table(rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, Math.round(value * 1000) / 1000]))));
  return rows;
}
const CITIES = [
  ['busy', 45_000],
  ['quiet', 120_000],
] as const;

test.each(CITIES)('DP-26: a thousand trips of a %s city are shared more evenly than by distance alone, whatever the seed', (_name, everyMs) => {
  for (const row of compared(byDistance, byScore, everyMs)) expect(row.score).toBeLessThan(row.distance);
});

test.each(CITIES)('DP-26: so they are when five are asked at once and the quickest has the trip, in a %s city', (_name, everyMs) => {
  const strategy = firstAccept({ offerMs: 15_000, speedKmh: () => 28 });
  const asked = strategy.decide(
    [
      {
        search: { tripId: 'a', vehicleType: 'ECONOMY', pickup: PLACE, destination: PLACE, fareMinor: 0n, requestedAt: now, departAt: null, round: 1 },
        radiusKm: 5,
        candidates: Array.from({ length: 9 }, (_, i) => ({ ...driver, driverId: String(i) })),
      },
    ],
    now,
  );
  expect(asked.map(({ atMost }) => atMost)).toEqual([5]);
  for (const row of compared(byDistance, asking(strategy), everyMs)) expect(row.score).toBeLessThan(row.distance);
  // That chance decides among five evens out much by itself: against the five nearest it is the mean of the days that is better.
  const rows = compared(asking(nearestOf(strategy)), asking(strategy), everyMs);
  const mean = (of: 'score' | 'distance') => rows.reduce((sum, row) => sum + row[of], 0) / rows.length;
  expect(mean('score')).toBeLessThan(mean('distance'));
});

test('DP-26: Gini is 0 for equal shares, and that of one who has everything', () => {
  expect(gini([3, 3, 3])).toBe(0);
  expect(gini([0, 0, 0, 8])).toBe(0.75);
  fc.assert(
    fc.property(fc.array(fc.nat(100), { minLength: 1 }), (counts) => {
      expect(gini(counts)).toBeGreaterThanOrEqual(0);
      expect(gini(counts)).toBeLessThan(1);
      expect(gini(counts.map((count) => count * 3))).toBeCloseTo(gini(counts), 9);
    }),
  );
});

test('DP-21: waiting never lowers a score, recent trips never raise it, a favourite is never later; the sum stays in its bounds', () => {
  const candidate = fc.record({
    waitedMs: fc.nat(3_600_000),
    recentTrips: fc.nat(30),
    isFavourite: fc.boolean(),
    answers: fc.record({ taken: fc.nat(40), refused: fc.nat(40), meanTakenMinor: fc.nat(20_000), meanRefusedMinor: fc.nat(20_000) }),
  });
  fc.assert(
    fc.property(candidate, fc.nat(3_600_000), ({ waitedMs, ...facts }, moreMs) => {
      const at = new Date(10_000_000);
      const waits = (ms: number): Candidate => ({ ...driver, ...facts, availableSince: new Date(at.getTime() - ms) });
      const fair = fairnessOf(waits(waitedMs), at);
      expect(fair).toBeGreaterThanOrEqual(-0.47 - 1e-9);
      expect(fair).toBeLessThanOrEqual(0.35 + 1e-9);
      expect(fairnessOf(waits(waitedMs + moreMs), at)).toBeGreaterThanOrEqual(fair);
      expect(fairnessOf({ ...waits(waitedMs), recentTrips: facts.recentTrips + 1 }, at)).toBeLessThanOrEqual(fair);
      expect(fairnessOf({ ...waits(waitedMs), isFavourite: true }, at)).toBeGreaterThanOrEqual(fair);
    }),
  );
});

test('DP-21: ranking is a permutation, and does not depend on the order in which candidates come', () => {
  const many = fc.uniqueArray(fc.record({ id: fc.uuid(), distanceM: fc.nat(5_000), recentTrips: fc.nat(9), since: fc.nat(600_000) }), {
    selector: ({ id }) => id,
    minLength: 1,
  });
  fc.assert(
    fc.property(many, (facts) => {
      const candidates = facts.map(({ id, since, ...rest }) => ({ ...driver, ...rest, driverId: id, availableSince: new Date(since) }));
      const ids = (list: readonly Candidate[]) => ranked(list, wanted, now).map(({ driverId }) => driverId);
      expect([...ids(candidates)].sort()).toEqual(candidates.map(({ driverId }) => driverId).sort());
      const score = (id: string) => {
        const found = candidates.find(({ driverId }) => driverId === id);
        return found && [found.distanceM, found.recentTrips, found.availableSince.getTime()].join();
      };
      expect(ids([...candidates].reverse()).map(score)).toEqual(ids(candidates).map(score));
    }),
  );
});

test('DP-20: who takes only dear trips is told apart from who takes what comes, and comes later', () => {
  const picks = { taken: 8, refused: 12, meanTakenMinor: 9_000, meanRefusedMinor: 4_000 };
  expect(isCherryPicking(picks)).toBe(true);
  expect(isCherryPicking({ ...picks, refused: 5 }), 'takes most of them').toBe(false);
  expect(isCherryPicking({ ...picks, meanTakenMinor: 5_000 }), 'refuses cheap and dear alike').toBe(false);
  expect(isCherryPicking({ ...picks, taken: 2, refused: 3 }), 'too few to say').toBe(false);
  expect(isCherryPicking({ ...picks, taken: 0, meanTakenMinor: 0 }), 'takes nothing').toBe(false);
  const [first] = ranked(
    [
      { ...driver, distanceM: 500, answers: picks },
      { ...driver, driverId: 'b' },
    ],
    wanted,
    now,
  );
  expect(first?.driverId).toBe('b');
});
