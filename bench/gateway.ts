import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { composeServices } from '@apollo/composition';
import { parse } from 'graphql';
import { leanClient } from '../gateway/leanClient.js';
import { OPERATIONS, SDL } from './federation/subgraphs.js';

// Our gateway against others over the same four subgraphs (EN-04, EN-05): `npm run bench gateway`. Those other than Apollo's own are installed into
// bench/gateway, a package apart. No request of one client is shared with another's, but in the row that says so. Rounds are interleaved, because a
// machine is not the same from minute to minute; medians over the rounds are shown, and the spread. Answers are compared as JSON before and after.
// BENCH_SECONDS, BENCH_ROUNDS, BENCH_CONNECTIONS, ONLY=ours,plain, OPERATION=big, PIN=0 (leave the gateway on all cores).

const SECONDS = Number(process.env.BENCH_SECONDS ?? 6);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 4);
const CONNECTIONS = Number(process.env.BENCH_CONNECTIONS ?? 50);
const KINDS = ['plain', 'hive-jit', 'hive-rust', 'mercurius-jit', 'ours', 'ours-product', 'ours-sharing'];
const only = process.env.ONLY?.split(',') ?? KINDS;

interface Round {
  perSecond: number;
  p50: number;
  p95: number;
  p99: number;
  cpuMs: number;
  fetches: number;
}

interface Contender {
  kind: string;
  port: number;
  child: ChildProcess;
}

const here = path.dirname(fileURLToPath(import.meta.url));
const children: ChildProcess[] = [];
const isPinned = process.env.PIN !== '0' && process.platform === 'linux' && availableParallelism() > 1;
const SWC = ['--import', '@swc-node/register/esm-register'];

/** Puts a process, and all that it starts from now on, on one core: the gateway on one, what burdens it on another. */
function pin(pid: number | undefined, core: number): void {
  if (isPinned && pid !== undefined) execFileSync('taskset', ['-a', '-p', '-c', String(core), String(pid)], { stdio: 'ignore' });
}

async function begin<T>(file: string, args: string[], core: number): Promise<{ child: ChildProcess; first: T }> {
  const execArgv = ['--max-semi-space-size=64', ...(file.endsWith('.ts') ? SWC : [])];
  const child = fork(path.join(here, file), args, { execArgv, env: { ...process.env, NODE_ENV: 'production' }, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  children.push(child);
  pin(child.pid, core);
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`${file} ${args[0] ?? ''} ended with ${code}`);
  });
  exited.catch(() => {});
  const [first] = (await Promise.race([once(child, 'message'), exited])) as [T];
  return { child, first };
}

async function ask<T>(child: ChildProcess): Promise<T> {
  child.send('?');
  const [answer] = (await once(child, 'message')) as [T];
  return answer;
}

