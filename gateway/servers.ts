import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Redis } from 'ioredis';
import { ConfigError } from '../platform/config.js';
import { startEmbeddedPostgres } from '../platform/embeddedPostgres.js';
import { startEmbeddedRedis } from '../platform/embeddedRedis.js';

/** The database server and the Redis that the system runs on: those of the environment, or embedded ones (PF-10). */
export interface Servers {
  databaseUrl: string;
  redisUrl: string;
  /** Words for the start message. */
  description: string;
  /** Whether this machine is a laptop or a trial: then there are demo accounts. */
  embedded: boolean;
  stop(): Promise<void>;
}

const REDIS_TIMEOUT_MS = 5_000;

/** @throws ConfigError when REDIS_URL does not answer */
export async function openServers(options: { dataDir: string; databaseUrl: string | undefined; redisUrl: string | undefined }): Promise<Servers> {
  const dataDir = path.resolve(options.dataDir);
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const each of stops.reverse()) await each();
  };
  try {
    let { databaseUrl, redisUrl } = options;
    const words: string[] = [];
    if (!databaseUrl) {
      const postgres = await startEmbeddedPostgres({ dataDir: path.join(dataDir, 'postgres') });
      stops.push(() => postgres.stop());
      databaseUrl = postgres.url();
      words.push('embedded Postgres');
    }
    if (redisUrl) await assertRedisAnswers(redisUrl);
    else {
      const redis = await startEmbeddedRedis({ dataDir: path.join(dataDir, 'redis') });
      stops.push(() => redis.stop());
      redisUrl = redis.url;
      words.push(redis.mode === 'native' ? 'redis-server found on this machine' : 'a small Redis in memory, for trying out only');
    }
    return { databaseUrl, redisUrl, embedded: options.databaseUrl === undefined, description: words.join(', ') || 'your Postgres and Redis', stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function assertRedisAnswers(url: string): Promise<void> {
  const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null, connectTimeout: REDIS_TIMEOUT_MS });
  redis.on('error', () => {});
  try {
    await redis.connect();
    await redis.ping();
  } catch (error) {
    throw new ConfigError(`REDIS_URL: the Redis server does not answer (${(error as { code?: string }).code ?? (error as Error).message}).`);
  } finally {
    redis.disconnect();
  }
}

/** The secret that signs calls between our processes, made on a laptop's first start and kept, because database roles and keys depend on it. */
export async function keepSecret(dataDir: string): Promise<string> {
  const place = path.join(path.resolve(dataDir), 'internal-secret');
  const present = await readFile(place, 'utf8').catch(() => null);
  if (present) return present.trim();
  await mkdir(path.dirname(place), { recursive: true });
  const made = randomBytes(32).toString('base64url');
  await writeFile(place, made, { mode: 0o600 });
  await chmod(place, 0o600);
  return made;
}
