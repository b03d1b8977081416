import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { composeServices } from '@apollo/composition';
import { parse } from 'graphql';
import { Pool } from 'undici';
import { SDL } from './federation/subgraphs.js';

// Whether memory stays flat (EN-05): many requests over more documents than any cache holds, most of them over a few: `npm run bench soak`.
// REQUESTS (500,000), DOCUMENTS (20,000), CONNECTIONS (20). Heap is measured after a full collection, twenty times.

const REQUESTS = Number(process.env.REQUESTS ?? 500_000);
const DOCUMENTS = Number(process.env.DOCUMENTS ?? 20_000);
const CONNECTIONS = Number(process.env.CONNECTIONS ?? 20);
const SAMPLES = 20;
/** Share of requests that go to the two per cent of documents which everybody uses. */
const HOT_SHARE = 0.8;
/** The heap of the last quarter may be larger than that of the second by so much: a cache that is still filling shows as more. */
const FLAT = 1.1;

interface Sample {
  cpu: NodeJS.CpuUsage;
  rss: number;
  heapUsed: number;
}

const here = path.dirname(fileURLToPath(import.meta.url));
const SWC = ['--import', '@swc-node/register/esm-register'];
const children: ChildProcess[] = [];

async function begin<T>(file: string, args: string[], execArgv: string[]): Promise<{ child: ChildProcess; first: T }> {
  const child = fork(path.join(here, 'federation', file), args, { execArgv: [...execArgv, ...SWC] });
  children.push(child);
  const [first] = (await once(child, 'message')) as [T];
  return { child, first };
}

async function ask(child: ChildProcess): Promise<Sample> {
  child.send('?');
  const [sample] = (await once(child, 'message')) as [Sample];
  return sample;
}

/** Documents that differ in names, in what they select and in how much. */
function documentText(index: number): string {
  const product = ['name', 'price', 'weight', 'inStock', 'shippingEstimate'].filter((_, bit) => (index >> bit) & 1).join(' ');
  const reviews = `reviews { id b${index % 7}: body product { upc ${product} } }`;
  const roots = [`me { id ${reviews} }`, `users { id name ${reviews} }`, `topProducts(first: ${1 + (index % 9)}) { ${product} n${index}: name }`];
  return `query D${index}($yes: Boolean! = true) { ${roots[index % 3]} k${index}: __typename @include(if: $yes) }`;
}

function nextDocument(): number {
  const isHot = Math.random() < HOT_SHARE;
  return Math.floor(Math.random() * (isHot ? Math.max(1, DOCUMENTS / 50) : DOCUMENTS));
}

async function send(pool: Pool, count: number): Promise<void> {
  let left = count;
  const one = async () => {
    while (left > 0) {
      left -= 1;
      const body = JSON.stringify({ query: documentText(nextDocument()), variables: { yes: Math.random() < 0.5 } });
      const response = await pool.request({ method: 'POST', path: '/graphql', headers: { 'content-type': 'application/json' }, body });
      const text = await response.body.text();
      if (response.statusCode !== 200 || text.startsWith('{"errors"')) throw new Error(text.slice(0, 300));
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, one));
}

const dir = await mkdtemp(path.join(tmpdir(), 'waygraph-soak-'));
try {
  const { first } = await begin<{ ports: Record<string, number> }>('subgraphs.ts', [], []);
  const services = Object.entries(SDL).map(([name, sdl]) => ({ name, url: `http://127.0.0.1:${first.ports[name]}/graphql`, typeDefs: parse(sdl) }));
  const composed = composeServices(services);
  if (composed.errors) throw composed.errors[0];
  const file = path.join(dir, 'supergraph.graphql');
  await writeFile(file, composed.supergraphSdl as string);
  const gateway = await begin<{ port: number }>('contender.ts', ['ours', file], ['--expose-gc', '--max-semi-space-size=64']);
  const pool = new Pool(`http://127.0.0.1:${gateway.first.port}`, { connections: CONNECTIONS });
  const rows: Record<string, number>[] = [];
  const startedAt = Date.now();
  for (let sample = 1; sample <= SAMPLES; sample += 1) {
    const before = await ask(gateway.child);
    await send(pool, Math.ceil(REQUESTS / SAMPLES));
    const { cpu, rss, heapUsed } = await ask(gateway.child);
    const cpuMs = (cpu.user + cpu.system - before.cpu.user - before.cpu.system) / 1_000 / Math.ceil(REQUESTS / SAMPLES);
    const mib = (bytes: number) => Math.round((bytes / 1_048_576) * 10) / 10;
    rows.push({ requests: sample * Math.ceil(REQUESTS / SAMPLES), 'heap MiB': mib(heapUsed), 'RSS MiB': mib(rss), 'CPU ms': Math.round(cpuMs * 100) / 100 });
  }
  await pool.close();
  console.log(`${REQUESTS} requests over ${DOCUMENTS} documents, ${Math.round((Date.now() - startedAt) / 1_000)} s, Node ${process.versions.node}`);
  console.table(rows);
  const heap = (from: number, to: number) => Math.max(...rows.slice((SAMPLES / 4) * from, (SAMPLES / 4) * to).map((row) => row['heap MiB'] ?? 0));
  const isFlat = heap(3, 4) <= heap(1, 2) * FLAT;
  console.log(`Heap: at most ${heap(1, 2)} MiB in the second quarter, ${heap(3, 4)} MiB in the last: ${isFlat ? 'flat' : 'it grows'}.`);
  process.exitCode = isFlat ? 0 : 1;
} finally {
  for (const child of children) child.kill('SIGKILL');
  await rm(dir, { recursive: true, force: true });
}
