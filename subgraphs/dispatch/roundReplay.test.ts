import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nearness, SHARE_OF_NEARNESS } from './matching.js';
import { type RecordedRound, type ReplayOptions, replayRounds, type TripFacts } from './roundReplay.js';
import { DEFAULT_WEIGHTS, decideTick, MAX_PICKUP_S, pickupSeconds, type RoundInputs } from './tick.js';

/** Numbers that look random and are the same each time. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
}

const BEGAN = Date.UTC(2030, 0, 1);
const RADIUS_M = 5_000;
const TICK_MS = 3_000;

interface Asking {
  tripId: string;
  sinceMs: number;
  round: number;
  dueMs: number;
  asked: Set<string>;
}
interface Day {
  rounds: RecordedRound[];
  facts: Map<string, TripFacts>;
}

/** What a round of these trips would record, with so many metres and merits. */
function inputsOf(
  trips: readonly Asking[],
  free: readonly string[],
  metres: (trip: string, driver: string) => number,
  merit: (driver: string) => number,
  nowMs: number,
): RoundInputs {
  const driverIds: string[] = [];
  const listed = trips.map(({ asked, tripId }) => {
    const score = (driver: string) => SHARE_OF_NEARNESS * nearness(metres(tripId, driver), RADIUS_M) + merit(driver);
    return free.filter((driver) => !asked.has(driver) && metres(tripId, driver) < RADIUS_M).sort((a, b) => score(b) - score(a));
  });
  for (const driver of listed.flat()) if (!driverIds.includes(driver)) driverIds.push(driver);
  return {
    riders: trips.map(({ tripId, sinceMs }, r) => ({
      vehicleType: 'ECONOMY',
      waitedS: Math.round((nowMs - sinceMs) / 1000),
      options: (listed[r] as string[]).flatMap((driver) => [driverIds.indexOf(driver), metres(tripId, driver)]),
    })),
    drivers: driverIds.map(() => 'ECONOMY'),
    speedKmh: 24,
    maxPickupS: MAX_PICKUP_S,
    weights: DEFAULT_WEIGHTS,
    trips: trips.map(({ tripId }) => tripId),
    driverIds,
    radiiM: trips.map(() => RADIUS_M),
    rounds: trips.map(({ round }) => round),
    merits: (listed as string[][]).map((drivers) => drivers.map(merit)),
  };
}

