import { randomUUID } from 'node:crypto';
import { deserialize, serialize } from 'node:v8';
import type { Log } from './log.js';
import { connectRedis } from './queue.js';
import { answersOf } from './redisPipeline.js';

/** What a hot entity looks like to everybody, kept in Redis (GW-30). Never for what only some may see. */
export interface EntityCache {
  /** Values by key, in the order of the keys; those that are not there are loaded, all at once, and each by one caller of this process at a time. */
  getMany<T>(kind: string, keys: readonly string[], ttlMs: number, load: (missing: readonly string[]) => Promise<readonly T[]>): Promise<T[]>;
  /** From now on nobody is shown what these were: neither what is kept, nor what somebody has just read and is about to keep. */
  invalidate(kind: string, keys: readonly string[]): Promise<void>;
  /** How often a value was there, and how often not, since the start. */
  counts(): { hits: number; misses: number };
  close(): Promise<void>;
}

/** Versions outlive every value, so that no value meets a version that is not its own. */
const VERSION_TTL_MS = 24 * 3_600_000;
const RETRY_MS = 1_000;

/**
 * Name of the generation of a subgraph's public answers: another random word with every invalidation, so that whole answers (gateway/answerCache.ts) are
 * forgotten with the entities in them. With its hash tag, so that a cluster keeps the answers beside it.
 */
export const generationOf = (subgraph: string): string => `{waygraph:${subgraph}}:generation`;

/** Looks into all caches of this process, since it started: how often a value was there, and how often not. */
const totals = { hits: 0, misses: 0 };
export const cacheTotals = (): Readonly<typeof totals> => ({ ...totals });

interface Kept {
  version: string;
  value: unknown;
}

/**
 * Each entity has a version, a random word that changes with every invalidation, and a value carries the version that was there before it was read. A value
 * whose version is not the present one is not there: so a slow reader cannot put an old state back. Redis may be lost at any time: then everything is read
 * from the database, and an invalidation that did not arrive is repeated while this process looks past what it could not invalidate.
 */
