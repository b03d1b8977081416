import { eq } from 'drizzle-orm';
import type { TimerHandlers } from '../../platform/timers.js';
import { expireHold, lockHold } from './holdCommands.js';
import type { ReferenceType } from './ledger.js';
import { atDesk, type Desk } from './ledgerCommands.js';
import { lockPayment, type SubjectType } from './paymentRows.js';
import { holds } from './tables.js';
import { expireWithdrawal } from './withdrawalCommands.js';

/**
 * Gives back what was set aside and captured by nobody in time (PL-08). A payment keeps its promise all the same: should its booking be confirmed later,
 * the wallet is asked again. What a hold is for is locked before the hold, as by all who settle it.
 */
export function holdExpiry(desk: Desk): TimerHandlers[string] {
  return async (tx, timer) => {
    const ledgerTx = atDesk(tx, desk);
    const [hold] = await tx.orm.select({ purpose: holds.purpose, type: holds.referenceType, id: holds.referenceId }).from(holds).where(eq(holds.id, timer.key));
    if (!hold) return;
    if (hold.purpose === 'WITHDRAWAL') return expireWithdrawal(ledgerTx, hold.id);
    await lockPayment(ledgerTx, { type: hold.type as SubjectType, id: hold.id });
    const locked = await lockHold(ledgerTx, { type: hold.type as ReferenceType, id: hold.id }, 'PAYMENT');
    if (locked) await expireHold(ledgerTx, locked);
  };
}
