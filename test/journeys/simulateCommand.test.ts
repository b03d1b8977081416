import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { Report } from '../../bench/simulator/statistics.js';
import { startEmbeddedRedis } from '../../platform/embeddedRedis.js';
import { packageRoot } from '../../platform/packageRoot.js';
import { freePort, SUBGRAPH_NAMES } from '../../scripts/processes.js';
import { SERVICE_KEY, startGraph } from '../graphHarness.js';
import { eventually, TEST_SECRET } from '../subgraphHarness.js';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'waygraph-simulate-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

interface Running {
  child: ChildProcess;
  said: () => string;
  ended: Promise<number | null>;
}
function run(script: string, args: string[], env: NodeJS.ProcessEnv = {}): Running {
  const child = spawn(process.execPath, [path.join(packageRoot, 'scripts', script), ...args], {
    cwd: packageRoot,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => (said += text));
  return { child, said: () => said, ended: new Promise((resolve) => child.once('close', resolve)) };
}
const simulate = (...args: string[]) => run('bench.mjs', ['simulate', ...args], { DATA_DIR: dir });

test('DP-36: on a system that runs already: strategies side by side on the same requests, --raise until it breaks, and Ctrl-C ends a run with its report', {
  timeout: 300_000,
}, async () => {
  // Nobody waits long for a driver who is not there: four rounds of twelve seconds in all, longer than a stretch below.
  await using graph = await startGraph('one', { DISPATCH_EMPTY_ROUND_S: '4', DISPATCH_COOLDOWN_S: '1' });
  const report = path.join(dir, 'report.json');
  const onIt = (...args: string[]) =>
    run('bench.mjs', ['simulate', '--url', graph.url, '--report', report, ...args], { DATA_DIR: dir, SIMULATE_SERVICE_KEY: SERVICE_KEY });
  const small = ['--drivers', '6', '--riders', '60', '--minutes', '0.1', '--seed', '11', '--speed', '4', '--drain', '8'];
  const compared = onIt('--compare', 'first_accept,batched', '--hints', ...small);
  expect(await compared.ended, compared.said()).toBe(0);
  expect(compared.said()).toContain('6 of 6 drivers are on the road');
  expect(compared.said()).toContain('within 60 s');
  expect(compared.said()).toContain(`Report: ${report}`);
  const reports = JSON.parse(await readFile(report, 'utf8')) as Report[];
  expect(reports.map(({ settings }) => settings)).toMatchObject([
    { strategy: 'FIRST_ACCEPT', drivers: 6, seed: 11, speed: 4, hints: true },
    { strategy: 'BATCHED', drivers: 6, seed: 11, speed: 4, hints: true },
  ]);
  const [first, second] = reports as [Report, Report];
  expect(first.requests, 'the same seed').toBe(second.requests);
  for (const one of reports) {
    expect(one.requests).toBeGreaterThan(1);
    expect(one.matched + one.cancelledByRider + one.noDrivers + one.undecidedAtEnd).toBe(one.requests);
    expect(one.matched).toBeGreaterThan(0);
    expect(one.quote.p99Ms).toBeGreaterThan(0);
    expect(one.firstOffer.p50Ms).toBeGreaterThan(0);
    expect(one.matchedWithin60s).toBeLessThanOrEqual(1);
  }

  // Two drivers, and a rider every second: nobody comes for most of them.
  const broken = onIt('--drivers', '2', '--riders', '60', '--minutes', '0.15', '--raise', '30', '--drain', '1');
  expect(await broken.ended, broken.said()).toBe(0);
  const { stretches } = JSON.parse(await readFile(report, 'utf8')) as { stretches: { ridersPerMinute: number; requests: number; matchedWithin60s: number }[] };
  expect(stretches.slice(0, 2).map(({ ridersPerMinute }) => ridersPerMinute)).toEqual([60, 90]);
  expect(stretches.length, 'it ends').toBeLessThan(20);
  expect(stretches[0]?.requests).toBeGreaterThan(4);
  expect(stretches[0]?.matchedWithin60s).toBeLessThan(0.8);

  await rm(report);
  const long = onIt('--drivers', '1', '--riders', '0.5', '--minutes', '60');
  await eventually(() => long.said().includes('1 of 1 drivers'), 'the driver', 90_000);
  long.child.kill('SIGTERM');
  // The script that started it ends by the signal too, once the simulation has written its report.
  await long.ended;
  expect(JSON.parse(await readFile(report, 'utf8'))).toMatchObject({ settings: { minutes: 60 } });
});

test('DP-35, DP-36: --compare-hints runs without and with hints, each on a fresh system that has learnt from earlier weeks', { timeout: 300_000 }, async () => {
  const file = path.join(dir, 'hints.json');
  const { ended, said } = simulate('--compare-hints', '--drivers', '2', '--riders', '30', '--minutes', '0.1', '--speed', '4', '--drain', '1', '--report', file);
  expect(await ended, said()).toBe(0);
  const reports = JSON.parse(await readFile(file, 'utf8')) as Report[];
  expect(reports.map(({ settings }) => settings.hints)).toEqual([false, true]);
  expect(reports[0]?.repositionHintsFollowed).toBe(0);
  expect(reports[0]?.requests).toBe(reports[1]?.requests);
});

test('DP-36: a wrong option is told, with what there is', async () => {
  const wrong = simulate('--strategy', 'luck');
  expect([await wrong.ended, wrong.said()]).toEqual([1, expect.stringContaining('There is no strategy luck.')]);
  const much = simulate('--riders', '1000000');
  expect([await much.ended, much.said()]).toEqual([1, expect.stringContaining('--riders has to be a number from 0.1 to 2000.')]);
  const help = simulate('--help');
  expect([await help.ended, help.said()]).toEqual([0, expect.stringContaining('--compare-hints')]);
});

test('DP-36: npm start -- --demo runs a small simulation beside the system, and both end together', { timeout: 180_000 }, async () => {
  const redis = await startEmbeddedRedis({ dataDir: path.join(dir, 'redis') });
  const name = randomUUID().slice(0, 8);
  const urls = SUBGRAPH_NAMES.map((subgraph) => {
    const url = new URL(inject('postgresUrl'));
    url.pathname = `/demo_${name}_${subgraph.replaceAll('-', '_')}`;
    return [subgraph, url.href] as const;
  });
  const env = {
    ...Object.fromEntries(urls.map(([subgraph, url]) => [`${subgraph.replaceAll('-', '_').toUpperCase()}_DATABASE_URL`, url])),
    ...{ NODE_ENV: 'test', LOG_LEVEL: 'error', DATABASE_URL: inject('postgresUrl'), REDIS_URL: redis.url, INTERNAL_SECRET: TEST_SECRET },
    ...{ DATA_DIR: path.join(dir, 'demo'), PORT: String(await freePort()), SEED_DEMO: '1' },
  };
  try {
    const demo = run('start.mjs', ['--demo'], env);
    await eventually(() => demo.said().includes('Demo: 12 drivers and 6 requests a minute'), 'the demo to be announced', 60_000);
    await eventually(() => demo.said().includes('demo | 12 of 12 drivers are on the road'), 'the drivers', 60_000);
    const dispatch = postgres(new Map(urls).get('dispatch') ?? '', { max: 1, onnotice: () => {} });
    try {
      await eventually(async () => (await dispatch`select 1 from trips where driver_id is not null`).length > 0, 'a ride', 60_000);
    } finally {
      await dispatch.end({ timeout: 1 });
    }
    demo.child.kill('SIGINT');
    expect(await demo.ended, demo.said()).toBe(0);
    expect(demo.said()).toContain('Demo: ');
    const refused = run('start.mjs', ['--demo'], { ...env, NODE_ENV: 'production' });
    expect([await refused.ended, refused.said()]).toEqual([1, expect.stringContaining('not for production')]);
    const unknown = run('start.mjs', ['--dmeo'], env);
    expect([await unknown.ended, unknown.said()]).toEqual([1, expect.stringContaining('Usage: npm start')]);
  } finally {
    await redis.stop();
  }
});
