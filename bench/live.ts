import { type ChildProcess, spawn } from 'node:child_process';
import { WebSocket } from 'ws';
import { signInternalToken, systemActor } from '../platform/actor.js';
import { clockMs } from './live/graph.js';

// Live delivery: what it costs the gateway to bring one position to one watcher, and to keep a watcher who hears nothing. Gateway, subgraphs and watchers
// are processes of their own; the CPU time is the gateway's alone. `npm run bench live`. Smaller: LIVE_SECONDS=2 LIVE_WATCHERS=500 npm run bench live

const SECONDS = Number(process.env.LIVE_SECONDS ?? 10);
/** Each is a socket here and one in the gateway: `ulimit -n` has to allow more than that. */
const IDLE_WATCHERS = Number(process.env.LIVE_WATCHERS ?? 10_000);
const EVENTS_PER_SECOND = 200;
const SECRET = 'only for this benchmark, and gone after it';

const SHARED = 'subscription($trip: ID!) { tripUpdates(tripId: $trip) { sequence kind sentAt lat lng trip { id status car { make plate } } } }';
const PERSONAL = 'subscription($trip: ID!) { tripUpdates(tripId: $trip) { sequence kind sentAt lat lng trip { id status car { make plate } noteForYou } } }';

interface Process {
  child: ChildProcess;
  ports: number[];
}

async function start(file: string, env: NodeJS.ProcessEnv): Promise<Process> {
  const args = ['--max-semi-space-size=64', '--import', '@swc-node/register/esm-register', `bench/live/${file}`];
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env.PATH, INTERNAL_SECRET: SECRET, ...env },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ports = await new Promise<number[]>((resolve, reject) => {
    child.once('message', (message) => resolve((message as { ports: number[] }).ports));
    child.once('exit', (code) => reject(new Error(`${file} ended with ${code}`)));
  });
  return { child, ports };
}

const subgraphs = await start('subgraphs.ts', {});
const gateway = await start('gateway.ts', { PORT: '0', RATE_LIMITS: 'off', LOG_LEVEL: 'error', SUBGRAPH_PORTS: JSON.stringify(subgraphs.ports) });
const address = `localhost:${gateway.ports[0]}`;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Seconds of CPU and bytes of memory that the gateway has used. */
async function gatewayUse(): Promise<{ cpuS: number; bytes: number; upstreams: number }> {
  const text = await (await fetch(`http://${address}/metrics`)).text();
  const read = (name: string) => Number(new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  return { cpuS: read('process_cpu_seconds_total'), bytes: read('process_resident_memory_bytes'), upstreams: read('waygraph_upstream_subscriptions') };
}

interface Watcher {
  socket: WebSocket;
  latencies: number[];
}

/** One watcher on a socket of its own, as the protocol is written: a client library would cost more here than what is measured there. */
async function watch(trip: string, person: string, query: string): Promise<Watcher> {
  const socket = new WebSocket(`ws://${address}/graphql`, 'graphql-transport-ws', { perMessageDeflate: false });
  const latencies: number[] = [];
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('close', (code) => reject(new Error(`the gateway closed the socket: ${code}`)));
    socket.once('open', () => {
      const authorization = `Internal ${signInternalToken(systemActor(person), SECRET, new Date())}`;
      socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization } }));
      socket.send(JSON.stringify({ type: 'ping' }));
    });
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as { type: string; payload?: { errors?: unknown; data: { tripUpdates: { kind: string; sentAt: number } } } };
      if (message.type === 'connection_ack') socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query, variables: { trip } } }));
      if (message.type === 'ping') socket.send(JSON.stringify({ type: 'pong' }));
      if (message.type === 'error' || message.payload?.errors) return reject(new Error(JSON.stringify(message.payload)));
      if (message.type !== 'next') return;
      const { kind, sentAt } = message.payload?.data.tripUpdates ?? { kind: '', sentAt: 0 };
      if (kind === 'SNAPSHOT') resolve();
      else latencies.push(clockMs() - sentAt);
    });
  });
  return { socket, latencies };
}

async function watchAll(wanted: readonly (readonly [trip: string, person: string])[], query: string): Promise<Watcher[]> {
  const watchers: Watcher[] = [];
  // The first of each trip begins what the others join.
  for (let from = 0; from < wanted.length; from += 100) {
    watchers.push(...(await Promise.all(wanted.slice(from, from + 100).map(([trip, person]) => watch(trip, person, query)))));
  }
  return watchers;
}

async function leave(watchers: readonly Watcher[]): Promise<void> {
  for (const { socket } of watchers) socket.terminate();
  while ((await gatewayUse()).upstreams > 0) await pause(50);
}

