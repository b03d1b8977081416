import type { PgDatabase } from 'drizzle-orm/pg-core';
import { drizzle, type PostgresJsQueryResultHKT } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { type Actor, userIdOf } from './actor.js';
import { Refusal, sqlState } from './errors.js';
import type { Log } from './log.js';
import { Preparation } from './preparation.js';

export type Orm = PgDatabase<PostgresJsQueryResultHKT, Record<string, never>>;

/** One subgraph's database, connected as the role that owns nothing (PF-12b): row-level security applies to it. */
export interface Database {
  orm: Orm;
  sql: postgres.Sql;
  log: Log;
  /** The clock of every command; a test passes its own. */
  clock: () => Date;
  wakers: Wakers;
  preparation: Preparation;
  close(): Promise<void>;
}

/**
 * Who in this process wants to know of a commit. In place of NOTIFY, which takes a lock that all commits of the server share: every process of a
 * subgraph has its own relay and sweeper, so the one that committed is the one to wake; what it leaves behind when it dies, others find by looking.
 */
export interface Wakers {
  events: Set<() => void>;
  timers: Set<(dueAt: Date, kind: string) => void>;
  /** Told of entities that changed, before the transaction's caller goes on: caches forget them, so that an answer is never followed by an older one. */
  entities: Set<(kind: string, ids: readonly string[]) => Promise<void>>;
}

/** Entities that caches keep, and that have changed. */
export interface Changed {
  kind: string;
  ids: readonly string[];
}

/** Where a change comes from: travels into events, and from there into what consumers do (PF-02c). */
export interface Cause {
  traceId: string;
  /** The webhook, mutation or timer at the beginning of the chain. */
  causationId: string;
}

/** A running transaction with everything that a command may depend on; commands take nothing from outside of it. */
export interface Tx {
  orm: Orm;
  actor: Actor;
  now: Date;
  cause: Cause;
  log: Log;
  wakers: Wakers;
  /**
   * Runs a statement that the server parses once per connection, in the same transaction as `orm`: for the few on a hot path, where parsing costs
   * as much as doing. Parameters are texts; the statement casts them. Timestamps and bigints come back as texts.
   */
  prepared<Row>(text: string, parameters: readonly (string | null)[]): Promise<Row[]>;
  /** Runs after the commit, and only then: hints and wake-ups, whose loss delays but does not harm. What it returns is waited for. */
  afterCommit(task: () => void | Promise<void>): void;
}

/**
 * A refusal that is to be remembered (GW-26): its transaction is taken back, and `keep` then writes it down in one of its own. It says whether it did; when
 * somebody else has answered the same key meanwhile, the work is done again, and finds that answer.
 */
export class KeptRefusal extends Refusal {
  constructor(
    refusal: Refusal,
    readonly keep: (tx: Tx) => Promise<boolean>,
  ) {
    super(refusal.code, refusal.message, { details: refusal.details, retryAfter: refusal.retryAfter });
  }
}

/** Connections of one subgraph at most (PF-07), where its environment does not say otherwise. */
export const POOL_SIZE = 20;
const IDLE_TIMEOUT_S = 30;
const CONNECT_TIMEOUT_S = 10;
const STATEMENT_TIMEOUT_MS = 15_000;
/** What the service's connections start with. A pooler in between has to hand it on, which `migrateSubgraph` makes sure of. */
export const SESSION_SETTINGS = {
  statement_timeout: STATEMENT_TIMEOUT_MS,
  // A transaction's first statements go out with its `begin` (patches/). Where that is refused they run by themselves, and must not write.
  default_transaction_read_only: true,
};
/** The longest pause before a connection is tried again. The driver's own is 20 s, which would keep an outage going after its cause has ended. */
const MAX_RECONNECT_PAUSE_S = 1;
/** Attempts of one transaction: a deadlock or serialization failure is tried again, and then reported. */
const MAX_ATTEMPTS = 4;

export function connectDatabase(options: { url: string; log: Log; clock: () => Date; poolSize?: number; applicationName: string }): Database {
  const client = postgres(options.url, {
    max: options.poolSize ?? POOL_SIZE,
    idle_timeout: IDLE_TIMEOUT_S,
    connect_timeout: CONNECT_TIMEOUT_S,
    backoff: (failures) => (0.5 + Math.random() / 2) * Math.min(2 ** failures / 100, MAX_RECONNECT_PAUSE_S),
    onnotice: () => {},
    connection: { application_name: options.applicationName, ...SESSION_SETTINGS },
  });
  const begin = client.begin;
  client.begin = ((work: (sql: postgres.TransactionSql) => unknown) => begin('read write', work)) as typeof begin;
  return {
    orm: drizzle(client) as unknown as Orm,
    sql: client,
    log: options.log,
    clock: options.clock,
    wakers: { events: new Set(), timers: new Set(), entities: new Set() },
    preparation: new Preparation(),
    close: () => client.end({ timeout: 5 }),
  };
}

/**
 * The one place where a transaction begins. Sets the actor for row-level security (for this transaction only, so that a pooler cannot leak it),
 * and repeats the whole function after a deadlock or serialization failure: it must have no effect outside the transaction but `afterCommit`. A refusal that
 * is to be remembered is written down before it is thrown on.
 */
