import { fork, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { ConfigError } from './config.js';
import { packageRoot } from './packageRoot.js';

/** A large append-only file takes a while to load. */
const START_TIMEOUT_MS = 60_000;
const CONNECT_TIMEOUT_MS = 2_000;
/** The server notices within milliseconds that a killed owner is gone; a name held for longer belongs to a living one. */
const OWNER_PATIENCE_MS = 1_500;
/** The name of the connection of whoever owns a server; it goes with the process. */
const OWNER = 'waygraph-owner';
const PORT_FILE = 'port';
/** Below the ports that systems lend to outgoing connections, which come and go. */
const FIRST_PORT = 20_000;
const PORT_SPREAD = 10_000;
const PORT_ATTEMPTS = 8;
const LAST_WORDS_LENGTH = 4_000;
const STOP_STEPS = [
  { signal: 'SIGTERM', graceMs: 8_000 },
  { signal: 'SIGKILL', graceMs: 2_000 },
] as const;

export interface EmbeddedRedis {
  url: string;
  /** `native` keeps its data in the data directory; `memory` forgets everything when it stops, and is slow: for trying out, never for measuring. */
  mode: 'native' | 'memory';
  port: number;
  /** Resolves when no process is left. Open connections are cut, so stop their users first. */
  stop(): Promise<void>;
}

/** A server that we own: the connection says so to others, as long as it is open. */
type Owned = { pid: number; connection: Redis };

/**
 * A Redis for a machine that runs none: `redis-server` or `valkey-server` when it is on the PATH, else a stand-in in memory. Loopback only. A
 * native server that a killed Waygraph left behind is adopted, and then stopped with us.
 * @throws ConfigError when the directory belongs to a running Waygraph, or `port` to another program
 */
export async function startEmbeddedRedis(options: { dataDir: string; allowNative?: boolean; port?: number }): Promise<EmbeddedRedis> {
  const { dataDir, allowNative = true, port } = options;
  const binary = allowNative && findOnPath(['redis-server', 'valkey-server']);
  return binary ? startNative(binary, dataDir, port) : startInMemory(port ?? 0);
}

function findOnPath(names: readonly string[]): string | undefined {
  const directories = (process.env.PATH ?? '').split(path.delimiter).filter(Boolean);
  return names.flatMap((name) => directories.map((directory) => path.join(directory, name))).find((file) => existsSync(file));
}

/**
 * Two servers that append to one file would ruin it, and Redis does not lock its directory. The port does it: all starts of a directory try the
 * same ports in the same order, and Redis takes its port before it opens its files, so the second one finds the first. A port that the caller
 * chose is written down before its server starts, for those who come later.
 */
async function startNative(binary: string, dataDir: string, chosenPort: number | undefined): Promise<EmbeddedRedis> {
  await mkdir(dataDir, { recursive: true });
  const directory = await realpath(dataDir);
  const portFile = path.join(directory, PORT_FILE);
  const usual = portsOf(directory);
  const lastPort = Number(await readFile(portFile, 'utf8').catch(() => '')) || usual[0]!;
  for (const port of new Set([lastPort, ...usual])) {
    const leftOver = await takeOwnership(port, directory);
    if (leftOver) return running(port, leftOver);
  }
  for (const port of chosenPort === undefined ? usual : [chosenPort]) {
    await writeFile(portFile, String(port));
    const launched = await launch(binary, directory, port);
    if (launched) return running(port, launched);
    const rival = await takeOwnership(port, directory);
    if (rival) return running(port, rival);
  }
  throw new ConfigError(`Redis found no free port (tried ${chosenPort ?? usual.join(', ')}). Stop what is there, or set REDIS_URL.`);
}

function portsOf(directory: string): number[] {
  const digest = createHash('sha256').update(directory).digest();
  return Array.from({ length: PORT_ATTEMPTS }, (_, n) => FIRST_PORT + (digest.readUInt16BE(2 * n) % PORT_SPREAD));
}

/**
 * Makes us the owner of the server on this port; null when there is none, or not one of this directory.
 * @throws ConfigError when a living process owns it
 */
async function takeOwnership(port: number, directory: string): Promise<Owned | null> {
  const connection = new Redis({
    host: '127.0.0.1',
    port,
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: CONNECT_TIMEOUT_MS,
    connectionName: OWNER,
    // A server that still loads its file is ours as well.
    enableReadyCheck: false,
    retryStrategy: () => null,
  });
  connection.on('error', () => {});
  const isOnlyOwner = async () => String(await connection.client('LIST')).split(` name=${OWNER} `).length === 2;
  let mine = false;
  try {
    await connection.connect();
    const [, servedDirectory] = (await connection.config('GET', 'dir')) as string[];
    if (servedDirectory !== directory) return null;
    mine = await waitUntil(isOnlyOwner, OWNER_PATIENCE_MS);
    const pid = Number(/^process_id:(\d+)/m.exec(await connection.info('server'))?.[1]);
    if (mine) return { pid, connection };
  } catch {
    return null;
  } finally {
    if (!mine) connection.disconnect();
  }
  throw new ConfigError(`Another Waygraph is running on ${directory}. Stop it first, or set DATA_DIR to another directory.`);
}

/** Starts a server and waits until it serves; null when the port is taken. @throws Error with its last words when it gives up for another reason */
async function launch(binary: string, directory: string, port: number): Promise<Owned | null> {
  const durable = ['--appendonly', 'yes', '--save', '', '--maxmemory-policy', 'noeviction'];
  const place = ['--bind', '127.0.0.1', '--port', String(port), '--dir', directory];
  const child = spawn(binary, [...place, ...durable, '--daemonize', 'no', '--loglevel', 'warning'], {
    // A group of its own: a terminal's Ctrl-C must reach us alone, who finish our work before the server goes.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let lastWords = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      lastWords = (lastWords + text).slice(-LAST_WORDS_LENGTH);
    });
  }
  let ended = false;
  child.once('close', () => {
    ended = true;
  });
  child.once('error', (error) => {
    lastWords += error.message;
    ended = true;
  });
  let owned = null as Owned | null;
  let loaded = false;
  const isServing = async () => {
    owned ??= await takeOwnership(port, directory);
    loaded = owned !== null && (await isLoaded(owned.connection));
    return loaded;
  };
  await waitUntil(async () => (await isServing()) || ended, START_TIMEOUT_MS);
  if (owned && loaded) return owned;
  owned?.connection.disconnect();
  if (!ended && child.pid) await endProcess(child.pid, STOP_STEPS);
  if (/Address already in use/.test(lastWords)) return null;
  throw new Error(`The embedded Redis in ${directory} did not start:\n${lastWords}`);
}

