import type { Redis } from 'ioredis';
import { and, inArray, ne } from 'drizzle-orm';
import type { Violation } from '../../platform/graphqlTypes.js';
import type { Tx } from '../../platform/postgres.js';
import { availableKey, factsKey, standingKey } from './positionKeys.js';
import { FRESH_MS } from './ringSearch.js';
import { checkedAt, readFacts } from './positionValues.js';
import { drivers } from './tables.js';
import { VEHICLE_TYPES } from './vehicleType.js';

/** Drivers of each type that one check looks at, chosen by chance: check after check meets all of them. */
const SAMPLE = 250;
/** Copies of states are read again every minute while a driver sends points: one that is older than this is not on its way, it is forgotten. */
const FORGOTTEN_MS = 3 * 60_000;

/** Drivers whom Redis shows as free, whose copy of their state nobody has looked after, and who are not free. Nothing when Redis does not answer. */
export async function presenceViolations(tx: Tx, redis: Redis): Promise<Violation[]> {
  const shown = await shownAndForgotten(redis, tx.now.getTime()).catch((error: unknown) => {
    tx.log.warn({ err: error }, 'presence not checked');
    return new Map<string, number>();
  });
  if (shown.size === 0) return [];
  const rows = await tx.orm
    .select({ id: drivers.id, state: drivers.state })
    .from(drivers)
    .where(and(inArray(drivers.id, [...shown.keys()]), ne(drivers.state, 'AVAILABLE')));
  return rows.map(({ id }) => ({ kind: 'SHOWN_DRIVER_NOT_FREE', reference: id, since: new Date(shown.get(id) ?? tx.now.getTime()) }));
}

/** By driver, when his state was last read. */
async function shownAndForgotten(redis: Redis, now: number): Promise<Map<string, number>> {
  const samples = await Promise.all(VEHICLE_TYPES.map((type) => redis.zrandmember(availableKey(type), SAMPLE)));
  const ids = samples.flat() as string[];
  if (ids.length === 0) return new Map();
  const [facts, standings] = await Promise.all([redis.mget(ids.map(factsKey)), redis.mget(ids.map(standingKey))]);
  const copies = ids.map((id, i) => ({ id, at: readFacts(facts[i])?.at ?? 0, checked: checkedAt(standings[i]) }));
  return new Map(copies.filter(({ at, checked }) => at >= now - FRESH_MS && checked < now - FORGOTTEN_MS).map(({ id, checked }) => [id, checked]));
}