export async function inTransaction<T>(actor: Actor, db: Database, cause: Cause, work: (tx: Tx) => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attemptTransaction(actor, db, cause, work);
    } catch (error) {
      if (!(error instanceof KeptRefusal) || (await attemptTransaction(actor, db, cause, error.keep))) throw error;
    }
  }
}

async function attemptTransaction<T>(actor: Actor, db: Database, cause: Cause, work: (tx: Tx) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const tasks: (() => void | Promise<void>)[] = [];
    try {
      const result = await db.orm.transaction(async (orm) => {
        const connection = connectionOf(orm as unknown as Orm);
        db.preparation.applyTo(connection);
        const close = inOrderUntilClosed(connection);
        const prepared: Tx['prepared'] = (text, parameters) => connection.unsafe(text, [...parameters], { prepare: true }) as never;
        // Not awaited first: it goes ahead of the work's first statement on the same connection, and one round trip carries both.
        const actorSet = setActor(prepared, actor);
        actorSet.catch(() => {});
        const working = work({
          orm: orm as unknown as Orm,
          actor,
          now: db.clock(),
          cause,
          log: db.log,
          wakers: db.wakers,
          prepared,
          afterCommit: (task) => tasks.push(task),
        });
        const done = await working.finally(close);
        await actorSet;
        return done;
      });
      await Promise.all(tasks.map((task) => settled(task, db.log)));
      return result;
    } catch (error) {
      const state = sqlState(error);
      if (state !== '40001' && state !== '40P01') throw asRefusal(error);
      if (attempt >= MAX_ATTEMPTS) {
        throw new Refusal('CONFLICT', 'Others changed the same thing at the same time. Try again.', { retryAfter: 1 });
      }
      db.log.warn({ state, attempt }, 'transaction repeated');
      await new Promise((resolve) => setTimeout(resolve, 5 * 2 ** attempt * Math.random()));
    }
  }
}

/** What has committed has happened: a wake-up that fails afterwards must not make it look as if it had not. */
async function settled(task: () => void | Promise<void>, log: Log): Promise<void> {
  try {
    await task();
  } catch (error) {
    log.warn({ err: error }, 'a task after the commit failed');
  }
}

/**
 * Has a transaction's connection send each statement when it is made, not when somebody first waits for it: in that order they arrive, the actor before all
 * others. And has it take nothing more once its work has ended: of statements that run side by side one may fail while another still has something to say,
 * and by then the connection may be somebody else's.
 */
function inOrderUntilClosed(connection: postgres.TransactionSql): () => void {
  const send = connection.unsafe;
  let isOver = false;
  connection.unsafe = ((...query: Parameters<typeof send>) => {
    if (isOver) throw new Error('the transaction is over');
    return send(...query).execute();
  }) as typeof send;
  return () => {
    isOver = true;
  };
}

/** The connection of a drizzle transaction. */
function connectionOf(orm: Orm): postgres.TransactionSql {
  return (orm as unknown as { _: { session: { client: postgres.TransactionSql } } })._.session.client;
}

/** Has every cache of this process forget entities once this transaction has committed, and before its caller goes on (GW-30). */
export function entitiesChanged(tx: Tx, kind: string, ids: readonly string[]): void {
  tx.afterCommit(async () => {
    await Promise.all([...tx.wakers.entities].map((forget) => forget(kind, ids)));
  });
}

const SET_ACTOR = "select set_config('waygraph.actor_id', $1::text, true), set_config('waygraph.actor_roles', $2::text, true)";

/** Prepared, because the driver asks for the types of a statement's parameters first when it is not: that would be a round trip per transaction. */
async function setActor(prepared: Tx['prepared'], actor: Actor): Promise<void> {
  const roles = actor.kind === 'SYSTEM' ? 'SYSTEM' : actor.kind === 'USER' ? actor.roles.join(',') : '';
  await prepared(SET_ACTOR, [userIdOf(actor) ?? '', roles]);
}

/** Text with a NUL, as text and inside JSON: UTF-8 for everybody else. */
const NOT_STORABLE = new Set(['22021', '22P05']);

/** A database that does not answer is a dependency that is down, not a bug of ours; nor is text that no database of this kind can hold. */
function asRefusal(error: unknown): unknown {
  if (NOT_STORABLE.has(sqlState(error) ?? '')) {
    return new Refusal('VALIDATION_ERROR', 'A text holds a character that cannot be stored (NUL). Send it without.', { details: { rule: 'storable' } });
  }
  const code = (error as { code?: string; cause?: { code?: string } })?.cause?.code ?? (error as { code?: string })?.code ?? '';
  const down = /^(CONNECT_TIMEOUT|CONNECTION_CLOSED|CONNECTION_ENDED|CONNECTION_DESTROYED|ECONNREFUSED|ECONNRESET|57P0[1-3]|53300)$/.test(code);
  if (!down) return error;
  return new Refusal('DEPENDENCY_UNAVAILABLE', 'The database does not answer at the moment. Nothing was changed. Try again shortly.', { retryAfter: 2 });
}