/** Moves the cars of these trips in turn, so many times a second in all. */
async function drive(trips: readonly string[], perSecond: number, seconds: number): Promise<number> {
  const startedAt = clockMs();
  let sent = 0;
  while (clockMs() - startedAt < seconds * 1_000) {
    const due = Math.floor(((clockMs() - startedAt) / 1_000) * perSecond);
    for (; sent < due; sent += 1) subgraphs.child.send({ move: trips[sent % trips.length] });
    await pause(5);
  }
  await pause(500);
  return sent;
}

interface Row {
  what: string;
  upstreams: number;
  events: number;
  deliveries: number;
  'ms CPU per delivery': number;
  'p50 ms': number;
  'p99 ms': number;
  'target ms CPU': number;
}

const rounded = (value: number, digits: number) => Number(value.toFixed(digits));

async function measure(
  what: string,
  options: { trips: number; people: number; watchers: number; query: string; perSecond: number; target: number },
): Promise<Row> {
  const trips = Array.from({ length: options.trips }, (_, trip) => `${what} ${trip}`);
  const wanted = trips.flatMap((trip) => Array.from({ length: options.watchers }, (_, watcher) => [trip, `person${watcher % options.people}`] as const));
  const watchers = await watchAll(wanted, options.query);
  // Whoever joined last goes over to the shared upstream with its next event; and what runs often is compiled by then.
  await drive(trips, options.perSecond, Math.min(3, SECONDS));
  for (const watcher of watchers) watcher.latencies.length = 0;
  const before = await gatewayUse();
  const events = await drive(trips, options.perSecond, SECONDS);
  const after = await gatewayUse();
  const latencies = watchers.flatMap((watcher) => watcher.latencies).sort((a, b) => a - b);
  await leave(watchers);
  const at = (share: number) => rounded(latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? Number.NaN, 1);
  return {
    what,
    upstreams: before.upstreams,
    events,
    deliveries: latencies.length,
    'ms CPU per delivery': rounded(((after.cpuS - before.cpuS) * 1_000) / latencies.length, 4),
    'p50 ms': at(0.5),
    'p99 ms': at(0.99),
    'target ms CPU': options.target,
  };
}

/** Watchers of parked cars, while others drive past: what a watcher costs who hears nothing. */
async function measureIdle(): Promise<Record<string, string | number>> {
  const before = await gatewayUse();
  const parked = Array.from({ length: IDLE_WATCHERS }, (_, watcher) => [`parked ${Math.floor(watcher / 10)}`, `person${watcher % 10}`] as const);
  const idle = await watchAll(parked, SHARED);
  const trips = Array.from({ length: 20 }, (_, trip) => `driven ${trip}`);
  const awake = await watchAll(
    trips.map((trip) => [trip, 'person0'] as const),
    SHARED,
  );
  const during = await gatewayUse();
  const events = await drive(trips, EVENTS_PER_SECOND, SECONDS);
  const after = await gatewayUse();
  const latencies = awake.flatMap((watcher) => watcher.latencies).sort((a, b) => a - b);
  await leave([...idle, ...awake]);
  return {
    what: `${IDLE_WATCHERS} idle watchers, ${EVENTS_PER_SECOND} events/s to others`,
    upstreams: during.upstreams,
    events,
    'gateway MiB': Math.round(after.bytes / 2 ** 20),
    'KiB per watcher': rounded((after.bytes - before.bytes) / 1_024 / IDLE_WATCHERS, 1),
    'CPU %': Math.round(((after.cpuS - during.cpuS) / (SECONDS + 0.5)) * 100),
    'p50 ms': rounded(latencies[Math.floor(latencies.length / 2)] ?? Number.NaN, 1),
    'p99 ms': rounded(latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN, 1),
    'target MiB': 1_024,
  };
}

try {
  const rows = [
    await measure('1 trip x 400 watchers, one person', { trips: 1, people: 1, watchers: 400, query: SHARED, perSecond: 20, target: 0.02 }),
    await measure('1 trip x 400 watchers, 400 people', { trips: 1, people: 400, watchers: 400, query: SHARED, perSecond: 20, target: 0.02 }),
    await measure('40 trips x 10 people', { trips: 40, people: 10, watchers: 10, query: SHARED, perSecond: EVENTS_PER_SECOND, target: 0.15 }),
    await measure('40 trips x 10 people, answers differ', { trips: 40, people: 10, watchers: 10, query: PERSONAL, perSecond: 50, target: 0.15 }),
  ];
  console.log(`${SECONDS} s each, Node ${process.versions.node}`);
  console.table(rows);
  console.table([await measureIdle()]);
} finally {
  gateway.child.disconnect();
  subgraphs.child.disconnect();
}
