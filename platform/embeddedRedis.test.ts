import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Queue, QueueEvents, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { ConfigError } from './config.js';
import { type EmbeddedRedis, freePort, isRunning, startEmbeddedRedis, waitUntil } from './embeddedRedis.js';
import { packageRoot } from './packageRoot.js';

const hasNative = ['redis-server', 'valkey-server'].some((name) => spawnSync(name, ['--version']).status === 0);

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'waygraph-redis-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

async function start(options: { dataDir: string; allowNative?: boolean; port?: number }): Promise<EmbeddedRedis> {
  const server = await startEmbeddedRedis(options);
  onTestFinished(() => server.stop());
  return server;
}

function client(url: string, options: { subscriber?: boolean } = {}): Redis {
  const redis = new Redis(url, { maxRetriesPerRequest: null, enableReadyCheck: !options.subscriber });
  redis.on('error', () => {});
  onTestFinished(() => redis.disconnect());
  return redis;
}

async function pidOf(redis: Redis): Promise<number> {
  return Number(/process_id:(\d+)/.exec(await redis.info('server'))?.[1]);
}

/** Another Waygraph: a process that starts Redis on `dataDir` and stays. Resolves to it and to Redis's URL. */
async function otherProcess(options: { dataDir: string; allowNative?: boolean }) {
  const module = path.join(packageRoot, 'platform', 'embeddedRedis.ts');
  const script = `import { startEmbeddedRedis } from ${JSON.stringify(module)};
    console.log((await startEmbeddedRedis(${JSON.stringify(options)})).url); setInterval(() => {}, 1000);`;
  const args = ['--import', '@swc-node/register/esm-register', '--input-type=module', '--eval', script];
  const child = spawn(process.execPath, args, { cwd: packageRoot, stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  return { child, url: line.trim() };
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1_000 });
    const answer = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket
      .once('connect', () => answer(true))
      .once('error', () => answer(false))
      .once('timeout', () => answer(false));
  });
}

test.skipIf(!hasNative)('native: durable, never evicts, on loopback only', async () => {
  const server = await start({ dataDir: await temporaryDirectory() });
  expect(server.mode).toBe('native');
  const redis = client(server.url);
  expect(await redis.config('GET', 'appendonly')).toEqual(['appendonly', 'yes']);
  expect(await redis.config('GET', 'save')).toEqual(['save', '']);
  expect(await redis.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
  expect(await accepts('127.0.0.1', server.port)).toBe(true);
  // Another address of this machine; a server that listens everywhere answers there.
  expect(await accepts('127.0.0.2', server.port)).toBe(false);
});

test.skipIf(!hasNative)('native: a second start finds what the first one wrote, and no process is left in between', async () => {
  const dataDir = await temporaryDirectory();
  const first = await start({ dataDir });
  const redis = client(first.url);
  await redis.set('kept', '7');
  const pid = await pidOf(redis);
  expect(process.kill(-pid, 0)).toBe(true);
  await Promise.all([first.stop(), first.stop()]);
  expect(isRunning(pid)).toBe(false);
  const second = await start({ dataDir });
  expect(await client(second.url).get('kept')).toBe('7');
});

test.skipIf(!hasNative)('native: the server of a killed Waygraph is adopted with its data, and stopped with us', async () => {
  const dataDir = await temporaryDirectory();
  const { child, url } = await otherProcess({ dataDir });
  const redis = client(url);
  await redis.set('kept', '7');
  const pid = await pidOf(redis);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const server = await start({ dataDir });
  expect(await pidOf(client(server.url))).toBe(pid);
  expect(await client(server.url).get('kept')).toBe('7');
  await server.stop();
  expect(isRunning(pid)).toBe(false);
});

test.skipIf(!hasNative)('native: the directory of a running Waygraph is refused, whatever the port, and its server goes on', async () => {
  const dataDir = await temporaryDirectory();
  const first = await start({ dataDir, port: await freePort() });
  for (const port of [undefined, await freePort()]) {
    const refusal = await startEmbeddedRedis({ dataDir, port }).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ConfigError);
    expect((refusal as Error).message).toContain(`Another Waygraph is running on ${dataDir}`);
  }
  expect(await client(first.url).ping()).toBe('PONG');
});

