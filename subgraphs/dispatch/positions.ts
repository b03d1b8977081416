import type { Redis } from 'ioredis';
import { Refusal } from '../../platform/errors.js';
import type { DriverStanding } from './driver.js';
import { distanceM, type Place } from './point.js';
import { KEEP_STANDING, MOVE, runScript } from './positionScripts.js';
import { VEHICLE_TYPES, type VehicleType } from './vehicleType.js';

/** Where a driver was at a time of the device's clock. */
export interface DriverPoint {
  driverId: string;
  lat: number;
  lng: number;
  /** Degrees from north, clockwise. */
  heading: number | null;
  speedKmh: number | null;
  accuracyM: number | null;
  recordedAt: Date;
}

export interface Seen {
  place: Place;
  heading: number | null;
  at: Date;
}

export interface NearbyDriver extends Seen {
  driverId: string;
  vehicleType: VehicleType;
  distanceM: number;
}

/** What became of a driver's newest point: whether it moved the driver, and whose trip wants to know. */
export interface Move {
  point: DriverPoint;
  moved: boolean;
  tripId: string | null;
}

/**
 * Where all drivers are, in Redis alone (DP-03). It may be lost at any time: positions come again with the next point, standings from Postgres.
 * All keys of a city carry one hash tag, so that scripts may touch them together on a cluster; cities spread over its nodes.
 */
export interface Positions {
  /** Takes points of any drivers; only the newest of each moves him. Drivers that do not exist are left out. @throws Refusal DEPENDENCY_UNAVAILABLE */
  move(points: readonly DriverPoint[]): Promise<Move[]>;
  /** Writes a standing that has just been committed; an older version changes nothing. Never throws: the cache heals itself within a minute. */
  keepStanding(standing: DriverStanding): Promise<void>;
  /** Available drivers seen in the last 60 s, nearest first (DP-05). @throws Refusal DEPENDENCY_UNAVAILABLE */
  nearby(place: Place, radiusKm: number, types: readonly VehicleType[], limit: number): Promise<NearbyDriver[]>;
  /** Where the driver was last, however long ago within ten minutes; null when unknown, also when Redis does not answer. */
  lastSeen(driverId: string): Promise<Seen | null>;
  /** Whether the driver's device sent something in the last 30 s. */
  isPresent(driverId: string): Promise<boolean>;
}

const PREFIX = 'dispatch:{cairo}:';
const PRESENCE_MS = 30_000;
const FACTS_MS = 10 * 60_000;
/** Older positions are in no search (DP-05, DP-20). */
const FRESH_MS = 60_000;
/** A standing is read again from Postgres after this long, in case a write of it was lost; it is used until then, also when Postgres is down. */
const STANDING_CHECK_MS = 60_000;
/** Pause after a check that failed: while Postgres is down, thousands of points a second must not each ask it. */
const CHECK_PAUSE_MS = 5_000;
const STANDING_LIFETIME_MS = 7 * 24 * 3_600_000;
/** Searches widen step by step: one Redis does ten times as many at 1 km as at 5 km (DP-06b). */
const RINGS_KM = [1, 2, 5, 10, 20, 50] as const;

const availableKey = (type: VehicleType) => `${PREFIX}available:${type}`;
const AVAILABLE_KEYS = VEHICLE_TYPES.map(availableKey);
const factsKey = (driverId: string) => `${PREFIX}facts:${driverId}`;
const presenceKey = (driverId: string) => `${PREFIX}here:${driverId}`;
const standingKey = (driverId: string) => `${PREFIX}standing:${driverId}`;

