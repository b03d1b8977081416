import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import postgres from 'postgres';
import { inject } from 'vitest';
import { type EmbeddedRedis, startEmbeddedRedis } from '../../platform/embeddedRedis.js';
import { createLog } from '../../platform/log.js';
import { appUrl, migrateSubgraph } from '../../platform/migrate.js';
import { connectDatabase, type Database } from '../../platform/postgres.js';
import { TEST_SECRET } from '../subgraphHarness.js';

/**
 * A database with the platform's tables (those of `subgraph`, fleet when nothing else matters), as the service's own role; `owner` looks past row-level
 * security.
 */
export async function openTestDatabase(subgraph = 'fleet'): Promise<Database & AsyncDisposable & { url: string; ownerUrl: string; owner: postgres.Sql }> {
  const server = new URL(inject('postgresUrl'));
  server.pathname = `/test_${randomUUID().slice(0, 12).replaceAll('-', '_')}`;
  await migrateSubgraph({ subgraph, ownerUrl: server.href, internalSecret: TEST_SECRET });
  const url = appUrl(server.href, subgraph, TEST_SECRET);
  const db = connectDatabase({ url, log: createLog({ service: 'test', level: 'silent' }), clock: () => new Date(), applicationName: 'test' });
  const owner = postgres(server.href, { max: 2, onnotice: () => {} });
  return {
    ...db,
    url,
    ownerUrl: server.href,
    owner,
    [Symbol.asyncDispose]: async () => {
      await owner.end({ timeout: 1 });
      await db.close();
    },
  };
}

/** A Redis of one's own, gone afterwards. */
export async function openTestRedis(): Promise<EmbeddedRedis & AsyncDisposable> {
  const dir = await mkdtemp(path.join(tmpdir(), 'waygraph-redis-'));
  const redis = await startEmbeddedRedis({ dataDir: dir });
  return {
    ...redis,
    [Symbol.asyncDispose]: async () => {
      await redis.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
