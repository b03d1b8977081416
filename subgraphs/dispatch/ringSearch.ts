import DataLoader from 'dataloader';
import type { Redis } from 'ioredis';
import { answersOf } from '../../platform/redisPipeline.js';
import { distanceM, type Place } from './point.js';
import { availableKey, factsKey } from './positionKeys.js';
import { LEAVE_SILENT, MAX_TOGETHER, runScript } from './positionScripts.js';
import { readSeen, type Seen } from './positionValues.js';
import type { VehicleType } from './vehicleType.js';

export interface NearbyDriver extends Seen {
  driverId: string;
  vehicleType: VehicleType;
  distanceM: number;
}

export interface NearbySearch {
  place: Place;
  radiusKm: number;
  types: readonly VehicleType[];
}

/** Older positions are in no search (DP-05, DP-20). */
export const FRESH_MS = 60_000;
/** Searches widen step by step: one Redis does ten times as many at 1 km as at 5 km (DP-06b). */
const RINGS_KM = [1, 2, 5, 10, 20, 50] as const;
/** Searches of one ring, when silent drivers stand in the way of others. */
const MAX_LOOKS = 5;

/**
 * Available drivers of each search's types, the nearest first, ring by ring (DP-05, DP-06b); the answers are in the order of the searches.
 * @param limit drivers for each search
 * @param oldest who was seen last before this is not found, milliseconds since 1970
 */
export async function searchInRings(redis: Redis, searches: readonly NearbySearch[], limit: number, oldest: number): Promise<NearbyDriver[][]> {
  const ask = askingOf(redis, oldest);
  const [first, ...others] = searches;
  if (!first) return [];
  // Where the first had to go as far as this, the others of the city will too: a ring that is too small is a search for nothing.
  const { found, ring } = await searchRings(first, ask, limit, 0);
  return [found, ...(await Promise.all(others.map((search) => searchRings(search, ask, limit, ring)))).map((other) => other.found)];
}

/**
 * Drivers of all these types, the nearest first, among the nearest `count` of each. Only of as many as are wanted is more read than how far they are:
 * four classes have four times too many.
 */
async function lookInRing({ place, radiusKm, types }: NearbySearch, ask: Asking, limit: number, count: number) {
  const found = await Promise.all(types.map((type) => ask.around.load({ type, place, radiusKm, count })));
  const candidates = found
    .flatMap((ofType, i) => ofType.map(([driverId, km]) => ({ driverId, type: types[i] as VehicleType, km: Number(km) })))
    .sort((one, other) => one.km - other.km);
  const nearby: NearbyDriver[] = [];
  const silent = new Map<VehicleType, string[]>();
  while (candidates.length > 0 && nearby.length < limit) {
    const next = candidates.splice(0, limit - nearby.length);
    const facts = await ask.seen.loadMany(next.map(({ driverId }) => driverId));
    for (const [i, { driverId, type }] of next.entries()) {
      const seen = facts[i];
      if (seen instanceof Error) throw seen;
      if (!seen || seen.at.getTime() < ask.oldest) silent.set(type, [...(silent.get(type) ?? []), driverId]);
      else nearby.push({ driverId, vehicleType: type, distanceM: Math.round(distanceM(place, seen.place)), ...seen });
    }
  }
  return { nearby: nearby.sort((one, other) => one.distanceM - other.distanceM), silent };
}

/**
 * Who went silent stays in the set until somebody looks: this is the look. Others may stand behind the silent ones, so it looks again without them,
 * at twice as many each time: when one place is left to fill, silent drivers one behind the other must not use up the looks.
 */
async function searchRing(search: NearbySearch, ask: Asking, limit: number): Promise<NearbyDriver[]> {
  for (let looks = 1; ; looks += 1) {
    const { nearby, silent } = await lookInRing(search, ask, limit, limit * 2 ** (looks - 1));
    await Promise.all([...silent].map(([type, ids]) => runScript(ask.redis, LEAVE_SILENT, [availableKey(type), ...ids.map(factsKey)], [ask.oldest, ...ids])));
    if (silent.size === 0 || nearby.length >= limit || looks >= MAX_LOOKS) return nearby;
  }
}

/** Rings from the `from`th on. Answers in which ring it ended, too. */
async function searchRings(search: NearbySearch, ask: Asking, limit: number, from: number) {
  const rings = [...RINGS_KM.filter((km) => km < search.radiusKm), search.radiusKm];
  let found: NearbyDriver[] = [];
  let ring = Math.min(from, rings.length - 1);
  for (; ring < rings.length; ring += 1) {
    found = await searchRing({ ...search, radiusKm: rings[ring] as number }, ask, limit);
    if (found.length >= limit) break;
  }
  return { found, ring };
}

/** What searches that run together ask of Redis: all that they need at one moment goes in one message, and what is known of a driver is read once. */
interface Asking {
  redis: Redis;
  /** Who was seen before this is silent, milliseconds since 1970. */
  oldest: number;
  around: DataLoader<Ring, [driverId: string, km: string][]>;
  seen: DataLoader<string, Seen | null>;
}

interface Ring {
  type: VehicleType;
  place: Place;
  radiusKm: number;
  count: number;
}

function askingOf(redis: Redis, oldest: number): Asking {
  const ringsOf = (rings: readonly Ring[]) =>
    rings.reduce((pipeline, { type, place, radiusKm, count }) => {
      const lookFor = [place.lng, place.lat, 'BYRADIUS', radiusKm, 'km', 'ASC', 'COUNT', count, 'WITHDIST'] as const;
      return pipeline.call('GEOSEARCH', availableKey(type), 'FROMLONLAT', ...lookFor);
    }, redis.pipeline());
  return {
    redis,
    oldest,
    around: new DataLoader(async (rings) => (await answersOf(ringsOf(rings))) as [string, string][][], { cache: false, maxBatchSize: MAX_TOGETHER }),
    seen: new DataLoader(async (driverIds) => (await redis.mget(driverIds.map(factsKey))).map(readSeen), { maxBatchSize: MAX_TOGETHER }),
  };
}
