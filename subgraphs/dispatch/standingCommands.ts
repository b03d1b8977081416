import { eq, sql } from 'drizzle-orm';
import type { Tx } from '../../platform/postgres.js';
import { flaggedPoints } from './locationFlags.js';
import { POOR_FROM } from './spoofing.js';
import { fraudFlags } from './tables.js';

interface Flag {
  flagId: string;
  userId: string;
}

/** Payments suspects somebody of fraud, or has found it to be so: until it is cleared, that person gets no offers (PL-21, DP-20). Runs as SYSTEM. */
export async function keepFraudFlag(tx: Tx, { flagId, userId }: Flag, isConfirmed: boolean): Promise<void> {
  await tx.orm
    .insert(fraudFlags)
    .values({ flagId, userId, isConfirmed, since: tx.now })
    .onConflictDoUpdate({ target: fraudFlags.flagId, set: { isConfirmed } });
  await judgeStanding(tx, userId);
}

/** It was nothing. */
export async function dropFraudFlag(tx: Tx, { flagId, userId }: Flag): Promise<void> {
  await tx.orm.delete(fraudFlags).where(eq(fraudFlags.flagId, flagId));
  await judgeStanding(tx, userId);
}

/** Whether somebody is suspected now: who registers as a driver then, begins in poor standing. */
export async function isSuspected(tx: Tx, userId: string): Promise<boolean> {
  const [row] = await tx.orm.select({ flagId: fraudFlags.flagId }).from(fraudFlags).where(eq(fraudFlags.userId, userId)).limit(1);
  return row !== undefined;
}

/** Nothing for who does not drive. */
async function judgeStanding(tx: Tx, userId: string): Promise<void> {
  await tx.orm.execute(sql`update drivers d set standing = case
      when exists (select 1 from fraud_flags f where f.user_id = d.user_id) or ${flaggedPoints(tx)} >= ${POOR_FROM} then 'POOR' else 'GOOD' end
    where d.user_id = ${userId}::uuid`);
}
