import { spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import postgres from 'postgres';
import { inject } from 'vitest';
import { WebSocket } from 'ws';
import { DEMO_ACCOUNTS, DEMO_PASSWORD } from '../platform/demoAccounts.js';
import { startEmbeddedRedis } from '../platform/embeddedRedis.js';
import { packageRoot } from '../platform/packageRoot.js';
import { type Layout, type ProcessName, type RunningProcesses, startProcesses, SUBGRAPH_NAMES } from '../scripts/processes.js';
import { createWaygraphClient, type Tokens, type WaygraphClient } from '../sdk/client.js';
import { TEST_SECRET } from './subgraphHarness.js';

export const SERVICE_KEY = 'a key that telematics boxes would have';

export interface TestGraph extends AsyncDisposable {
  url: string;
  redisUrl: string;
  mailDir: string;
  processes: RunningProcesses;
  /** The owner's connection to a subgraph's database: for looking, not for preparing what the graph should do. */
  owner(subgraph: (typeof SUBGRAPH_NAMES)[number]): postgres.Sql;
  /** A client of nobody. */
  anonymous(): WaygraphClient;
  /** A client signed in as a demo account. */
  as(account: keyof typeof DEMO_ACCOUNTS): Promise<WaygraphClient>;
  /** Somebody new. */
  newCustomer(): Promise<WaygraphClient & { email: string; session: Tokens }>;
  /** Any operation, as JSON, the way a client without an SDK sends it. */
  post(
    body: unknown,
    headers?: Record<string, string>,
  ): Promise<{ status: number; headers: Headers; json: { data?: never; errors?: { message: string; extensions: Record<string, unknown> }[] } }>;
  /** Runs one of the built scripts on the same servers, as an operator would; what it said. */
  runScript(script: string, ...args: string[]): Promise<{ code: number | null; said: string }>;
  flushRedis(): Promise<void>;
  kill(name: ProcessName): Promise<void>;
  revive(name: ProcessName): Promise<void>;
}

/** The built system as real processes, on databases and a Redis of its own, with the demo accounts and cars. */
export async function startGraph(layout: Layout = 'one', env: Record<string, string> = {}, options: { memoryRedis?: boolean } = {}): Promise<TestGraph> {
  const dir = await mkdtemp(path.join(tmpdir(), 'waygraph-graph-'));
  const mailDir = path.join(dir, 'mail');
  const redis = await startEmbeddedRedis({ dataDir: path.join(dir, 'redis'), allowNative: !options.memoryRedis });
  const run = randomUUID().slice(0, 8);
  const urls = new Map(
    SUBGRAPH_NAMES.map((name) => {
      const url = new URL(inject('postgresUrl'));
      url.pathname = `/graph_${run}_${name.replaceAll('-', '_')}`;
      return [name, url.href] as const;
    }),
  );
  const databases = Object.fromEntries([...urls].map(([name, url]) => [`${name.replaceAll('-', '_').toUpperCase()}_DATABASE_URL`, url]));
  const settings: NodeJS.ProcessEnv = {
    PATH: process.env.PATH,
    NODE_ENV: 'test',
    LOG_LEVEL: process.env.TEST_LOG_LEVEL ?? 'error',
    DATABASE_URL: inject('postgresUrl'),
    ...databases,
    REDIS_URL: redis.url,
    INTERNAL_SECRET: TEST_SECRET,
    DATA_DIR: dir,
    MAIL_DIR: mailDir,
    SEED_DEMO: '1',
    RATE_LIMITS: 'off',
    REDELIVER_AFTER_MS: '1000',
    SERVICE_KEYS: `telematics:${createHash('sha256').update(SERVICE_KEY).digest('hex')}:locations:write`,
    ...env,
  };
  const processes = await startProcesses(layout, settings, { output: process.env.TEST_LOG_LEVEL ? 'inherit' : 'collect' }).catch(async (error) => {
    await redis.stop();
    await rm(dir, { recursive: true, force: true });
    throw error;
  });
  const clients: WaygraphClient[] = [];
  const connections = new Map<string, postgres.Sql>();
  const graphUrl = `${processes.url}/graphql`;
  const newClient = () => {
    const client = createWaygraphClient({ url: graphUrl, webSocket: WebSocket });
    clients.push(client);
    return client;
  };

  return {
    url: processes.url,
    redisUrl: redis.url,
    mailDir,
    processes,
    owner: (subgraph) => {
      const present = connections.get(subgraph) ?? postgres(urls.get(subgraph) ?? '', { max: 2, onnotice: () => {} });
      connections.set(subgraph, present);
      return present;
    },
    anonymous: newClient,
    as: async (account) => {
      const client = newClient();
      const { signIn } = await client.SignIn({ input: { email: DEMO_ACCOUNTS[account].email, password: DEMO_PASSWORD } });
      client.use(signIn);
      return client;
    },
    newCustomer: async () => {
      const client = newClient();
      const email = `${randomUUID()}@example.test`;
      const { signUp } = await client.SignUp({ input: { email, password: 'correct horse 1', name: 'New Customer', role: 'CUSTOMER' } });
      client.use(signUp);
      return Object.assign(client, { email, session: signUp });
    },
    post: async (body, headers = {}) => {
      const response = await fetch(graphUrl, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
      return { status: response.status, headers: response.headers, json: (await response.json()) as never };
    },
    runScript: async (script, ...args) => {
      const child = spawn(process.execPath, [path.join(packageRoot, 'dist', script), ...args], {
        cwd: packageRoot,
        env: settings,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let said = '';
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text));
      return { code: await new Promise<number | null>((resolve) => child.once('close', resolve)), said };
    },
    flushRedis: async () => {
      const { Redis } = await import('ioredis');
      const admin = new Redis(redis.url);
      await admin.flushall();
      admin.disconnect();
    },
    kill: (name) => processes.kill(name),
    revive: (name) => processes.revive(name),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(clients.map((client) => client.close()));
      await processes.stop();
      await Promise.all([...connections.values()].map((sql) => sql.end({ timeout: 1 })));
      await redis.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
