import { createHash, randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { openServers } from '../../gateway/servers.js';
import { databaseUrl } from '../../platform/migrate.js';
import { DEMO_ACCOUNTS, DEMO_PASSWORD } from '../../platform/demoAccounts.js';
import { type Layout, startProcesses } from '../../scripts/processes.js';
import { temporaryDirectory } from '../../scripts/temporaryDirectory.js';
import type { Graph } from './people.js';

export interface System extends Graph {
  description: string;
  /** The owner's address of dispatch's database; null of a system that is not ours. */
  dispatchDatabaseUrl: string | null;
  stop(): Promise<void>;
}

/** A system of the simulation's own, on servers of its own, gone afterwards. Rests of drivers after a trip shrink as driving does. */
export async function startSystem(layout: Layout, speed: number): Promise<System> {
  const dir = await temporaryDirectory('waygraph-simulation-');
  const servers = await openServers({ dataDir: dir, databaseUrl: undefined, redisUrl: undefined });
  const serviceKey = randomBytes(24).toString('hex');
  const env = {
    PATH: process.env.PATH,
    LOG_LEVEL: process.env.LOG_LEVEL ?? 'error',
    DATABASE_URL: servers.databaseUrl,
    REDIS_URL: servers.redisUrl,
    INTERNAL_SECRET: randomBytes(24).toString('hex'),
    DATA_DIR: dir,
    SEED_DEMO: '1',
    RATE_LIMITS: 'off',
    DISPATCH_COOLDOWN_S: String(Math.round(60 / speed)),
    SERVICE_KEYS: `simulator:${createHash('sha256').update(serviceKey).digest('hex')}:locations:write`,
  };
  const clear = async () => {
    await servers.stop();
    await rm(dir, { recursive: true, force: true });
  };
  const processes = await startProcesses(layout, env, { output: 'collect' }).catch(async (error) => {
    await clear();
    throw error;
  });
  return {
    url: `${processes.url}/graphql`,
    serviceKey,
    admin: { email: DEMO_ACCOUNTS.admin.email, password: DEMO_PASSWORD },
    description: servers.description,
    dispatchDatabaseUrl: databaseUrl('dispatch', servers.databaseUrl, undefined),
    stop: async () => {
      await processes.stop();
      await clear();
    },
  };
}

/** A system that runs already. @throws Error that names what is missing */
export function runningSystem(url: string, env: NodeJS.ProcessEnv): System {
  const serviceKey = env.SIMULATE_SERVICE_KEY;
  if (!serviceKey) throw new Error('SIMULATE_SERVICE_KEY has to hold a service key of that system with the scope locations:write.');
  const admin = { email: env.SIMULATE_ADMIN_EMAIL ?? DEMO_ACCOUNTS.admin.email, password: env.SIMULATE_ADMIN_PASSWORD ?? DEMO_PASSWORD };
  return {
    url: url.endsWith('/graphql') ? url : `${url.replace(/\/$/, '')}/graphql`,
    serviceKey,
    admin,
    description: url,
    dispatchDatabaseUrl: null,
    stop: async () => {},
  };
}
