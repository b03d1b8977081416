import { sql } from 'drizzle-orm';
import type { Tx } from '../../platform/postgres.js';

/**
 * Runs the part of a command that follows from a decision and touches what belongs to others: when a driver accepts, the other drivers' offers are
 * withdrawn, and he may not see those. Row-level security has decided by then whether he may do it at all. Events still name the actor.
 * When `work` throws, the transaction is over and the setting goes with it.
 */
export async function asSystem<T>(tx: Tx, work: () => Promise<T>): Promise<T> {
  if (tx.actor.kind === 'SYSTEM') return work();
  const [before] = await tx.orm.execute<{ roles: string }>(
    sql`select current_setting('waygraph.actor_roles', true) as roles, set_config('waygraph.actor_roles', 'SYSTEM', true)`,
  );
  const result = await work();
  await tx.orm.execute(sql`select set_config('waygraph.actor_roles', ${before?.roles ?? ''}, true)`);
  return result;
}