/** A small city as it would have gone: drivers who say no, or are taken by others at the wrong moment, and are away until their trips end. */
function dayOf(strategy: RecordedRound['strategy'], seed: number): Day {
  const isBatched = strategy === 'BATCHED';
  const next = random(seed);
  const drivers = Array.from({ length: 8 }, (_, i) => `driver${i}`);
  const merits = new Map(drivers.map((driver) => [driver, Math.round(next() * 1e9) / 1e9]));
  const distances = new Map<string, number>();
  const metres = (trip: string, driver: string) => {
    const known = distances.get(trip + driver) ?? Math.round(next() * 7_000);
    distances.set(trip + driver, known);
    return known;
  };
  const busyUntil = new Map<string, number>();
  const day: Day = { rounds: [], facts: new Map() };
  const refusals = new Map<string, Set<string>>();
  const open = Array.from({ length: 30 }, (_, i): Asking => {
    const sinceMs = BEGAN + Math.round(next() * 600) * 1_000;
    refusals.set(`trip${i}`, new Set());
    return { tripId: `trip${i}`, sinceMs, round: 1, dueMs: isBatched ? Math.ceil((sinceMs + 1) / TICK_MS) * TICK_MS : sinceMs, asked: new Set() };
  });

  const end = ({ tripId }: Asking, driverId: string | null, nowMs: number) => {
    const rideS = 120 + Math.round(next() * 300);
    const freeAgainAtMs = nowMs + rideS * 1000;
    if (driverId) busyUntil.set(driverId, freeAgainAtMs);
    const times = driverId ? { acceptedAtMs: nowMs, freeAgainAtMs } : { acceptedAtMs: null, freeAgainAtMs: null };
    day.facts.set(tripId, { driverId, ...times, rideS, refusedBy: refusals.get(tripId) ?? new Set() });
    open.splice(
      open.findIndex((search) => search.tripId === tripId),
      1,
    );
  };
  const answer = (search: Asking, asked: readonly string[], nowMs: number) => {
    const yes = asked.filter(() => next() < 0.6);
    const winner = yes[Math.floor(next() * yes.length)];
    if (winner !== undefined) return end(search, winner, nowMs);
    for (const driver of asked) {
      search.asked.add(driver);
      refusals.get(search.tripId)?.add(driver);
    }
    search.round += 1;
    search.dueMs += isBatched ? TICK_MS : 15_000;
    if (search.round > 4) end(search, null, nowMs);
  };
  const carryOut = (trips: readonly Asking[], nowMs: number) => {
    const free = drivers.filter((driver) => (busyUntil.get(driver) ?? 0) <= nowMs);
    const inputs = inputsOf(trips, free, metres, (driver) => merits.get(driver) ?? 0, nowMs);
    const seconds = pickupSeconds(inputs);
    const planned = isBatched ? decideTick(inputs).pairs : inputs.driverIds.map((_, driver) => ({ rider: 0, driver, pickupS: seconds[driver] as number }));
    const taken = new Set(planned.filter(() => next() < 0.1));
    const pairs = planned.filter((pair) => !taken.has(pair)).slice(0, isBatched ? undefined : 5);
    const passedOver = [...taken].map(({ rider, driver }): [number, number] => [rider, driver]);
    day.rounds.push({ at: new Date(nowMs), strategy, inputs, outcome: { pairs, passedOver } });
    for (const [r, search] of trips.entries()) {
      const asked = pairs.filter(({ rider }) => rider === r).map(({ driver }) => inputs.driverIds[driver] as string);
      answer(search, asked, nowMs);
    }
  };
  while (open.length > 0) {
    const nowMs = Math.min(...open.map(({ dueMs }) => dueMs));
    const due = open.filter(({ dueMs }) => dueMs === nowMs).sort((a, b) => a.sinceMs - b.sinceMs || (a.tripId < b.tripId ? -1 : 1));
    for (const trips of isBatched ? [due] : due.map((search) => [search])) carryOut(trips, nowMs);
  }
  return day;
}

async function replayOf({ rounds, facts }: Day, options: Partial<ReplayOptions>) {
  async function* recorded() {
    yield* rounds;
  }
  return replayRounds(recorded(), async (ids) => new Map(ids.flatMap((id) => (facts.has(id) ? [[id, facts.get(id) as TripFacts]] : []))), {
    ...{ strategy: 'FIRST_ACCEPT', weights: {}, batchMs: TICK_MS, list: 100 },
    ...options,
  });
}

test('DP-22b: a recorded day runs again as it went, under the strategy and the weights that it had', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.constantFrom('FIRST_ACCEPT' as const, 'BATCHED' as const), async (seed, strategy) => {
      const day = dayOf(strategy, seed);
      const same = await replayOf(day, { strategy });
      expect(same).toMatchObject({ trips: 30, tripsChanged: 0, changed: [], matched: { replayed: same.matched.recorded }, rounds: day.rounds.length });
      expect(same.matched.recorded).toBeGreaterThan(5);
      expect(same.meanPickupS.replayed).toBe(same.meanPickupS.recorded);
      expect(same.meanWaitS.replayed).toBe(same.meanWaitS.recorded);
    }),
    { numRuns: 60 },
  );
});

test('DP-22b: under another strategy nobody who said no drives, and what changed is named', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(),
      fc.constantFrom('FIRST_ACCEPT', 'BATCHED'),
      fc.constantFrom('SEQUENTIAL', 'BATCHED', 'ARRIVAL_ORDER', 'FIRST_ACCEPT'),
      async (seed, from, to) => {
        const day = dayOf(from, seed);
        const other = await replayOf(day, { strategy: to, nearnessShare: 1, weights: { waiting: 30 } });
        expect(other.changed).toHaveLength(other.tripsChanged);
        expect(other.matched.replayed).toBeLessThanOrEqual(30);
        for (const { tripId, recorded, replayed } of other.changed) {
          expect(replayed?.driverId).not.toBe(recorded?.driverId);
          expect(day.facts.get(tripId)?.refusedBy.has(replayed?.driverId ?? ''), 'said no').toBe(false);
        }
        const listed = await replayOf(day, { strategy: to, nearnessShare: 1, weights: { waiting: 30 }, list: 1 });
        expect(listed.changed).toEqual(other.changed.slice(0, 1));
      },
    ),
    { numRuns: 60 },
  );
});

