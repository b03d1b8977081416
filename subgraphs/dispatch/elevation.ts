import type { Orm, Tx } from '../../platform/postgres.js';

/** Transactions in which such a part runs at the moment; parts inside of it are of the same right. */
const elevated = new WeakSet<Orm>();

const SET_ROLES = "select set_config('waygraph.actor_roles', $1::text, true)";

/**
 * Runs the part of a command that follows from a decision and touches what belongs to others: when a driver accepts, the other drivers' offers are
 * withdrawn, and he may not see those. Row-level security has decided by then whether he may do it at all. Events still name the actor.
 * When `work` throws, the transaction is over and the setting goes with it.
 */
export async function asSystem<T>(tx: Tx, work: () => Promise<T>): Promise<T> {
  if (tx.actor.kind === 'SYSTEM' || elevated.has(tx.orm)) return work();
  elevated.add(tx.orm);
  // Not waited for: what follows on the same connection comes after it, and one that fails ends the transaction.
  const raised = setRoles(tx, 'SYSTEM');
  const result = await work();
  elevated.delete(tx.orm);
  await Promise.all([raised, setRoles(tx, tx.actor.kind === 'USER' ? tx.actor.roles.join(',') : '')]);
  return result;
}

async function setRoles(tx: Tx, roles: string): Promise<void> {
  await tx.prepared(SET_ROLES, [roles]);
}