async function isLoaded(connection: Redis): Promise<boolean> {
  // A server that dies over its file takes the connection with it; its last words say why.
  return /^loading:0/m.test(await connection.info('persistence').catch(() => ''));
}

function running(port: number, { pid, connection }: Owned): EmbeddedRedis {
  return handle({ mode: 'native', port, pid, afterwards: () => connection.disconnect() });
}

/** Memory only. Its process ends with ours by itself, so there is nothing to adopt and nothing to own. */
async function startInMemory(port: number): Promise<EmbeddedRedis> {
  const extension = path.extname(import.meta.url);
  const child = fork(fileURLToPath(new URL(`./embeddedRedisChild${extension}`, import.meta.url)), [String(port)], {
    // From the sources, as in tests, Node needs the compiler that development uses; Node looks for it, and it for tsconfig.json, from `cwd`.
    execArgv: extension === '.ts' ? ['--import', '@swc-node/register/esm-register'] : [],
    cwd: packageRoot,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let lastWords = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    lastWords = (lastWords + text).slice(-LAST_WORDS_LENGTH);
  });
  const listening = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve((message as { port: number }).port));
    child.once('error', reject);
    child.once('close', () => reject(new Error(`The in-memory Redis did not start:\n${lastWords}`)));
  });
  return handle({ mode: 'memory', port: listening, pid: child.pid!, afterwards: () => {} });
}

function handle(server: { mode: EmbeddedRedis['mode']; port: number; pid: number; afterwards: () => void }): EmbeddedRedis {
  const { mode, port, pid, afterwards } = server;
  endWithUs(pid, 'SIGTERM');
  const shutDown = async () => {
    await endProcess(pid, STOP_STEPS);
    afterwards();
  };
  let stopping: Promise<void> | undefined;
  return {
    url: `redis://127.0.0.1:${port}`,
    mode,
    port,
    stop: () => {
      stopping ??= shutDown();
      return stopping;
    },
  };
}

/** A port of the loopback interface that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => probe.once('error', reject).listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (!address || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/**
 * Whether a process is still there. A zombie is not: in a container there may be nobody to collect it. Where the first thread is one, others may
 * still be on their way out, and keep ports and files open.
 */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ') || readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    // Not a Linux, or gone in this moment: the next look will tell.
    return true;
  }
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

const endingWithUs = new Map<number, NodeJS.Signals>();
const FATAL_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * For an end that passes stop() by: an uncaught error, process.exit, or a signal that nobody here listens for. The server is told in the last
 * moment; only kill -9 leaves it running.
 */
export function endWithUs(pid: number, signal: NodeJS.Signals): void {
  if (endingWithUs.size === 0) {
    process.on('exit', signalAll);
    for (const fatal of FATAL_SIGNALS) process.on(fatal, endUnlessHandled);
  }
  endingWithUs.set(pid, signal);
}

function signalAll(): void {
  for (const [pid, signal] of endingWithUs) signalProcess(pid, signal);
}

/** With a listener, Node does not end at a signal by itself any more; whoever else listens has other plans. */
function endUnlessHandled(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  signalAll();
  process.off(signal, endUnlessHandled);
  process.kill(process.pid, signal);
}

/** Sends one signal after the other until the process is gone. @throws Error when it outlives them all */
export async function endProcess(pid: number, steps: readonly { signal: NodeJS.Signals; graceMs: number }[]): Promise<void> {
  for (const { signal, graceMs } of steps) {
    signalProcess(pid, signal);
    if (await waitUntil(() => !isRunning(pid), graceMs)) return forget(pid);
  }
  throw new Error(`Process ${pid} does not stop.`);
}

function forget(pid: number): void {
  if (!endingWithUs.delete(pid) || endingWithUs.size > 0) return;
  process.off('exit', signalAll);
  for (const fatal of FATAL_SIGNALS) process.off(fatal, endUnlessHandled);
}

/** Asks every few milliseconds, at least once. False when `condition` did not come true in time. */
export async function waitUntil(condition: () => boolean | Promise<boolean>, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    if (await condition()) return true;
    if (Date.now() >= deadline) return false;
    await sleep(20);
  }
}
