import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { composeServices } from '@apollo/composition';
import autocannon from 'autocannon';
import { parse } from 'graphql';
import { SDL } from './gateway/subgraphs.js';

// Our gateway against a plain Apollo gateway over the same four subgraphs (EN-04): `npm run bench gateway`. No request of one client is shared
// with another's. Rounds are interleaved, because a shared machine is not the same from minute to minute; medians over the rounds are shown.

const SECONDS = Number(process.env.BENCH_SECONDS ?? 6);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const CONNECTIONS = 50;
const PRODUCT = 'inStock name price shippingEstimate upc weight';
const REVIEW = `id body author { id username name reviews { id body product { ${PRODUCT} } } }`;
const OPERATIONS: Record<string, string> = {
  big: `query Big { users { id username name reviews { id body product { ${PRODUCT} reviews { ${REVIEW} } } } }
    topProducts(first: 5) { ${PRODUCT} reviews { ${REVIEW} } } }`,
  small: 'query Small { me { id name reviews { id body product { name inStock } } } }',
};

interface Round {
  perSecond: number;
  p50: number;
  p99: number;
  cpuMs: number;
  fetches: number;
}

const here = path.dirname(fileURLToPath(import.meta.url));
const children: ChildProcess[] = [];

async function begin<T>(file: string, args: string[] = []): Promise<{ child: ChildProcess; first: T }> {
  const child = fork(path.join(here, 'gateway', file), args, { execArgv: ['--max-semi-space-size=64', '--import', '@swc-node/register/esm-register'] });
  children.push(child);
  const [first] = (await once(child, 'message')) as [T];
  return { child, first };
}

async function ask<T>(child: ChildProcess): Promise<T> {
  child.send('?');
  const [answer] = (await once(child, 'message')) as [T];
  return answer;
}

async function measure(port: number, gateway: ChildProcess, subgraphs: ChildProcess, query: string): Promise<Round> {
  const target = {
    url: `http://127.0.0.1:${port}/graphql`,
    method: 'POST' as const,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
    connections: CONNECTIONS,
  };
  const before = await ask<{ cpu: NodeJS.CpuUsage }>(gateway);
  const fetchesBefore = await ask<{ counted: number }>(subgraphs);
  const result = await autocannon({ ...target, duration: SECONDS });
  const after = await ask<{ cpu: NodeJS.CpuUsage }>(gateway);
  const fetchesAfter = await ask<{ counted: number }>(subgraphs);
  const total = result.requests.total;
  if (result.errors + result.non2xx > 0) throw new Error(`${result.errors + result.non2xx} requests failed`);
  return {
    perSecond: result.requests.average,
    p50: result.latency.p50,
    p99: result.latency.p99,
    cpuMs: (after.cpu.user + after.cpu.system - before.cpu.user - before.cpu.system) / 1_000 / total,
    fetches: (fetchesAfter.counted - fetchesBefore.counted) / total,
  };
}

async function answerOf(port: number, query: string): Promise<{ data: unknown; bytes: number }> {
  const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  const text = await response.text();
  const { data, errors } = JSON.parse(text) as { data: unknown; errors?: unknown };
  if (errors) throw new Error(text.slice(0, 500));
  return { data, bytes: text.length };
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

const dir = await mkdtemp(path.join(tmpdir(), 'waygraph-bench-'));
try {
  const { child: subgraphs, first } = await begin<{ ports: Record<string, number> }>('subgraphs.ts');
  const composed = composeServices(
    Object.entries(SDL).map(([name, sdl]) => ({ name, url: `http://127.0.0.1:${first.ports[name]}/graphql`, typeDefs: parse(sdl) })),
  );
  if (composed.errors) throw composed.errors[0];
  const file = path.join(dir, 'supergraph.graphql');
  await writeFile(file, composed.supergraphSdl as string);
  const gateways = new Map<string, { port: number; child: ChildProcess }>();
  for (const kind of ['plain', 'ours']) {
    const { child, first: started } = await begin<{ port: number }>('contender.ts', [kind, file]);
    gateways.set(kind, { port: started.port, child });
  }
  const rows: Record<string, unknown>[] = [];
  for (const [operation, query] of Object.entries(OPERATIONS)) {
    const answers = await Promise.all([...gateways.values()].map(({ port }) => answerOf(port, query)));
    if (!answers.every(({ data }) => isDeepStrictEqual(data, answers[0]?.data))) throw new Error(`The answers to "${operation}" differ.`);
    const rounds = new Map<string, Round[]>([...gateways.keys()].map((kind) => [kind, []]));
    for (let round = 0; round <= ROUNDS; round += 1) {
      for (const [kind, { port, child }] of gateways) {
        const result = await measure(port, child, subgraphs, query);
        // The first round is for the compiler.
        if (round > 0) rounds.get(kind)?.push(result);
      }
    }
    const plain = median((rounds.get('plain') ?? []).map(({ perSecond }) => perSecond));
    for (const [kind, results] of rounds) {
      const of = (read: (round: Round) => number, digits = 0) => Number(median(results.map(read)).toFixed(digits));
      rows.push({
        operation: `${operation} (${Math.round((answers[0]?.bytes ?? 0) / 1024)} KiB)`,
        gateway: kind,
        'per second': of(({ perSecond }) => perSecond),
        '× plain': Number((median(results.map(({ perSecond }) => perSecond)) / plain).toFixed(2)),
        'p50 ms': of(({ p50 }) => p50),
        'p99 ms': of(({ p99 }) => p99),
        'CPU ms': of(({ cpuMs }) => cpuMs, 2),
        fetches: of(({ fetches }) => fetches, 1),
        'RSS MiB': Math.round((await ask<{ rss: number }>(gateways.get(kind)?.child as ChildProcess)).rss / 1_048_576),
      });
    }
  }
  console.log(
    `${CONNECTIONS} connections, ${ROUNDS} rounds of ${SECONDS} s, Node ${process.versions.node}; load and subgraphs share the machine with the gateway.`,
  );
  console.table(rows);
} finally {
  for (const child of children) child.kill();
  await rm(dir, { recursive: true, force: true });
}