/** A round of one trip: metres to each driver, the best first, and whom it was offered to. */
function round(tripId: string, atS: number, options: Record<string, number>, merits: Record<string, number>): RecordedRound {
  const search: Asking = { tripId, sinceMs: BEGAN + atS * 1000, round: 1, dueMs: 0, asked: new Set() };
  const inputs = inputsOf(
    [search],
    Object.keys(options),
    (_, driver) => options[driver] as number,
    (driver) => merits[driver] ?? 0,
    search.sinceMs,
  );
  const seconds = pickupSeconds(inputs);
  return {
    at: new Date(search.sinceMs),
    strategy: 'FIRST_ACCEPT',
    inputs,
    outcome: { pairs: inputs.driverIds.map((_, driver) => ({ rider: 0, driver, pickupS: seconds[driver] as number })), passedOver: [] },
  };
}
const facts = (driverId: string, atS: number, freeS: number, refusedBy: string[] = []): TripFacts => ({
  ...{ driverId, acceptedAtMs: BEGAN + atS * 1000, freeAgainAtMs: BEGAN + freeS * 1000, rideS: 300, refusedBy: new Set(refusedBy) },
});

test('DP-22b: who takes a trip in the replay is gone until it ends, and what that means for the next trips is said', async () => {
  // The well rated one, far away, had the first trip; the near one had the second a minute later, and the third when he was back.
  const day: Day = {
    rounds: [
      round('first', 0, { rated: 2_000, near: 100 }, { rated: 0.6, near: 0.1 }),
      round('second', 60, { near: 300 }, { near: 0.1 }),
      round('third', 900, { near: 200, rated: 900 }, { rated: 0.1, near: 0.1 }),
    ],
    facts: new Map([
      ['first', facts('rated', 2, 700)],
      ['second', facts('near', 62, 500)],
      ['third', facts('near', 902, 1_300)],
    ]),
  };
  expect((await replayOf(day, {})).tripsChanged).toBe(0);
  const greedy = await replayOf(day, { strategy: 'ARRIVAL_ORDER' });
  expect(greedy).toMatchObject({ trips: 3, matched: { recorded: 3, replayed: 2 }, tripsChanged: 2 });
  expect(greedy.changed).toEqual([
    { tripId: 'first', recorded: { driverId: 'rated', pickupS: 390, waitedS: 0 }, replayed: { driverId: 'near', pickupS: 20, waitedS: 0 } },
    { tripId: 'second', recorded: { driverId: 'near', pickupS: 59, waitedS: 0 }, replayed: null },
  ]);
  // Had the first ride been short, the near one would have been back for the second, after three and a half minutes.
  day.facts.set('first', { ...facts('rated', 2, 700), rideS: 100 });
  day.rounds.splice(2, 0, round('between', 270, { far: 4_000 }, {}));
  day.facts.set('between', facts('far', 271, 600));
  const second = (await replayOf(day, { strategy: 'ARRIVAL_ORDER' })).changed.find(({ tripId }) => tripId === 'second');
  expect(second, 'the same driver, later').toBeUndefined();
  // Who said no when asked says no again; rounds of before trips were named are left out.
  day.facts.set('first', facts('rated', 2, 700, ['near']));
  const { trips: _trips, ...unnamed } = day.rounds[0]!.inputs;
  day.rounds.unshift({ ...day.rounds[0]!, inputs: unnamed as RoundInputs });
  expect(await replayOf(day, { strategy: 'FIRST_ACCEPT', nearnessShare: 100 })).toMatchObject({ rounds: 4, tripsChanged: 0 });
});