/** Keeps all connections busy for a while. By our lean client: load that costs more than the fastest of those it measures would measure itself. */
async function burden(port: number, query: string): Promise<number[]> {
  const client = leanClient({ origin: new URL(`http://127.0.0.1:${port}`), maxSockets: CONNECTIONS, connectTimeoutMs: 5_000, maxAnswerBytes: 1e7 });
  const headers = { 'content-type': 'application/json', accept: 'application/json' };
  const request = { path: '/graphql', headers, body: JSON.stringify({ query }), signal: undefined, timeoutMs: 30_000, onLate: () => new Error('no answer') };
  const latencies: number[] = [];
  const until = performance.now() + SECONDS * 1_000;
  const connection = async () => {
    for (let begin = performance.now(); begin < until; begin = performance.now()) {
      const { statusCode, text } = await client.post(request);
      // An answer that says that something failed is quickly given, and no throughput. Where there are errors they may stand first or last.
      if (statusCode !== 200 || /"errors":\s*\[/.test(text.slice(0, 200) + text.slice(-200))) throw new Error(`A request failed: ${text.slice(0, 200)}`);
      latencies.push(performance.now() - begin);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection)).finally(() => client.close());
  return latencies.sort((a, b) => a - b);
}

async function measure({ port, child }: Contender, subgraphs: ChildProcess, query: string): Promise<Round> {
  const before = await ask<{ cpu: NodeJS.CpuUsage }>(child);
  const fetchesBefore = await ask<{ counted: number }>(subgraphs);
  const began = performance.now();
  const latencies = await burden(port, query);
  const seconds = (performance.now() - began) / 1_000;
  const after = await ask<{ cpu: NodeJS.CpuUsage }>(child);
  const fetchesAfter = await ask<{ counted: number }>(subgraphs);
  const total = latencies.length;
  const quantile = (share: number) => latencies[Math.min(total - 1, Math.floor(total * share))] ?? 0;
  return {
    perSecond: total / seconds,
    p50: quantile(0.5),
    p95: quantile(0.95),
    p99: quantile(0.99),
    cpuMs: (after.cpu.user + after.cpu.system - before.cpu.user - before.cpu.system) / 1_000 / total,
    fetches: (fetchesAfter.counted - fetchesBefore.counted) / total,
  };
}

async function answerOf({ port }: Contender, query: string): Promise<{ data: unknown; bytes: number }> {
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

/** Those that answer as the first of them does, and the size of the answer. @throws Error when it is ours that answers differently */
async function agreeing(contenders: readonly Contender[], operation: string, query: string): Promise<{ contenders: Contender[]; bytes: number }> {
  const answers = await Promise.all(contenders.map((contender) => answerOf(contender, query).catch((error: Error) => error)));
  const first = answers.find((answer) => !(answer instanceof Error));
  if (!first || first instanceof Error) throw new Error(`Nobody answers "${operation}".`);
  const right = contenders.filter(({ kind }, index) => {
    const answer = answers[index];
    const isRight = answer !== undefined && !(answer instanceof Error) && isDeepStrictEqual(answer.data, first.data);
    if (!isRight && kind.startsWith('ours')) throw new Error(`Our answer to "${operation}" differs.`);
    if (!isRight) console.log(`${kind} is left out of "${operation}": ${answer instanceof Error ? answer.message.slice(0, 160) : 'its answer differs'}`);
    return isRight;
  });
  return { contenders: right, bytes: first.bytes };
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

async function startContender(kind: string, file: string, urls: Record<string, string>): Promise<Contender | null> {
  const isOther = !kind.startsWith('ours') && kind !== 'plain';
  if (isOther && !existsSync(path.join(here, 'gateway', 'node_modules'))) {
    console.log(`${kind} is left out: bench/gateway is not installed`);
    return null;
  }
  const program = isOther ? `gateway/${kind.split('-')[0]}.mjs` : 'federation/contender.ts';
  try {
    const { child, first } = await begin<{ port: number }>(program, [kind, file, JSON.stringify(urls)], 0);
    return { kind, port: first.port, child };
  } catch (error) {
    console.log(`${kind} is left out: ${(error as Error).message}`);
    return null;
  }
}

async function rowsOf(all: readonly Contender[], subgraphs: ChildProcess, operation: string, query: string): Promise<Record<string, unknown>[]> {
  const { contenders, bytes } = await agreeing(all, operation, query);
  const rounds = new Map<string, Round[]>(contenders.map(({ kind }) => [kind, []]));
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const contender of contenders) {
      const result = await measure(contender, subgraphs, query);
      // The first round is for the compiler.
      if (round > 0) rounds.get(contender.kind)?.push(result);
    }
  }
  const after = await agreeing(contenders, operation, query);
  if (after.contenders.length < contenders.length) throw new Error('Under load an answer became another.');
  const rate = (kind: string) => median((rounds.get(kind) ?? []).map(({ perSecond }) => perSecond));
  return Promise.all(
    contenders.map(async ({ kind, child }) => {
      const results = rounds.get(kind) ?? [];
      const of = (read: (round: Round) => number, digits = 0) => Number(median(results.map(read)).toFixed(digits));
      const rates = results.map(({ perSecond }) => perSecond);
      return {
        operation: `${operation} (${Math.round(bytes / 1_000)} kB)`,
        gateway: kind,
        'per second': of(({ perSecond }) => perSecond),
        spread: `${Math.round(Math.min(...rates))}–${Math.round(Math.max(...rates))}`,
        '× plain': rate('plain') > 0 ? Number((rate(kind) / rate('plain')).toFixed(2)) : '',
        'CPU ms': of(({ cpuMs }) => cpuMs, 2),
        'p50 ms': of(({ p50 }) => p50),
        'p95 ms': of(({ p95 }) => p95),
        'p99 ms': of(({ p99 }) => p99),
        fetches: of(({ fetches }) => fetches, 1),
        'RSS MiB': Math.round((await ask<{ rss: number }>(child)).rss / 1_048_576),
      };
    }),
  );
}

const dir = await mkdtemp(path.join(tmpdir(), 'waygraph-bench-'));
try {
  const { child: subgraphs, first } = await begin<{ ports: Record<string, number> }>('federation/subgraphs.ts', [], 1);
  pin(process.pid, 1);
  const urls = Object.fromEntries(Object.entries(first.ports).map(([name, port]) => [name, `http://127.0.0.1:${port}/graphql`]));
  const composed = composeServices(Object.entries(SDL).map(([name, sdl]) => ({ name, url: urls[name] as string, typeDefs: parse(sdl) })));
  if (composed.errors) throw composed.errors[0];
  const file = path.join(dir, 'supergraph.graphql');
  await writeFile(file, composed.supergraphSdl as string);
  const contenders: Contender[] = [];
  for (const kind of KINDS.filter((name) => only.includes(name))) {
    const contender = await startContender(kind, file, urls);
    if (contender) contenders.push(contender);
  }
  const rows: Record<string, unknown>[] = [];
  for (const [operation, query] of Object.entries(OPERATIONS)) {
    if (!process.env.OPERATION || process.env.OPERATION === operation) rows.push(...(await rowsOf(contenders, subgraphs, operation, query)));
  }
  console.log(
    `${CONNECTIONS} connections, ${ROUNDS} rounds of ${SECONDS} s, Node ${process.versions.node}; ${isPinned ? 'gateway on one core, load and subgraphs on another' : 'all share the machine'}.`,
  );
  console.table(rows);
} finally {
  for (const child of children) child.kill('SIGKILL');
  await rm(dir, { recursive: true, force: true });
}
