import { type ChildProcess, spawn } from 'node:child_process';
import { WebSocket } from 'ws';
import { signInternalToken, systemActor } from '../platform/actor.js';
import { clockMs } from './live/graph.js';

// Live delivery: what it costs the gateway to bring one position to one watcher, and to keep a watcher who hears nothing. Gateway, subgraphs and watchers
// are processes of their own; the CPU time is the gateway's alone. Most of a shared delivery is the kernel's work for one write to one socket, which differs
// by machine and by hour: so rounds of the gateway take turns with a bare server of `ws` that sends the same text to as many sockets and does nothing else.
// `npm run bench live`. Smaller: LIVE_SECONDS=2 LIVE_ROUNDS=1 LIVE_WATCHERS=500 npm run bench live

const SECONDS = Number(process.env.LIVE_SECONDS ?? 10);
const ROUNDS = Number(process.env.LIVE_ROUNDS ?? 3);
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
const bare = await start('bareServer.ts', {});
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Whom watchers ask, and the process that moves the cars they watch. */
interface Server {
  address: string;
  mover: ChildProcess;
}
const GATEWAY: Server = { address: `localhost:${gateway.ports[0]}`, mover: subgraphs.child };
const BARE: Server = { address: `localhost:${bare.ports[0]}`, mover: bare.child };

