import { type AnswerRecord, type Candidate, ranked } from './matching.js';
import { distanceM, type Place } from './point.js';
import type { MatchingStrategy, Search } from './strategy.js';

/** Who takes a trip among the drivers around, and who said no to it before. */
export interface Chosen {
  taker: Candidate | undefined;
  refusers: readonly Candidate[];
}
/** `random` gives numbers from 0 to 1, for what people do. */
export type Choice = (candidates: readonly Candidate[], radiusKm: number, now: Date, random: () => number) => Chosen;

const nearestFirst = (candidates: readonly Candidate[]) => [...candidates].sort((a, b) => a.distanceM - b.distanceM);
export const byDistance: Choice = (candidates) => ({ taker: nearestFirst(candidates)[0], refusers: [] });
export const byScore: Choice = (candidates, radiusKm, now) => ({ taker: ranked(candidates, { vehicleType: 'ECONOMY', radiusKm }, now)[0], refusers: [] });

/** How many of those who are asked say yes. */
const SAY_YES = 0.85;

/**
 * Asks as a strategy says, round by round: of those who say yes the quickest has the trip, and when nobody does, those of the next round are asked. Who is
 * too slow has not refused.
 */
export function asking(strategy: MatchingStrategy): Choice {
  return (candidates, _radiusKm, now, random) => {
    const refusers: Candidate[] = [];
    for (let round = 1; ; round += 1) {
      const search: Search = { ...SEARCH, round, requestedAt: now };
      const radiusKm = strategy.lookAround(search);
      if (radiusKm === null) return { taker: undefined, refusers };
      const around = candidates.filter((candidate) => candidate.distanceM <= radiusKm * 1000 && !refusers.includes(candidate));
      const [plan] = strategy.decide([{ search, radiusKm, candidates: around }], now);
      const asked = (plan?.ranked.slice(0, plan.atMost) ?? []).flatMap((id) => around.filter(({ driverId }) => driverId === id));
      const answers = asked.map((candidate) => ({ candidate, saysYes: random() < SAY_YES, afterS: random() }));
      const [first] = answers.filter(({ saysYes }) => saysYes).sort((a, b) => a.afterS - b.afterS);
      refusers.push(...answers.filter(({ saysYes, afterS }) => !saysYes && (!first || afterS < first.afterS)).map(({ candidate }) => candidate));
      if (first) return { taker: first.candidate, refusers };
    }
  };
}

/** The same rounds and as many drivers in each, the nearest ones. */
export function nearestOf(strategy: MatchingStrategy): MatchingStrategy {
  return {
    ...strategy,
    decide: (requests, now) =>
      strategy.decide(requests, now).map((plan, i) => ({ ...plan, ranked: nearestFirst(requests[i]?.candidates ?? []).map(({ driverId }) => driverId) })),
  };
}

const CENTRE = { lat: 30.0444, lng: 31.2357 };
const RADIUS_KM = 8;
const SPEED_KMH = 28;
const COOLDOWN_MS = 60_000;
/** Whoever is free far out drives back towards the middle, slowly, up to here: else all would end at the rim. */
const DRIFT_KMH = 12;
const DRIFT_TO_KM = 3;
const NO_ANSWERS: AnswerRecord = { taken: 0, refused: 0, meanTakenMinor: 0, meanRefusedMinor: 0 };
const SEARCH = { tripId: 'a trip', vehicleType: 'ECONOMY' as const, pickup: CENTRE, destination: CENTRE, fareMinor: 0n, departAt: null };

/** Mulberry32: the same numbers for the same seed on every machine. Source: public domain, Tommy Ettinger. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Gini coefficient of counts: 0 when all are equal, towards 1 when one has everything. */
export function gini(counts: readonly number[]): number {
  const sorted = [...counts].sort((a, b) => a - b);
  const total = sorted.reduce((sum, count) => sum + count, 0);
  if (total === 0) return 0;
  const weighted = sorted.reduce((sum, count, i) => sum + (2 * (i + 1) - sorted.length - 1) * count, 0);
  return weighted / (sorted.length * total);
}

function drifted(place: Place, idleMs: number): Place {
  const awayKm = distanceM(place, CENTRE) / 1000;
  if (awayKm <= DRIFT_TO_KM) return place;
  const share = Math.min(awayKm - DRIFT_TO_KM, (Math.max(0, idleMs) / 3_600_000) * DRIFT_KMH) / awayKm;
  return { lat: place.lat + (CENTRE.lat - place.lat) * share, lng: place.lng + (CENTRE.lng - place.lng) * share };
}

/**
 * A day in a made-up city: riders mostly near the middle, who want to go anywhere; drivers of different rating, who are free again where a trip ends and
 * drive back towards the middle. Answers how many trips each driver had, and the mean way to the pickup in metres.
 */
export function simulateDay(choose: Choice, seed: number, options: { drivers: number; assignments: number; everyMs: number }) {
  const random = randomFrom(seed);
  const around = (spreadKm: number): Place => {
    const gauss = () => Math.sqrt(-2 * Math.log(random() || 1e-9)) * Math.cos(2 * Math.PI * random());
    return { lat: CENTRE.lat + (gauss() * spreadKm) / 111.2, lng: CENTRE.lng + (gauss() * spreadKm) / 96.3 };
  };
  const drivers = Array.from({ length: options.drivers }, (_, i) => ({
    id: String(i),
    place: around(5),
    freeAt: 0,
    starsSum: 100 * (3.8 + 1.2 * random()),
    trips: [] as number[],
    refused: 0,
  }));
  // Of its own, so that how many people are asked changes nothing about who wants to go where.
  const people = randomFrom(seed + 1_000);
  let now = 1_000_000;
  let pickupM = 0;
  let assigned = 0;
  while (assigned < options.assignments) {
    now += options.everyMs * (0.5 + random());
    const [pickup, destination] = [around(2), around(5)];
    const candidates = drivers
      .filter((driver) => driver.freeAt <= now)
      .map(
        (driver): Candidate => ({
          driverId: driver.id,
          vehicleType: 'ECONOMY',
          distanceM: distanceM(drifted(driver.place, now - driver.freeAt), pickup),
          starsSum: driver.starsSum,
          starsCount: 100,
          offeredCount: driver.trips.length + driver.refused,
          acceptedCount: driver.trips.length,
          completedCount: driver.trips.length,
          cancelledCount: 0,
          isRepeat: false,
          isFavourite: false,
          recentTrips: driver.trips.filter((at) => at > now - 3 * 3_600_000).length,
          answers: NO_ANSWERS,
          availableSince: new Date(driver.freeAt),
        }),
      )
      .filter((candidate) => candidate.distanceM <= RADIUS_KM * 1000);
    const { taker, refusers } = choose(candidates, RADIUS_KM, new Date(now), people);
    for (const { driverId } of refusers) (drivers[Number(driverId)] as (typeof drivers)[number]).refused += 1;
    const driver = taker && drivers[Number(taker.driverId)];
    if (!taker || !driver) continue;
    assigned += 1;
    pickupM += taker.distanceM;
    const wayM = taker.distanceM + distanceM(pickup, destination);
    driver.freeAt = now + (wayM / 1000 / SPEED_KMH) * 3_600_000 + COOLDOWN_MS;
    driver.place = destination;
    driver.trips.push(now);
  }
  return { counts: drivers.map((driver) => driver.trips.length), meanPickupM: pickupM / assigned };
}
