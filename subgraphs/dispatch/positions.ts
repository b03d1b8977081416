import type { Redis } from 'ioredis';
import { Refusal } from '../../platform/errors.js';
import type { DriverStanding } from './driver.js';
import type { Place } from './point.js';
import { within } from './within.js';
import { AVAILABLE_KEYS, BUILT_KEY, driverOfUserKey, factsKey, standingKey } from './positionKeys.js';
import { KEEP_STANDINGS, MAX_TOGETHER, MOVE, runScript } from './positionScripts.js';
import { pointFacts, readFacts, readSeen, type Seen } from './positionValues.js';
import { FRESH_MS, type NearbyDriver, type NearbySearch, searchInRings } from './ringSearch.js';
import { type Fix, SLACK_M } from './spoofing.js';
import type { VehicleType } from './vehicleType.js';

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

/** A point that is believed, with what is remembered of it. */
export interface TrackedPoint extends DriverPoint {
  slackM: number;
  still: number;
  /** The airport that it lies in, null for none, undefined while zones are not known. */
  zoneId: string | null | undefined;
}

/** What became of a driver's newest point: whether it moved the driver, and whose trip wants to know. */
export interface Move {
  point: DriverPoint;
  moved: boolean;
  tripId: string | null;
  /** The airport that the driver came into with it, null when he left the one he was in, undefined when nothing changed. */
  zoneChange: string | null | undefined;
  /** True when nobody could say whether there is such a driver: Redis does not know him, and Postgres does not answer. */
  isUnresolved: boolean;
}

/** A driver who is not offline, with his latest position in Postgres, null when it is not fresh. */
export interface KnownDriver {
  standing: DriverStanding;
  last: DriverPoint | null;
}

/**
 * Where all drivers are, in Redis alone (DP-03). It may be lost at any time: positions come again with the next point, standings from Postgres.
 * All keys of a city carry one hash tag, so that scripts may touch them together on a cluster; cities spread over its nodes.
 */
export interface Positions {
  /** Takes points of any drivers; only the newest of each moves him. Drivers that do not exist are left out. @throws Refusal DEPENDENCY_UNAVAILABLE */
  move(points: readonly TrackedPoint[]): Promise<Move[]>;
  /** Where drivers were last believed to be, by Redis, or else by Postgres; null for who is not known. @throws Refusal DEPENDENCY_UNAVAILABLE */
  fixes(driverIds: readonly string[]): Promise<Map<string, Fix | null>>;
  /** Writes a standing that has just been committed; an older version changes nothing. Never throws: the cache heals itself within a minute. */
  keepStanding(standing: DriverStanding): Promise<void>;
  /** Available drivers seen in the last 60 s, nearest first (DP-05). @throws Refusal DEPENDENCY_UNAVAILABLE */
  nearby(place: Place, radiusKm: number, types: readonly VehicleType[], limit: number): Promise<NearbyDriver[]>;
  /** The same for many places, in their order: what several of them need to know of one driver is asked once. @throws Refusal DEPENDENCY_UNAVAILABLE */
  nearbyEach(searches: readonly NearbySearch[], limit: number): Promise<NearbyDriver[][]>;
  /** Where the driver was last, however long ago within ten minutes; null when unknown, also when Redis does not answer. */
  lastSeen(driverId: string): Promise<Seen | null>;
  /** The driver that a person is; null when Redis does not know, or does not answer. */
  driverOf(userId: string): Promise<string | null>;
  /** Whether the driver's device sent something in the last 30 s. */
  isPresent(driverId: string): Promise<boolean>;
}

/** Points in a row that it takes to leave a zone (DP-07). */
export const POINTS_TO_LEAVE = 3;
/** Points do not wait longer than this to be judged: then they are believed. */
const FIXES_WITHIN_MS = 1_000;
/** A search waits this long for a rebuild; then it says that it cannot search, and its caller does without. */
const REBUILD_WITHIN_MS = 2_000;

const PRESENCE_MS = 30_000;
const FACTS_MS = 10 * 60_000;
/** A standing is read again from Postgres after this long, in case a write of it was lost; it is used until then, also when Postgres is down. */
const STANDING_CHECK_MS = 60_000;
/** Pause after a check that failed: while Postgres is down, thousands of points a second must not each ask it. */
const CHECK_PAUSE_MS = 5_000;
const STANDING_LIFETIME_MS = 7 * 24 * 3_600_000;