export function openPositions(options: {
  redis: Redis;
  clock: () => Date;
  /** Standings from Postgres, of those drivers that exist. */
  readStandings: (driverIds: readonly string[]) => Promise<DriverStanding[]>;
  onError: (error: unknown, what: string) => void;
}): Positions {
  const { redis, clock, readStandings, onError } = options;
  const checking = new Set<string>();
  let checkNotBefore = 0;

  const keepStanding = async (standing: DriverStanding) => {
    const now = clock().getTime();
    await runScript(
      redis,
      KEEP_STANDING,
      [...AVAILABLE_KEYS, factsKey(standing.driverId), standingKey(standing.driverId)],
      [standing.driverId, standing.vehicleType, standing.state, standing.tripId ?? '', standing.version, now, now - FRESH_MS, STANDING_LIFETIME_MS],
    );
  };

  /** Behind the back of the request that noticed: it goes on with what is known. One check per driver at a time. */
  const checkAgain = (driverIds: string[]) => {
    const due = driverIds.filter((id) => !checking.has(id));
    if (due.length === 0 || clock().getTime() < checkNotBefore) return;
    for (const id of due) checking.add(id);
    readStandings(due)
      .then((standings) => Promise.all(standings.map(keepStanding)))
      .catch((error: unknown) => {
        checkNotBefore = clock().getTime() + CHECK_PAUSE_MS;
        onError(error, 'standings not checked');
      })
      .finally(() => {
        for (const id of due) checking.delete(id);
      });
  };

  const moveOnce = async (points: readonly DriverPoint[]): Promise<[status: number, tripId: string, checkedAt: string][]> => {
    const keys = points.flatMap(({ driverId }) => [factsKey(driverId), presenceKey(driverId), standingKey(driverId)]);
    const args = points.flatMap((p) => [p.driverId, p.lng, p.lat, p.heading ?? '', p.speedKmh ?? '', p.recordedAt.getTime()]);
    return (await runScript(redis, MOVE, [...AVAILABLE_KEYS, ...keys], [PRESENCE_MS, FACTS_MS, ...args])) as [number, string, string][];
  };

  const move = async (points: readonly DriverPoint[]): Promise<Move[]> => {
    const newest = newestOfEach(points);
    if (newest.length === 0) return [];
    const answers = await moveOnce(newest);
    const unknown = newest.filter((_, i) => answers[i]?.[0] === -1);
    const staleBefore = clock().getTime() - STANDING_CHECK_MS;
    checkAgain(newest.filter((_, i) => answers[i]?.[0] !== -1 && Number(answers[i]?.[2]) < staleBefore).map((point) => point.driverId));
    const known = newest.flatMap((point, i) => {
      const [status, tripId] = answers[i] ?? [-1, ''];
      return status === -1 ? [] : [{ point, moved: status === 1, tripId: tripId || null }];
    });
    if (unknown.length === 0) return known;
    const standings = await readStandings(unknown.map((point) => point.driverId));
    await Promise.all(standings.map(keepStanding));
    const found = unknown.filter((point) => standings.some((standing) => standing.driverId === point.driverId));
    const again = found.length > 0 ? await moveOnce(found) : [];
    return [...known, ...found.map((point, i) => ({ point, moved: again[i]?.[0] === 1, tripId: again[i]?.[1] || null }))];
  };

  const searchRing = async (place: Place, radiusKm: number, types: readonly VehicleType[], limit: number): Promise<NearbyDriver[]> => {
    const found = await Promise.all(
      types.map(async (type) => {
        const ids = await redis.call('GEOSEARCH', availableKey(type), 'FROMLONLAT', place.lng, place.lat, 'BYRADIUS', radiusKm, 'km', 'ASC', 'COUNT', limit);
        return (ids as string[]).map((driverId) => ({ driverId, type }));
      }),
    );
    const candidates = found.flat();
    const facts = await Promise.all(candidates.map(({ driverId }) => redis.hmget(factsKey(driverId), 'lat', 'lng', 'heading', 'at')));
    const oldest = clock().getTime() - FRESH_MS;
    const nearby: NearbyDriver[] = [];
    for (const [i, { driverId, type }] of candidates.entries()) {
      const seen = toSeen(facts[i]);
      // Who went silent stays in the set until somebody looks: this is the look.
      if (!seen || seen.at.getTime() < oldest) redis.zrem(availableKey(type), driverId).catch(() => {});
      else nearby.push({ driverId, vehicleType: type, distanceM: Math.round(distanceM(place, seen.place)), ...seen });
    }
    return nearby.sort((a, b) => a.distanceM - b.distanceM).slice(0, limit);
  };

  return {
    move: (points) => reachable(move(points)),
    keepStanding: (standing) => keepStanding(standing).catch((error: unknown) => onError(error, 'standing not kept')),
    nearby: (place, radiusKm, types, limit) =>
      reachable(
        (async () => {
          let found: NearbyDriver[] = [];
          for (const ring of [...RINGS_KM.filter((km) => km < radiusKm), radiusKm]) {
            found = await searchRing(place, ring, types, limit);
            if (found.length >= limit) break;
          }
          return found;
        })(),
      ),
    lastSeen: async (driverId) => toSeen(await redis.hmget(factsKey(driverId), 'lat', 'lng', 'heading', 'at').catch(() => undefined)),
    isPresent: async (driverId) => (await redis.exists(presenceKey(driverId)).catch(() => 0)) === 1,
  };
}

/** The newest point of each driver. */
export function newestOfEach(points: readonly DriverPoint[]): DriverPoint[] {
  const newest = new Map<string, DriverPoint>();
  for (const point of points) {
    const other = newest.get(point.driverId);
    if (!other || other.recordedAt < point.recordedAt) newest.set(point.driverId, point);
  }
  return [...newest.values()];
}

function toSeen(facts: (string | null)[] | undefined): Seen | null {
  const [lat, lng, heading, at] = facts ?? [];
  if (lat == null || lng == null || at == null) return null;
  return { place: { lat: Number(lat), lng: Number(lng) }, heading: heading ? Number(heading) : null, at: new Date(Number(at)) };
}

async function reachable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal('DEPENDENCY_UNAVAILABLE', 'Positions are not available at the moment. Try again shortly.', { retryAfter: 2 });
  }
}
