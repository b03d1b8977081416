import type { Actor } from './actor.js';
import type { LiveFeed } from './livefeed.js';
import type { Log } from './log.js';
import { type Cause, type Database, inTransaction, type Tx } from './postgres.js';
import type { Caller } from './subgraph.js';

/** What a resolver sees, whether it was called over HTTP, a WebSocket or within the process. */
export interface Context<Loaders = unknown> {
  actor: Actor;
  caller: Caller;
  db: Database;
  feed: LiveFeed;
  log: Log;
  loaders: Loaders;
  /** Runs one command or query in one transaction, with the actor set for row-level security. */
  run<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
}

export function createContext<Loaders>(parts: {
  caller: Caller;
  db: Database;
  feed: LiveFeed;
  log: Log;
  causationId: string;
  loaders: (run: Context['run']) => Loaders;
}): Context<Loaders> {
  const { caller, db, feed } = parts;
  const cause: Cause = { traceId: caller.traceId, causationId: parts.causationId };
  const run = <T>(work: (tx: Tx) => Promise<T>) => inTransaction(caller.actor, db, cause, work);
  return {
    actor: caller.actor,
    caller,
    db,
    feed,
    log: parts.log.child({ traceId: caller.traceId, ...(caller.actor.kind === 'USER' && { userId: caller.actor.id }) }),
    run,
    loaders: parts.loaders(run),
  };
}
