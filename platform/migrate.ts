import { createHmac } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate } from 'drizzle-orm/postgres-js/migrator';
import postgres from 'postgres';
import { sqlState } from './errors.js';
import { packageRoot } from './packageRoot.js';
import { SESSION_SETTINGS } from './postgres.js';
import { eventGrantsFor, grantsFor, PLATFORM_FUNCTIONS, PLATFORM_POLICIES, PRELUDE } from './prelude.js';

const CONNECT_TIMEOUT_S = 10;
/** Any number, the same in every process: only one of them migrates a database at a time. */
const MIGRATION_LOCK = 7_401_962;

/** `waygraph_payments_ledger` for `payments-ledger`. */
export function databaseName(subgraph: string): string {
  return `waygraph_${subgraph.replaceAll('-', '_')}`;
}

/** The owner's URL of a subgraph's database: its own variable, or its place on the server that DATABASE_URL names (PF-12b). */
export function databaseUrl(subgraph: string, serverUrl: string, override: string | undefined): string {
  if (override) return override;
  const url = new URL(serverUrl);
  url.pathname = `/${databaseName(subgraph)}`;
  return url.href;
}

/** The role that the service connects as, and its password, which follows from our secret so that there is none to hand around. */
export function appRole(subgraph: string, internalSecret: string): { role: string; password: string } {
  const role = `${databaseName(subgraph)}_app`;
  return { role, password: createHmac('sha256', internalSecret).update(`postgres:${role}`).digest('base64url') };
}

export function appUrl(ownerUrl: string, subgraph: string, internalSecret: string): string {
  const { role, password } = appRole(subgraph, internalSecret);
  const url = new URL(ownerUrl);
  url.username = role;
  url.password = password;
  return url.href;
}

/**
 * Brings one subgraph's database up to date as its owner: creates it when allowed, applies its migrations under an advisory lock, and sees that
 * the service's role exists. Safe to run from many processes at once, and again at every start.
 * @throws Error with a plain line when the server does not answer or refuses
 */
export async function migrateSubgraph(options: { subgraph: string; ownerUrl: string; internalSecret: string; migrationsDir?: string }): Promise<void> {
  const { subgraph, ownerUrl, internalSecret } = options;
  const folder = options.migrationsDir ?? path.join(packageRoot, 'migrations', subgraph);
  await createDatabaseIfMissing(ownerUrl);
  await ensureAppRole(ownerUrl, subgraph, internalSecret);
  const { role } = appRole(subgraph, internalSecret);
  const sql = postgres(ownerUrl, { max: 1, connect_timeout: CONNECT_TIMEOUT_S, onnotice: () => {} });
  try {
    await sql`select pg_advisory_lock(${MIGRATION_LOCK})`;
    await sql.unsafe(PRELUDE + grantsFor(role));
    if (existsSync(path.join(folder, 'meta', '_journal.json'))) {
      await migrate(drizzle(sql), { migrationsFolder: folder, migrationsSchema: 'drizzle' });
      await sql.unsafe(PLATFORM_FUNCTIONS + PLATFORM_POLICIES + eventGrantsFor(role));
    }
    await sql`select pg_advisory_unlock(${MIGRATION_LOCK})`;
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function createDatabaseIfMissing(ownerUrl: string): Promise<void> {
  const probe = postgres(ownerUrl, { max: 1, connect_timeout: CONNECT_TIMEOUT_S, onnotice: () => {} });
  try {
    await probe`select 1`;
    return;
  } catch (error) {
    if (sqlState(error) !== '3D000') throw new Error(`The database server does not answer: ${describe(error)}`);
  } finally {
    await probe.end({ timeout: 5 });
  }
  const url = new URL(ownerUrl);
  const name = url.pathname.slice(1);
  url.pathname = '/postgres';
  const admin = postgres(url.href, { max: 1, connect_timeout: CONNECT_TIMEOUT_S, onnotice: () => {} });
  try {
    await admin`create database ${admin(name)}`;
  } catch (error) {
    // Another process was faster.
    if (sqlState(error) !== '42P04' && sqlState(error) !== '23505') throw new Error(`Database ${name} cannot be created: ${describe(error)}`);
  } finally {
    await admin.end({ timeout: 5 });
  }
}

/** Roles belong to the server, not to a database: the lock is taken where all processes meet, or two of them would trip over each other. */
async function ensureAppRole(ownerUrl: string, subgraph: string, internalSecret: string): Promise<void> {
  const { role, password } = appRole(subgraph, internalSecret);
  const url = appUrl(ownerUrl, subgraph, internalSecret);
  const works = await assureSettings(url).then(
    () => true,
    (error: unknown) => {
      if (error instanceof SettingsLost) throw error;
      return false;
    },
  );
  if (works) return;
  const meeting = new URL(ownerUrl);
  meeting.pathname = '/postgres';
  const admin = postgres(meeting.href, { max: 1, connect_timeout: CONNECT_TIMEOUT_S, onnotice: () => {} });
  try {
    await admin`select pg_advisory_lock(${MIGRATION_LOCK})`;
    const [found] = await admin`select 1 as one from pg_roles where rolname = ${role}`;
    const verb = found ? 'alter' : 'create';
    // The password is base64url and the role's name is ours: neither can hold a quote.
    await admin.unsafe(`${verb} role "${role}" login nosuperuser nocreatedb nocreaterole nobypassrls password '${password}'`);
  } finally {
    await admin.end({ timeout: 5 });
  }
  await assureSettings(url).catch((error: unknown) => {
    if (error instanceof SettingsLost) throw error;
    throw new Error(`The service cannot connect as ${role}: ${describe(error)}`);
  });
}

class SettingsLost extends Error {
  override name = 'SettingsLost';
}

/** @throws SettingsLost when something between us and Postgres drops what the service's connections start with; what the driver throws when it cannot connect */
async function assureSettings(url: string): Promise<void> {
  const probe = postgres(url, { max: 1, connect_timeout: CONNECT_TIMEOUT_S, onnotice: () => {}, connection: SESSION_SETTINGS });
  try {
    const kept = await probe<{ name: string; setting: string }[]>`select name, setting from pg_settings where name = any(${Object.keys(SESSION_SETTINGS)})`;
    const lost = kept.filter(({ name, setting }) => setting !== asPostgresShows(SESSION_SETTINGS[name as keyof typeof SESSION_SETTINGS]));
    if (lost.length === 0) return;
    const { host } = new URL(url);
    throw new SettingsLost(
      `What answers at ${host} does not hand on ${lost.map(({ name }) => name).join(' and ')}, with which connections start. Have the pooler there pass them to Postgres, or give the address of Postgres itself.`,
    );
  } finally {
    await probe.end({ timeout: 5 });
  }
}

const asPostgresShows = (setting: number | boolean) => (setting === true ? 'on' : String(setting));

function describe(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return code ?? message ?? 'unknown error';
}
