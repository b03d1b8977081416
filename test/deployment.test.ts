import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { packageRoot } from '../platform/packageRoot.js';
import { SUBGRAPH_NAMES } from '../scripts/processes.js';

interface Service {
  image?: string;
  build?: string;
  command?: string[];
  ports?: string[];
  environment?: Record<string, string | number>;
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[] };
  volumes?: string[];
}

const read = (file: string) => readFile(path.join(packageRoot, file), 'utf8');
const services = async () => (parse(await read('docker-compose.yml'), { merge: true }) as { services: Record<string, Service> }).services;

test('PF-11: compose has the servers, the gateway and every subgraph, each with a health check', async () => {
  const all = await services();
  expect(Object.keys(all).sort()).toEqual(['gateway', 'postgres', 'redis', ...SUBGRAPH_NAMES].sort());
  for (const [name, service] of Object.entries(all)) expect({ name, test: service.healthcheck?.test.length }).toEqual({ name, test: expect.any(Number) });
});

test('PF-11: only the gateway is public, and everything waits for what it needs', async () => {
  const all = await services();
  for (const [name, service] of Object.entries(all)) {
    expect({ name, public: Boolean(service.ports) }).toEqual({ name, public: name === 'gateway' });
    for (const [needed, { condition }] of Object.entries(service.depends_on ?? {})) {
      expect({ needed, known: needed in all, condition }).toEqual({ needed, known: true, condition: 'service_healthy' });
    }
  }
  for (const name of SUBGRAPH_NAMES) expect(Object.keys(all[name]?.depends_on ?? {})).toEqual(expect.arrayContaining(['postgres', 'redis']));
  expect(Object.keys(all.gateway?.depends_on ?? {})).toEqual(expect.arrayContaining([...SUBGRAPH_NAMES]));
});

test('PF-11: commands run files that the build makes, with settings that exist', async () => {
  const all = await services();
  const known = new Set([...(await read('.env.example')).matchAll(/^#? ?([A-Z][A-Z0-9_]+)=/gm)].map((found) => found[1]));
  for (const name of ['gateway', ...SUBGRAPH_NAMES]) {
    const service = all[name];
    const script = service?.command?.find((word) => word.startsWith('dist/')) ?? '';
    expect(existsSync(path.join(packageRoot, script.replace(/^dist\//, '').replace(/\.js$/, '.ts')))).toBe(true);
    expect(Object.keys(service?.environment ?? {}).filter((variable) => !known.has(variable))).toEqual([]);
    if (name !== 'gateway') expect(service?.command?.at(-1)).toBe(name);
  }
});

test('PF-11: what keeps files keeps them on a volume that the image gives to its own user', async () => {
  const all = await services();
  for (const name of ['fleet', 'booking']) {
    const dir = String(all[name]?.environment?.STORAGE_DIR);
    expect(all[name]?.volumes).toEqual([`files:${dir}`]);
    expect(await read('Dockerfile')).toMatch(new RegExp(`^RUN mkdir -p ${dir} && chown node:node ${dir}$`, 'm'));
  }
});

test('PF-11: the image has two stages, runs as nobody special, and copies only what is there', async () => {
  const dockerfile = await read('Dockerfile');
  expect(dockerfile.match(/^FROM /gm)).toHaveLength(2);
  const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
  expect(last).toMatch(/^USER (?!root)\w+/m);
  const copied = [...last.matchAll(/^COPY --from=build .*\/app\/(\S+) /gm)].map((found) => found[1] ?? '');
  expect(copied.length).toBeGreaterThan(3);
  for (const place of copied.filter((each) => !['dist', 'node_modules'].includes(each)))
    expect({ place, there: existsSync(path.join(packageRoot, place)) }).toEqual({ place, there: true });
});