export function connectEntityCache(redisUrl: string, subgraph: string, log: Log): EntityCache {
  const redis = connectRedis(redisUrl, log);
  const flights = new Map<string, Promise<unknown>>();
  /** What could not be invalidated yet, with the first try while that is on its way. */
  const unsure = new Map<string, Promise<void> | null>();
  let hits = 0;
  let misses = 0;
  let closed = false;
  // One hash tag per subgraph: a cluster then finds versions and values of one call on one node.
  const name = (part: string, kind: string, key: string) => `{waygraph:${subgraph}}:${part}:${kind}:${key}`;

  /** Versions and valid values, or null when Redis cannot be asked. */
  const look = async (kind: string, keys: readonly string[]): Promise<{ version: string; kept: Kept | null }[] | null> => {
    if (redis.status !== 'ready') return null;
    try {
      const found = await redis.mgetBuffer(...keys.map((key) => name('version', kind, key)), ...keys.map((key) => name('value', kind, key)));
      const made = await newVersions(
        kind,
        keys.filter((_, index) => !found[index]),
      );
      return keys.map((key, index) => {
        const version = found[index]?.toString() ?? (made.get(key) as string);
        const bytes = found[index] && found[keys.length + index];
        const kept = bytes ? (deserialize(bytes) as Kept) : null;
        return { version, kept: kept?.version === version ? kept : null };
      });
    } catch (error) {
      log.debug({ reason: (error as Error).message }, 'cache not read');
      return null;
    }
  };

  /** The first version of each entity; of two that make one at once, both get the same. */
  const newVersions = async (kind: string, keys: readonly string[]): Promise<Map<string, string>> => {
    if (keys.length === 0) return new Map();
    const pipeline = redis.pipeline();
    const made = keys.map(() => randomUUID());
    keys.forEach((key, index) => void pipeline.set(name('version', kind, key), made[index] as string, 'PX', VERSION_TTL_MS, 'NX'));
    for (const key of keys) pipeline.get(name('version', kind, key));
    const answers = await answersOf(pipeline);
    return new Map(keys.map((key, index) => [key, (answers[keys.length + index] as string | null) ?? (made[index] as string)]));
  };

  const keep = async (kind: string, values: readonly { key: string; kept: Kept }[], ttlMs: number): Promise<void> => {
    const pipeline = redis.pipeline();
    for (const { key, kept } of values) pipeline.set(name('value', kind, key), serialize(kept), 'PX', ttlMs);
    try {
      await answersOf(pipeline);
    } catch (error) {
      log.debug({ reason: (error as Error).message }, 'cache not written');
    }
  };

  const bump = async (kind: string, keys: readonly string[]): Promise<void> => {
    const pipeline = redis.pipeline();
    for (const key of keys) pipeline.set(name('version', kind, key), randomUUID(), 'PX', VERSION_TTL_MS);
    // Last: who reads the new generation finds no old entity any more.
    pipeline.set(generationOf(subgraph), randomUUID(), 'PX', VERSION_TTL_MS);
    await answersOf(pipeline);
  };

  const bumpLater = (kind: string, keys: readonly string[]) => {
    setTimeout(async () => {
      if (closed) return;
      try {
        await bump(kind, keys);
        for (const key of keys) if (unsure.get(`${kind}:${key}`) === null) unsure.delete(`${kind}:${key}`);
      } catch {
        bumpLater(kind, keys);
      }
    }, RETRY_MS).unref();
  };

  return {
    async getMany<T>(kind: string, keys: readonly string[], ttlMs: number, load: (missing: readonly string[]) => Promise<readonly T[]>): Promise<T[]> {
      if (keys.length === 0) return [];
      const isUnsure = (key: string) => unsure.has(`${kind}:${key}`);
      // On its way an invalidation takes no longer than a look does; everybody past the cache at once would be the rush that it is there to prevent.
      if (redis.status === 'ready' && keys.some(isUnsure)) await Promise.all(keys.map((key) => unsure.get(`${kind}:${key}`)));
      const found = keys.some(isUnsure) ? null : await look(kind, keys);
      if (!found) return [...(await load(keys))];
      const values = new Map<string, Promise<T>>();
      const missing: { key: string; version: string; flight: string }[] = [];
      keys.forEach((key, index) => {
        const { version, kept } = found[index] as { version: string; kept: Kept | null };
        if (kept) values.set(key, Promise.resolve(kept.value as T));
        else {
          // Only of the same version: whoever asks after an invalidation does not get what was read before it.
          const flight = `${kind}:${key}:${version}`;
          const running = flights.get(flight) as Promise<T> | undefined;
          if (running) values.set(key, running);
          else missing.push({ key, version, flight });
        }
      });
      hits += keys.length - missing.length;
      misses += missing.length;
      totals.hits += keys.length - missing.length;
      totals.misses += missing.length;
      if (missing.length > 0) {
        const loading = load(missing.map(({ key }) => key)).then(async (loaded) => {
          const values = missing.map(({ key, version }, index) => ({ key, kept: { version, value: loaded[index] } }));
          await keep(kind, values, ttlMs);
          return loaded;
        });
        missing.forEach(({ key, flight }, index) => {
          const one = loading.then((loaded) => loaded[index] as T);
          flights.set(flight, one);
          values.set(key, one);
          // Not at once: whoever looked before the value was kept may have his answer in the same packet as we have ours, and comes for it now.
          const land = () => void setImmediate(() => flights.delete(flight));
          one.then(land, land);
        });
      }
      return Promise.all(keys.map((key) => values.get(key) as Promise<T>));
    },
    async invalidate(kind, keys) {
      if (keys.length === 0) return;
      const attempt: Promise<void> = bump(kind, keys).then(
        () => {
          // Another's that began later is still on its way.
          for (const key of keys) if (unsure.get(`${kind}:${key}`) === attempt) unsure.delete(`${kind}:${key}`);
        },
        (error: unknown) => {
          log.warn({ err: error, kind }, 'cache not invalidated; tried again');
          for (const key of keys) unsure.set(`${kind}:${key}`, null);
          bumpLater(kind, keys);
        },
      );
      for (const key of keys) unsure.set(`${kind}:${key}`, attempt);
      await attempt;
    },
    counts: () => ({ hits, misses }),
    close: async () => {
      closed = true;
      redis.disconnect();
    },
  };
}
