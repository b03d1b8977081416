import type { Orm, Tx } from '../../platform/postgres.js';

/** How many such parts run at the moment, by transaction: those inside of another, or beside it, are of the same right, and the last to end gives it up. */
const elevated = new WeakMap<Orm, number>();

const SET_ROLES = "select set_config('waygraph.actor_roles', $1::text, true)";

/**
 * Runs the part of a command that follows from a decision and touches what belongs to others: when a driver accepts, the other drivers' offers are
 * withdrawn, and he may not see those. Row-level security has decided by then whether he may do it at all. Events still name the actor.
 * When `work` throws, the transaction is over and the setting goes with it. What runs beside it in the same transaction has its right too: do not.
 */
export async function asSystem<T>(tx: Tx, work: () => Promise<T>): Promise<T> {
  if (tx.actor.kind === 'SYSTEM') return work();
  const others = elevated.get(tx.orm) ?? 0;
  elevated.set(tx.orm, others + 1);
  // Not waited for: what follows on the same connection comes after it, and one that fails ends the transaction, as whoever comes next will hear.
  if (others === 0) setRoles(tx, 'SYSTEM').catch(() => {});
  const result = await work();
  const left = (elevated.get(tx.orm) ?? 1) - 1;
  elevated.set(tx.orm, left);
  if (left === 0) await setRoles(tx, tx.actor.kind === 'USER' ? tx.actor.roles.join(',') : '');
  return result;
}

async function setRoles(tx: Tx, roles: string): Promise<void> {
  await tx.prepared(SET_ROLES, [roles]);
}
