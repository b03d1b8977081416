import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { ConfigError } from '../platform/config.js';
import { packageRoot } from '../platform/packageRoot.js';

/** A small town: a few cars on the map at any time, and an end of its own. */
const DRIVERS = 12;
const REQUESTS_PER_MINUTE = 6;
const MINUTES = 30;
const STOP_WITHIN_MS = 12_000;
const SIMULATOR = path.join(packageRoot, 'bench', 'simulate.ts');

export interface Demo {
  /** What the system is started with. */
  env: NodeJS.ProcessEnv;
  /** Begins to drive the running system; its lines are shown with a mark before them. */
  start(system: { url: string; demo: boolean }): void;
  stop(): Promise<void>;
}

/**
 * A small simulation beside the system (`npm start -- --demo`): drivers who move, riders who ask. It comes in over HTTP and WebSocket like anybody else,
 * with a service key of this start alone. Its people all sign up from one address, so sign-ups are limited less strictly meanwhile.
 * @throws ConfigError in production, and where the simulator is not there
 */
export function prepareDemo(env: NodeJS.ProcessEnv): Demo {
  if (env.NODE_ENV === 'production') throw new ConfigError('--demo makes up people and trips: it is not for production.');
  if (!existsSync(SIMULATOR)) throw new ConfigError('--demo needs the simulator, which is in a checkout and not in an image.');
  const key = randomBytes(24).toString('hex');
  const own = `demo:${createHash('sha256').update(key).digest('hex')}:locations:write`;
  let child: ChildProcess | null = null;
  return {
    env: {
      ...env,
      SERVICE_KEYS: env.SERVICE_KEYS ? `${env.SERVICE_KEYS},${own}` : own,
      RATE_LIMIT_RATES: env.RATE_LIMIT_RATES ?? 'signUp=120/60,signIn=120/60,anonymous=600/60',
    },
    start: ({ url, demo }) => {
      if (!demo) {
        console.log('The demo needs the demo accounts: start with SEED_DEMO=1. Nothing is simulated.');
        return;
      }
      console.log(
        `Demo: ${DRIVERS} drivers and ${REQUESTS_PER_MINUTE} requests a minute are simulated in Cairo for ${MINUTES} minutes, with accounts of their own. Ctrl-C ends it.`,
      );
      const args = [
        '--url',
        url,
        '--drivers',
        DRIVERS,
        '--riders',
        REQUESTS_PER_MINUTE,
        '--minutes',
        MINUTES,
        '--report',
        path.join(env.DATA_DIR ?? '.data', 'demo.json'),
      ];
      child = spawn(process.execPath, ['--import', '@swc-node/register/esm-register', SIMULATOR, ...args.map(String)], {
        cwd: packageRoot,
        env: { ...env, SIMULATE_SERVICE_KEY: key },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      for (const stream of [child.stdout, child.stderr]) {
        stream?.setEncoding('utf8').on('data', (text: string) => process.stdout.write(text.replace(/^(?=.)/gm, 'demo | ')));
      }
      child.once('exit', (code) => {
        console.log(code === 0 ? 'Demo: it is over; the system goes on.' : 'Demo: the simulator has ended; the system goes on.');
        child = null;
      });
    },
    stop: async () => {
      if (!child) return;
      const running = child;
      const ended = new Promise((resolve) => running.once('exit', resolve));
      running.kill('SIGTERM');
      const late = setTimeout(() => running.kill('SIGKILL'), STOP_WITHIN_MS);
      await ended;
      clearTimeout(late);
    },
  };
}
