import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { packageRoot } from '../platform/packageRoot.js';
import { freePort } from '../scripts/processes.js';
import { TEST_SECRET } from './subgraphHarness.js';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'waygraph-start-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Runs the built gateway until it ends; what it said, and how it ended. */
async function start(env: Record<string, string>, script = 'gateway/main.js', args: string[] = []): Promise<{ code: number | null; said: string }> {
  const child = spawn(process.execPath, [path.join(packageRoot, 'dist', script), ...args], {
    cwd: packageRoot,
    env: { PATH: process.env.PATH, NODE_ENV: 'test', LOG_LEVEL: 'silent', DATA_DIR: dir, INTERNAL_SECRET: TEST_SECRET, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { code, said };
}

const REMOTES = Object.fromEntries(
  ['IDENTITY', 'FLEET', 'BOOKING', 'PAYMENTS_LEDGER', 'DISPATCH', 'INBOX'].map((name) => [`${name}_URL`, 'http://127.0.0.1:1']),
);

test('PF-10: a taken port gets one clear line', async () => {
  const port = await freePort();
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(port, '127.0.0.1', resolve));
  const { code, said } = await start({ ...REMOTES, PORT: String(port) });
  holder.close();
  expect(code).toBe(1);
  expect(said.trim().split('\n')).toHaveLength(1);
  expect(said).toContain(String(port));
});

test.each([
  [{ DATABASE_URL: 'mysql://nope' }, 'DATABASE_URL'],
  [{ DATABASE_POOL: '0' }, 'DATABASE_POOL'],
  [{ REDIS_URL: 'nope' }, 'REDIS_URL'],
  [{ PORT: 'eighty' }, 'PORT'],
  [{ REDELIVER_AFTER_MS: 'soon' }, 'REDELIVER_AFTER_MS'],
  [{ FLEET_URL: 'nope' }, 'FLEET_URL'],
  [{ INTERNAL_SECRET: 'short' }, 'INTERNAL_SECRET'],
  [{ NODE_ENV: 'production', RATE_LIMITS: 'off' }, 'RATE_LIMITS'],
  [{ NODE_ENV: 'production', INTERNAL_SECRET: '' }, 'INTERNAL_SECRET'],
])('PF-12: %o is refused with its name, and without its value', async (env, name) => {
  const { code, said } = await start({ ...env });
  expect(code).toBe(1);
  expect(said).toContain(name);
  expect(said).not.toMatch(/^\s+at /m);
  expect(said).not.toContain('short');
});

test('PF-12: a subgraph on its own names what it lacks', async () => {
  const { code, said } = await start({ DATABASE_URL: inject('postgresUrl') }, 'subgraphs/run.js', ['fleet']);
  expect({ code, said: said.trim().split('\n')[0] }).toEqual({ code: 1, said: expect.stringContaining('REDIS_URL') });
});

test('an unreachable DATABASE_URL or REDIS_URL gets a clear line', async () => {
  const gone = await freePort();
  const database = await start({ DATABASE_URL: `postgres://nobody:secret@127.0.0.1:${gone}/x` });
  expect(database.code).toBe(1);
  expect(database.said).toContain('database server does not answer');
  expect(database.said).not.toContain('secret');
  const redis = await start({ DATABASE_URL: inject('postgresUrl'), REDIS_URL: `redis://127.0.0.1:${gone}` });
  expect(redis.code).toBe(1);
  expect(redis.said).toContain('REDIS_URL');
});

test('PF-12: .env.example names every variable that is read, and no other', async () => {
  const example = new Set([...(await readFile(path.join(packageRoot, '.env.example'), 'utf8')).matchAll(/^#? ?([A-Z][A-Z0-9_]+)=/gm)].map((found) => found[1]));
  const sources = await Promise.all(
    [
      'gateway/config.ts',
      'subgraphs/environment.ts',
      'subgraphs/run.ts',
      'subgraphs/identity/config.ts',
      'subgraphs/booking/config.ts',
      'platform/storage.ts',
      'subgraphs/payments-ledger/config.ts',
      'subgraphs/dispatch/config.ts',
      'subgraphs/inbox/config.ts',
    ].map((file) => readFile(path.join(packageRoot, file), 'utf8')),
  );
  const read = new Set(sources.flatMap((text) => [...text.matchAll(/^\s{2,}([A-Z][A-Z0-9_]+): /gm)].map((found) => found[1])));
  read.delete('DEFAULT');
  expect([...example].sort()).toEqual([...read].sort());
});