export function openPositions(options: {
  redis: Redis;
  clock: () => Date;
  /** Standings from Postgres, of those drivers that exist. */
  readStandings: (driverIds: readonly string[]) => Promise<DriverStanding[]>;
  /** Where Postgres saw these drivers last, however long ago. */
  readPlaces: (driverIds: readonly string[]) => Promise<DriverPoint[]>;
  /** All drivers that are not offline, page by page in the order of their ids; an empty page is the end. */
  readKnown: (afterId: string | null) => Promise<KnownDriver[]>;
  onError: (error: unknown, what: string) => void;
}): Positions {
  const { redis, clock, readStandings, readPlaces, readKnown, onError } = options;
  const checking = new Set<string>();
  let checkNotBefore = 0;

  const keepStandings = async (standings: readonly DriverStanding[]) => {
    if (standings.length === 0) return;
    const now = clock().getTime();
    const keys = standings.flatMap(({ driverId, userId }) => [factsKey(driverId), standingKey(driverId), driverOfUserKey(userId)]);
    const args = standings.flatMap(({ driverId, vehicleType, state, tripId, version }) => [driverId, vehicleType, state, tripId ?? '', version]);
    await runScript(redis, KEEP_STANDINGS, [...AVAILABLE_KEYS, ...keys], [now, now - FRESH_MS, STANDING_LIFETIME_MS, ...args]);
  };

  /** Behind the back of the request that noticed: it goes on with what is known. One check per driver at a time. */
  const checkAgain = (driverIds: string[]) => {
    const due = driverIds.filter((id) => !checking.has(id));
    if (due.length === 0 || clock().getTime() < checkNotBefore) return;
    for (const id of due) checking.add(id);
    readStandings(due)
      .then(keepStandings)
      .catch((error: unknown) => {
        checkNotBefore = clock().getTime() + CHECK_PAUSE_MS;
        onError(error, 'standings not checked');
      })
      .finally(() => {
        for (const id of due) checking.delete(id);
      });
  };

  interface MoveAnswer {
    status: number;
    checkedAt: number;
    tripId: string;
    zone: string;
  }
  /** Answers in the order of the points, of which no two are of one driver. */
  const moveOnce = async (points: readonly TrackedPoint[], isHeard = true): Promise<MoveAnswer[]> => {
    const heard = isHeard ? clock().getTime() : '';
    const parts = Array.from({ length: Math.ceil(points.length / MAX_TOGETHER) }, (_, i) => points.slice(i * MAX_TOGETHER, (i + 1) * MAX_TOGETHER));
    const answers = await Promise.all(parts.map((part) => runScript(redis, MOVE, ...moveArguments(part, heard)) as Promise<string[]>));
    return answers.flat().map((answer) => {
      const [status, checkedAt, tripId = '', zone = ''] = answer.split(',');
      return { status: Number(status), checkedAt: Number(checkedAt), tripId, zone };
    });
  };
  const toMove = (point: TrackedPoint, { status, tripId, zone }: MoveAnswer): Move => ({
    point,
    moved: status === 1,
    tripId: tripId || null,
    zoneChange: zone === '' ? undefined : zone === 'OUT' ? null : zone,
    isUnresolved: false,
  });

  const move = async (points: readonly TrackedPoint[]): Promise<Move[]> => {
    const newest = newestOfEach(points);
    if (newest.length === 0) return [];
    const answers = await moveOnce(newest);
    const answered = newest.flatMap((point, i) => (answers[i] ? [{ point, answer: answers[i] }] : []));
    const unknown = answered.filter(({ answer }) => answer.status === -1).map(({ point }) => point);
    const known = answered.filter(({ answer }) => answer.status !== -1);
    const staleBefore = clock().getTime() - STANDING_CHECK_MS;
    checkAgain(known.filter(({ answer }) => answer.checkedAt < staleBefore).map(({ point }) => point.driverId));
    const moves = known.map(({ point, answer }) => toMove(point, answer));
    if (unknown.length === 0) return moves;
    const standings = await readStandings(unknown.map((point) => point.driverId)).catch((error: unknown) => onError(error, 'standings not read'));
    // Postgres is down: that must not stop those whom Redis knows.
    if (!standings) return [...moves, ...unknown.map((point) => ({ point, moved: false, tripId: null, zoneChange: undefined, isUnresolved: true }))];
    await keepStandings(standings);
    const found = unknown.filter((point) => standings.some((standing) => standing.driverId === point.driverId));
    const again = found.length > 0 ? await moveOnce(found) : [];
    return [...moves, ...found.flatMap((point, i) => (again[i] ? [toMove(point, again[i])] : []))];
  };

  const fixes = async (driverIds: readonly string[]): Promise<Map<string, Fix | null>> => {
    const texts = driverIds.length === 0 ? [] : await redis.mget(driverIds.map(factsKey));
    const known = new Map(driverIds.map((id, i) => [id, readFacts(texts[i])?.fix ?? null]));
    for (const fix of await fixesInPostgres(driverIds.filter((id) => known.get(id) === null))) known.set(...fix);
    return known;
  };

  /** For whom Redis has forgotten, after ten silent minutes or a loss: else a phone that is switched off for as long might appear anywhere (DP-08). */
  const fixesInPostgres = async (driverIds: readonly string[]): Promise<[string, Fix][]> => {
    if (driverIds.length === 0 || clock().getTime() < checkNotBefore) return [];
    const places = await within(FIXES_WITHIN_MS / 2, readPlaces(driverIds)).catch((error: unknown) => {
      checkNotBefore = clock().getTime() + CHECK_PAUSE_MS;
      onError(error, 'last places not read');
    });
    return (places ?? []).map(({ driverId, lat, lng, recordedAt }) => [driverId, { lat, lng, at: recordedAt.getTime(), slackM: SLACK_M, still: 0 }]);
  };

  let rebuilding: Promise<void> | null = null;
  let rebuildNotBefore = 0;
  /** What Redis has lost, from Postgres (DP-02): states of all who are not offline, and where they were a minute ago at most. */
  const rebuild = async () => {
    let after: string | null = null;
    for (let page = await readKnown(after); page.length > 0; page = await readKnown(after)) {
      await keepStandings(page.map(({ standing }) => standing));
      const oldest = clock().getTime() - FRESH_MS;
      const fresh = page.flatMap(({ last }) => (last && last.recordedAt.getTime() >= oldest ? [last] : []));
      if (fresh.length > 0)
        await moveOnce(
          fresh.map((point) => ({ ...point, slackM: SLACK_M, still: 0, zoneId: undefined })),
          false,
        );
      after = page.at(-1)?.standing.driverId ?? null;
    }
    await redis.set(BUILT_KEY, '1');
  };
  /** One rebuild at a time; while Postgres is down, what Redis has heard since is all that there is. @throws Error when it takes too long to wait for */
  const assureBuilt = async () => {
    if ((await redis.exists(BUILT_KEY)) === 1 || (rebuilding === null && clock().getTime() < rebuildNotBefore)) return;
    rebuilding ??= rebuild()
      .catch((error: unknown) => {
        rebuildNotBefore = clock().getTime() + CHECK_PAUSE_MS;
        onError(error, 'positions not rebuilt');
      })
      .finally(() => {
        rebuilding = null;
      });
    await within(REBUILD_WITHIN_MS, rebuilding);
  };
  // Not for the first search to wait for.
  assureBuilt().catch((error: unknown) => onError(error, 'positions not rebuilt yet'));

  const nearbyEach = async (searches: readonly NearbySearch[], limit: number): Promise<NearbyDriver[][]> => {
    await assureBuilt();
    return searchInRings(redis, searches, limit, clock().getTime() - FRESH_MS);
  };

  const lastSeen = async (driverId: string): Promise<Seen | null> => {
    const read = async () => readSeen(await redis.get(factsKey(driverId)));
    const seen = await read();
    if (seen !== null) return seen;
    await assureBuilt();
    // Once more, because the rebuild may have brought him back.
    return read();
  };

  return {
    move: (points) => reachable(move(points)),
    fixes: (driverIds) => reachable(within(FIXES_WITHIN_MS, fixes(driverIds))),
    keepStanding: (standing) => keepStandings([standing]).catch((error: unknown) => onError(error, 'standing not kept')),
    nearby: (place, radiusKm, types, limit) => reachable(nearbyEach([{ place, radiusKm, types }], limit).then(([found = []]) => found)),
    nearbyEach: (searches, limit) => reachable(nearbyEach(searches, limit)),
    lastSeen: (driverId) => lastSeen(driverId).catch(() => null),
    driverOf: (userId) => redis.get(driverOfUserKey(userId)).catch(() => null),
    isPresent: async (driverId) => {
      const heard = readFacts(await redis.get(factsKey(driverId)).catch(() => null))?.heard ?? 0;
      return heard > clock().getTime() - PRESENCE_MS;
    },
  };
}

/** The newest point of each driver. */
export function newestOfEach<P extends DriverPoint>(points: readonly P[]): P[] {
  const newest = new Map<string, P>();
  for (const point of points) {
    const other = newest.get(point.driverId);
    if (!other || other.recordedAt < point.recordedAt) newest.set(point.driverId, point);
  }
  return [...newest.values()];
}

function moveArguments(points: readonly TrackedPoint[], heard: number | ''): [keys: string[], args: (string | number)[]] {
  const keys: string[] = [...AVAILABLE_KEYS];
  const args: (string | number)[] = [heard, FACTS_MS, POINTS_TO_LEAVE];
  for (const point of points) {
    const zone = point.zoneId === undefined ? '?' : (point.zoneId ?? '');
    keys.push(factsKey(point.driverId), standingKey(point.driverId));
    args.push(point.driverId, point.lng, point.lat, point.recordedAt.getTime(), zone, pointFacts(point));
  }
  return [keys, args];
}

async function reachable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal('DEPENDENCY_UNAVAILABLE', 'Positions are not available at the moment. Try again shortly.', { retryAfter: 2 });
  }
}