test.skipIf(!hasNative)('native: of three first starts at once on one directory, at most one gets it and the others are told', async () => {
  const dataDir = await temporaryDirectory();
  const outcomes = await Promise.allSettled([start({ dataDir }), start({ dataDir }), start({ dataDir })]);
  const servers = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const refusals = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  expect(servers.length).toBeLessThanOrEqual(1);
  for (const refusal of refusals) expect(refusal).toBeInstanceOf(ConfigError);
  // Whoever comes later gets the one server that there is.
  await servers[0]?.stop();
  const later = await start({ dataDir });
  expect(await client(later.url).ping()).toBe('PONG');
});

test.skipIf(!hasNative)('native: a chosen port that another program has is named', async () => {
  const squatter = createServer((socket) => socket.end('hello\r\n')).listen(0, '127.0.0.1');
  await once(squatter, 'listening');
  onTestFinished(() => void squatter.close());
  const { port } = squatter.address() as { port: number };
  await expect(startEmbeddedRedis({ dataDir: await temporaryDirectory(), port })).rejects.toThrow(`no free port (tried ${port})`);
});

test('without a server on the PATH the stand-in in memory takes over', async () => {
  const { PATH } = process.env;
  onTestFinished(() => void Object.assign(process.env, { PATH }));
  process.env.PATH = await temporaryDirectory();
  const server = await start({ dataDir: await temporaryDirectory() });
  expect(server.mode).toBe('memory');
  expect(await client(server.url).ping()).toBe('PONG');
});

test('memory: on loopback only, and gone after stop', async () => {
  const server = await start({ dataDir: await temporaryDirectory(), allowNative: false });
  expect(await accepts('127.0.0.1', server.port)).toBe(true);
  expect(await accepts('127.0.0.2', server.port)).toBe(false);
  expect(await accepts('::1', server.port)).toBe(false);
  await Promise.all([server.stop(), server.stop()]);
  expect(await accepts('127.0.0.1', server.port)).toBe(false);
});

test('memory: it ends with its parent, even one that was killed', async () => {
  const { child, url } = await otherProcess({ dataDir: await temporaryDirectory(), allowNative: false });
  const port = Number(new URL(url).port);
  expect(await accepts('127.0.0.1', port)).toBe(true);
  child.kill('SIGKILL');
  expect(await waitUntil(async () => !(await accepts('127.0.0.1', port)), 8_000)).toBe(true);
});

test('memory: a BullMQ job goes in, is worked on, and its result comes back', async () => {
  const server = await start({ dataDir: await temporaryDirectory(), allowNative: false });
  const connection = { host: '127.0.0.1', port: server.port, maxRetriesPerRequest: null };
  const options = { connection, prefix: '{waygraph}' };
  const worker = new Worker('sums', async (job) => job.data.a + job.data.b, options);
  const queue = new Queue('sums', options);
  const events = new QueueEvents('sums', options);
  onTestFinished(async () => {
    await Promise.all([worker.close(), queue.close(), events.close()]);
  });
  await events.waitUntilReady();
  const jobs = await queue.addBulk([
    { name: 'sum', data: { a: 1, b: 2 } },
    { name: 'sum', data: { a: 3, b: 4 }, opts: { delay: 50, priority: 2 } },
  ]);
  expect(await Promise.all(jobs.map((job) => job.waitUntilFinished(events, 10_000)))).toEqual([3, 7]);
});

test('memory: positions are found by distance', async () => {
  const redis = client((await start({ dataDir: await temporaryDirectory(), allowNative: false })).url);
  await redis.geoadd('drivers', 31.2357, 30.0444, 'near', 31.3, 30.1, 'further', 29.9187, 31.2001, 'alexandria');
  expect(await redis.geosearch('drivers', 'FROMLONLAT', 31.2357, 30.0444, 'BYRADIUS', 15, 'km', 'ASC')).toEqual(['near', 'further']);
});

test('memory: what is published reaches subscribers', async () => {
  const { url } = await start({ dataDir: await temporaryDirectory(), allowNative: false });
  const subscriber = client(url, { subscriber: true });
  await subscriber.subscribe('positions');
  const heard = once(subscriber, 'message');
  expect(await client(url).publish('positions', 'here')).toBe(1);
  expect(await heard).toEqual(['positions', 'here']);
});
