import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import postgres from 'postgres';
import { expect, onTestFinished, test } from 'vitest';
import { ConfigError } from './config.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embeddedPostgres.js';
import { isRunning, waitUntil } from './embeddedRedis.js';
import { packageRoot } from './packageRoot.js';

const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'waygraph-postgres-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

async function start(dataDir: string): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir, settings });
  onTestFinished(() => server.stop());
  return server;
}

function client(url: string): postgres.Sql {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  onTestFinished(() => sql.end({ timeout: 0 }));
  return sql;
}

/** Another Waygraph: a process that starts the server of `dataDir`, runs `then`, and stays until SIGTERM. Resolves to it and the server's URL. */
async function otherProcess(dataDir: string, then = '') {
  const module = path.join(packageRoot, 'platform', 'embeddedPostgres.ts');
  const script = `import { startEmbeddedPostgres } from ${JSON.stringify(module)};
    const server = await startEmbeddedPostgres(${JSON.stringify({ dataDir, settings })});
    process.once('SIGTERM', () => server.stop().then(() => process.exit()));
    console.log(server.url()); ${then}; setInterval(() => {}, 1000);`;
  const args = ['--import', '@swc-node/register/esm-register', '--input-type=module', '--eval', script];
  const child = spawn(process.execPath, args, { cwd: packageRoot, stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(async () => {
    if (child.kill('SIGTERM')) await once(child, 'exit');
  });
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  return { child, url: line.trim() };
}

function serverPid(dataDir: string): number {
  return Number(readFileSync(path.join(dataDir, 'cluster', 'postmaster.pid'), 'utf8').split('\n')[0]);
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

test('a new server speaks UTF-8, has the extensions that migrations need, and takes settings', async () => {
  const server = await start(await temporaryDirectory());
  const sql = client(server.url());
  for (const extension of ['btree_gist', 'pg_trgm', 'cube', 'earthdistance', 'pgcrypto', 'pg_stat_statements']) {
    await sql`create extension ${sql(extension)}`;
  }
  const [row] = await sql`select 'ÄÉ القاهرة' as text, lower('ÄÉ') as lower, current_setting('server_encoding') as encoding,
    current_setting('max_connections') as connections, current_setting('fsync') as fsync, current_setting('timezone') as zone`;
  expect(row).toEqual({ text: 'ÄÉ القاهرة', lower: 'äé', encoding: 'UTF8', connections: '300', fsync: 'off', zone: 'UTC' });
  await sql`create database "waygraph_fleet"`;
  const fleet = client(server.url('waygraph_fleet'));
  expect(await fleet`select current_database() as name`).toEqual([{ name: 'waygraph_fleet' }]);
});

test('a second start finds what the first one wrote', async () => {
  const dataDir = await temporaryDirectory();
  const first = await start(dataDir);
  await client(first.url())`create table kept as select 7 as n`;
  await first.stop();
  const second = await start(dataDir);
  expect(await client(second.url())`select n from kept`).toEqual([{ n: 7 }]);
});

test('it listens on loopback only, and wants its password', async () => {
  const server = await start(await temporaryDirectory());
  expect(await accepts('127.0.0.1', server.port)).toBe(true);
  // Another address of this machine; a server that listens everywhere answers there.
  expect(await accepts('127.0.0.2', server.port)).toBe(false);
  const stranger = new URL(server.url());
  stranger.password = 'postgres';
  await expect(client(stranger.href)`select 1`).rejects.toMatchObject({ code: '28P01' });
});

test('stop ends all of its processes, with clients still connected, and may be called twice', async () => {
  const server = await start(await temporaryDirectory());
  const sql = client(server.url());
  const sleeping = sql`select pg_sleep(60)`.catch((error: { code: string }) => error.code);
  const watch = client(server.url());
  const isAsleep = async () => (await watch`select 1 from pg_stat_activity where wait_event = 'PgSleep'`).length === 1;
  expect(await waitUntil(isAsleep, 5_000)).toBe(true);
  const pid = serverPid(server.dataDir);
  await Promise.all([server.stop(), server.stop()]);
  expect(isRunning(pid)).toBe(false);
  expect(await sleeping).toMatch(/57P01|CONNECTION_CLOSED/);
});

test('the server leads a process group of its own, which Ctrl-C in our terminal does not reach', async () => {
  const server = await start(await temporaryDirectory());
  expect(process.kill(-serverPid(server.dataDir), 0)).toBe(true);
});

test('the server of a killed Waygraph is adopted with its data, and stopped with us', async () => {
  const dataDir = await temporaryDirectory();
  const { child, url } = await otherProcess(dataDir);
  await client(url)`create table kept as select 7 as n`;
  const pid = serverPid(dataDir);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const server = await start(dataDir);
  expect(serverPid(dataDir)).toBe(pid);
  expect(server.url()).toBe(url);
  expect(await client(server.url())`select n from kept`).toEqual([{ n: 7 }]);
  // Its messages have no reader any more; it must not mind.
  await expect(client(server.url('no_such_database'))`select 1`).rejects.toMatchObject({ code: '3D000' });
  await server.stop();
  expect(isRunning(pid)).toBe(false);
});

test('a pid file that outlived its server does not stand in the way', async () => {
  const dataDir = await temporaryDirectory();
  const first = await start(dataDir);
  const sql = client(first.url());
  await sql`create table kept as select 7 as n`;
  await sql`checkpoint`;
  process.kill(serverPid(dataDir), 'SIGKILL');
  const second = await start(dataDir);
  expect(await client(second.url())`select n from kept`).toEqual([{ n: 7 }]);
});

test('the directory of a running Waygraph is refused in plain words, and its server goes on', async () => {
  const dataDir = await temporaryDirectory();
  const { url } = await otherProcess(dataDir);
  const refusal = await startEmbeddedPostgres({ dataDir, settings }).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(ConfigError);
  expect((refusal as Error).message).toContain(`Another Waygraph is running on ${dataDir}`);
  expect(await client(url)`select 1 as one`).toEqual([{ one: 1 }]);
});

test('of three first starts at once on one directory, one gets it and two are told', async () => {
  const dataDir = await temporaryDirectory();
  const outcomes = await Promise.allSettled([start(dataDir), start(dataDir), start(dataDir)]);
  const servers = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const refusals = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  expect(servers).toHaveLength(1);
  expect(refusals).toEqual([expect.any(ConfigError), expect.any(ConfigError)]);
  expect(await client(servers[0]!.url())`select 1 as one`).toEqual([{ one: 1 }]);
});

test.each(['exit', 'SIGINT'] as const)('an end by %s that passes stop by takes the server along', async (end) => {
  const dataDir = await temporaryDirectory();
  const { child } = await otherProcess(dataDir, end === 'exit' ? 'process.exit(3)' : '');
  if (end === 'SIGINT') child.kill(end);
  if (child.exitCode === null) await once(child, 'exit');
  expect(child.exitCode ?? child.signalCode).toBe(end === 'exit' ? 3 : 'SIGINT');
  const isStopped = () => !existsSync(path.join(dataDir, 'cluster', 'postmaster.pid'));
  expect(await waitUntil(isStopped, 8_000)).toBe(true);
});

test('a directory that is closed to the user that root picks does not keep it from running', async () => {
  const dataDir = path.join(await temporaryDirectory(), 'inner');
  const server = await start(dataDir);
  onTestFinished(() => rm(server.dataDir, { recursive: true, force: true }));
  expect(await client(server.url())`select 1 as one`).toEqual([{ one: 1 }]);
  if (process.getuid?.() !== 0) expect(server.dataDir).toBe(dataDir);
});
