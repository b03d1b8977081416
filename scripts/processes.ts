import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import path from 'node:path';
import { packageRoot } from '../platform/packageRoot.js';

/** All in one process, as on a laptop; or the gateway and each subgraph in its own, as in production. */
export type Layout = 'one' | 'split';

export const SUBGRAPH_NAMES = ['identity', 'fleet', 'booking', 'payments-ledger', 'dispatch', 'inbox'] as const;
/** Gateways beyond the first are numbered from 2. */
export type ProcessName = (typeof SUBGRAPH_NAMES)[number] | 'gateway' | `gateway-${number}`;

const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 35_000;

export interface RunningProcesses {
  url: string;
  port: number;
  /** Stops one abruptly, as a crash would. */
  kill(name: ProcessName): Promise<void>;
  /** Starts one again that was killed, at the same address. */
  revive(name: ProcessName): Promise<void>;
  /** Starts one more gateway over the same subgraphs (GW-15); only where those are processes of their own. */
  addGateway(): Promise<{ name: ProcessName; url: string }>;
  /** Resolves when one of them ends without having been asked to. */
  unexpectedEnd: Promise<string>;
  stop(): Promise<void>;
}

/**
 * Runs the built system as real processes. `env` holds the servers and the secret; ports are chosen here, but for the gateway's `port`.
 * @throws Error with the process's own words when one does not become ready within a minute
 */
export async function startProcesses(
  layout: Layout,
  env: NodeJS.ProcessEnv,
  options: { port?: number; output: 'inherit' | 'collect' },
): Promise<RunningProcesses> {
  const port = options.port ?? (await freePort());
  const children = new Map<ProcessName, ChildProcess>();
  const expected = new Set<ChildProcess>();
  const graphUrl = `http://127.0.0.1:${port}/graphql`;
  const addresses = new Map<ProcessName, number>();
  const settled: Promise<void>[] = [];
  const gatewayPorts = new Map<ProcessName, number>([['gateway', port]]);
  let sayUnexpected: (words: string) => void = () => {};
  const unexpectedEnd = new Promise<string>((resolve) => {
    sayUnexpected = resolve;
  });

  const settingsOf = (name: ProcessName): { script: string; args: string[]; env: NodeJS.ProcessEnv } => {
    const gatewayPort = gatewayPorts.get(name);
    if (gatewayPort === undefined) {
      const own = { PORT: String(addresses.get(name)), GRAPH_URL: graphUrl };
      return { script: 'subgraphs/run.js', args: [name], env: own };
    }
    const urls = [...addresses].map(([subgraph, at]) => [`${subgraph.replaceAll('-', '_').toUpperCase()}_URL`, `http://127.0.0.1:${at}`]);
    return { script: 'gateway/main.js', args: [], env: { PORT: String(gatewayPort), ...Object.fromEntries(urls) } };
  };

  const begin = async (name: ProcessName) => {
    const { script, args, env: own } = settingsOf(name);
    const child = spawn(process.execPath, ['--max-semi-space-size=64', path.join(packageRoot, 'dist', script), ...args], {
      cwd: packageRoot,
      env: { ...env, APOLLO_TELEMETRY_DISABLED: 'true', ...own },
      stdio: ['ignore', options.output === 'inherit' ? 'inherit' : 'pipe', options.output === 'inherit' ? 'inherit' : 'pipe', 'ipc'],
    });
    children.set(name, child);
    let words = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        words = (words + text).slice(-8_000);
      });
    }
    child.once('exit', (code, signal) => {
      if (!expected.has(child)) sayUnexpected(`${name} ended with ${signal ?? code}\n${words}`);
    });
    settled.push(
      new Promise((resolve) => {
        child.on('message', (message) => void ((message as { settled?: string }).settled && resolve()));
        child.once('exit', () => resolve());
      }),
    );
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${name} was not ready within ${READY_WITHIN_MS} ms\n${words}`)), READY_WITHIN_MS);
      child.once('message', () => {
        clearTimeout(late);
        resolve();
      });
      child.once('exit', (code, signal) => {
        clearTimeout(late);
        reject(new Error(`${name} ended with ${signal ?? code} before it was ready\n${words}`));
      });
    });
  };

  const end = async (name: ProcessName, signal: NodeJS.Signals) => {
    const child = children.get(name);
    if (!child) return;
    children.delete(name);
    expected.add(child);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
    await ended;
    clearTimeout(late);
  };

  const stop = async () => {
    await Promise.all([...gatewayPorts.keys()].map((name) => end(name, 'SIGTERM')));
    await Promise.all([...children.keys()].map((name) => end(name, 'SIGTERM')));
  };
  try {
    if (layout === 'split') {
      for (const name of SUBGRAPH_NAMES) addresses.set(name, await freePort());
      await Promise.all(SUBGRAPH_NAMES.map(begin));
      // As in one process: whoever is told that the system is ready may quote a seeded car at once. They say so within 20 s, whatever happens.
      const seeded = env.SEED_DEMO === '1' ? [...settled] : [];
      await begin('gateway');
      await Promise.all(seeded);
    } else await begin('gateway');
  } catch (error) {
    await stop();
    throw error;
  }
  const addGateway = async () => {
    if (layout !== 'split') throw new Error('Only gateways over subgraphs of their own can be several.');
    const name: ProcessName = `gateway-${gatewayPorts.size + 1}`;
    const ownPort = await freePort();
    gatewayPorts.set(name, ownPort);
    await begin(name);
    return { name, url: `http://127.0.0.1:${ownPort}` };
  };
  return { url: `http://127.0.0.1:${port}`, port, addGateway, kill: (name) => end(name, 'SIGKILL'), revive: begin, unexpectedEnd, stop };
}

/** A port that nobody listens on at present. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => probe.once('error', reject).listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (typeof address !== 'object' || !address) throw new Error('no port is free');
  return address.port;
}