/** Seconds of CPU and bytes of memory that a server has used. */
async function useOf({ address }: Server): Promise<{ cpuS: number; bytes: number; upstreams: number }> {
  const text = await (await fetch(`http://${address}/metrics`)).text();
  const read = (name: string) => Number(new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  return { cpuS: read('process_cpu_seconds_total'), bytes: read('process_resident_memory_bytes'), upstreams: read('waygraph_upstream_subscriptions') };
}

interface Watcher {
  socket: WebSocket;
  latencies: number[];
}

/** One watcher on a socket of its own, as the protocol is written: a client library would cost more here than what is measured there. */
async function watch(server: Server, trip: string, person: string, query: string): Promise<Watcher> {
  const socket = new WebSocket(`ws://${server.address}/graphql`, 'graphql-transport-ws', { perMessageDeflate: false });
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

async function watchAll(server: Server, wanted: readonly (readonly [trip: string, person: string])[], query: string): Promise<Watcher[]> {
  const watchers: Watcher[] = [];
  // The first of each trip begins what the others join.
  for (let from = 0; from < wanted.length; from += 100) {
    watchers.push(...(await Promise.all(wanted.slice(from, from + 100).map(([trip, person]) => watch(server, trip, person, query)))));
  }
  return watchers;
}

async function leave(server: Server, watchers: readonly Watcher[]): Promise<void> {
  for (const { socket } of watchers) socket.terminate();
  while ((await useOf(server)).upstreams > 0) await pause(50);
}

/** Moves the cars of these trips in turn, so many times a second in all. */
async function drive({ mover }: Server, trips: readonly string[], perSecond: number, seconds: number): Promise<number> {
  const startedAt = clockMs();
  let sent = 0;
  while (clockMs() - startedAt < seconds * 1_000) {
    const due = Math.floor(((clockMs() - startedAt) / 1_000) * perSecond);
    for (; sent < due; sent += 1) mover.send({ move: trips[sent % trips.length] });
    await pause(5);
  }
  await pause(500);
  return sent;
}

interface Load {
  what: string;
  server: Server;
  trips: number;
  people: number;
  watchers: number;
  query: string;
  perSecond: number;
  /** Milliseconds of CPU per delivery that are the goal. */
  goal?: number;
}

interface Measured {
  upstreams: number;
  events: number;
  cpuMs: number;
  latencies: number[];
}

const rounded = (value: number, digits: number) => Number(value.toFixed(digits));

async function measure({ what, server, query, perSecond, ...load }: Load): Promise<Measured> {
  const trips = Array.from({ length: load.trips }, (_, trip) => `${what} ${trip}`);
  const wanted = trips.flatMap((trip) => Array.from({ length: load.watchers }, (_, watcher) => [trip, `person${watcher % load.people}`] as const));
  const watchers = await watchAll(server, wanted, query);
  // Whoever joined last goes over to the shared upstream with its next event; and what runs often is compiled by then.
  await drive(server, trips, perSecond, Math.min(3, SECONDS));
  for (const watcher of watchers) watcher.latencies.length = 0;
  const before = await useOf(server);
  const events = await drive(server, trips, perSecond, SECONDS);
  const after = await useOf(server);
  await leave(server, watchers);
  return { upstreams: before.upstreams, events, cpuMs: (after.cpuS - before.cpuS) * 1_000, latencies: watchers.flatMap((watcher) => watcher.latencies) };
}

/** Measures each load once a round, in turn, and gives each one's median over the rounds. The first round is not counted: its server is fresh, its code cold. */
async function measureInTurn(loads: readonly Load[], rounds: number): Promise<Record<string, string | number>[]> {
  const measured = loads.map((): Measured[] => []);
  for (let round = 0; round <= rounds; round += 1) {
    for (const [index, load] of loads.entries()) {
      const result = await measure(load);
      if (round > 0) measured[index]?.push(result);
    }
  }
  return loads.map(({ what, goal }, index) => {
    const ofLoad = measured[index] ?? [];
    const costs = ofLoad.map(({ cpuMs, latencies }) => cpuMs / latencies.length).sort((a, b) => a - b);
    const latencies = ofLoad.flatMap((each) => each.latencies).sort((a, b) => a - b);
    const at = (share: number) => rounded(latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? Number.NaN, 1);
    return {
      what,
      upstreams: ofLoad[0]?.upstreams ?? 0,
      deliveries: latencies.length,
      'ms CPU per delivery': rounded(costs[Math.floor(costs.length / 2)] ?? Number.NaN, 4),
      'from, to': `${costs[0]?.toFixed(4)}, ${costs.at(-1)?.toFixed(4)}`,
      goal: goal ?? '',
      'p50 ms': at(0.5),
      'p99 ms': at(0.99),
    };
  });
}

/** Watchers of parked cars, while others drive past: what a watcher costs who hears nothing. */
async function measureIdle(): Promise<Record<string, string | number>> {
  const before = await useOf(GATEWAY);
  const parked = Array.from({ length: IDLE_WATCHERS }, (_, watcher) => [`parked ${Math.floor(watcher / 10)}`, `person${watcher % 10}`] as const);
  const idle = await watchAll(GATEWAY, parked, SHARED);
  const trips = Array.from({ length: 20 }, (_, trip) => `driven ${trip}`);
  const awake = await watchAll(
    GATEWAY,
    trips.map((trip) => [trip, 'person0'] as const),
    SHARED,
  );
  const during = await useOf(GATEWAY);
  const events = await drive(GATEWAY, trips, EVENTS_PER_SECOND, SECONDS);
  const after = await useOf(GATEWAY);
  const latencies = awake.flatMap((watcher) => watcher.latencies).sort((a, b) => a - b);
  await leave(GATEWAY, [...idle, ...awake]);
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

const oneTrip = { trips: 1, watchers: 400, query: SHARED, perSecond: 20 };
const manyTrips = { server: GATEWAY, trips: 40, people: 10, watchers: 10, goal: 0.15 };

try {
  console.log(`${ROUNDS} rounds of ${SECONDS} s each, medians, Node ${process.versions.node}`);
  console.table(
    await measureInTurn(
      [
        { ...oneTrip, what: '1 trip x 400 watchers, one person', server: GATEWAY, people: 1, goal: 0.02 },
        { ...oneTrip, what: '1 trip x 400 watchers, 400 people', server: GATEWAY, people: 400, goal: 0.02 },
        { ...oneTrip, what: 'the same text from a bare server of ws', server: BARE, people: 1 },
      ],
      ROUNDS,
    ),
  );
  console.table(
    await measureInTurn(
      [
        { ...manyTrips, what: '40 trips x 10 people', query: SHARED, perSecond: EVENTS_PER_SECOND },
        { ...manyTrips, what: '40 trips x 10 people, answers differ', query: PERSONAL, perSecond: 50 },
      ],
      1,
    ),
  );
  console.table([await measureIdle()]);
} finally {
  for (const { child } of [gateway, subgraphs, bare]) child.disconnect();
}
