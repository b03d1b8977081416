import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { ANONYMOUS } from '../../platform/actor.js';
import { createLog } from '../../platform/log.js';
import { serveSubgraph } from '../../platform/serveSubgraph.js';
import { eventually, startTestSubgraph, TEST_SECRET, user } from '../../test/subgraphHarness.js';
import { startFleet } from './main.js';

test('FL-06: killed in the middle of a picture, again and again, its renditions are made all the same, and only once', { timeout: 300_000 }, async () => {
  const dir = await mkdtemp(path.join(tmpdir(), 'waygraph-killed-'));
  let origin = '';
  const files = { storageDir: dir, publicOrigin: null };
  const start = (environment: Parameters<typeof startFleet>[0]) => startFleet({ ...environment, graphUrl: () => `${origin}/graphql` }, files);
  await using fleet = await startTestSubgraph('fleet', start);
  const options = { port: 0, internalSecret: TEST_SECRET, log: createLog({ service: 'test', level: 'fatal' }), clock: fleet.environment.clock };
  const served = await serveSubgraph(fleet.subgraph, options);
  origin = `http://127.0.0.1:${served.port}`;
  await fleet.subgraph.seedDemo();
  const { data } = await fleet.run<{ vehicles: { nodes: { id: string }[] } }>(ANONYMOUS, '{ vehicles(first: 1) { nodes { id } } }');
  const input = { vehicleId: data.vehicles.nodes[0]?.id, fileName: 'a.jpg', contentType: 'image/jpeg', alt: 'x' };
  const asked = await fleet.run<{ requestImageUpload: { id: string; url: string } }>(
    user('ADMIN'),
    'mutation($input: RequestImageUploadInput!) { requestImageUpload(input: $input) { id url } }',
    { input },
  );
  const noise = { create: { width: 4000, height: 3000, channels: 3 as const, background: '#888', noise: { type: 'gaussian' as const, mean: 128, sigma: 20 } } };
  const body = await sharp(noise).jpeg({ quality: 70 }).toBuffer();
  const url = asked.data.requestImageUpload.url;
  expect((await fetch(url, { method: 'PUT', headers: { 'content-type': 'image/jpeg' }, body: new Uint8Array(body) })).status).toBe(201);
  // From here on only processes that are killed work on it, each a little further.
  await served.stop();
  const made = async () => {
    const [row] = await fleet.owner`select status, jsonb_array_length(variants) as n from vehicle_images`;
    return { status: row?.status as string, n: row?.n as number };
  };
  for (let round = 0; round < 2; round += 1) {
    const before = await made();
    if (before.status === 'READY') break;
    const child = spawn(process.execPath, ['--import', '@swc-node/register/esm-register', fileURLToPath(new URL('killed.given.ts', import.meta.url))], {
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        DATABASE_URL: fleet.environment.databaseUrl,
        REDIS_URL: fleet.environment.redisUrl,
        INTERNAL_SECRET: TEST_SECRET,
        STORAGE_DIR: dir,
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const gone = new Promise((resolve) => child.once('exit', resolve));
    try {
      await eventually(async () => (await made()).n > before.n, 'the process to make a rendition', 90_000);
    } finally {
      child.kill('SIGKILL');
      await gone;
    }
  }
  const next = await startFleet(fleet.environment, files);
  try {
    await eventually(async () => (await made()).status === 'READY', 'all renditions', 90_000);
  } finally {
    await next.stop();
  }
  const [row] = await fleet.owner`select id, variants from vehicle_images`;
  const variants = row?.variants as { size: string; format: string; bytes: number }[];
  expect(variants.map(({ size, format }) => `${size} ${format}`)).toEqual(['THUMB WEBP', 'THUMB AVIF', 'CARD WEBP', 'CARD AVIF', 'FULL WEBP', 'FULL AVIF']);
  for (const { size, format, bytes } of variants) {
    const file = await readFile(path.join(dir, 'fleet', 'vehicles', String(row?.id), `${size}.${format}`.toLowerCase()));
    expect(file.length).toBe(bytes);
  }
  await rm(dir, { recursive: true, force: true });
});
