import { eq } from 'drizzle-orm';
import type { TimerHandlers } from '../../platform/timers.js';
import { expireHold, lockHold } from './holdCommands.js';
import type { ReferenceType } from './ledger.js';
import { atDesk, type Desk } from './desk.js';
import { expired, lockPayment, type SubjectType } from './paymentRows.js';
import { holds } from './ledgerTables.js';
import { expireWithdrawal } from './withdrawalCommands.js';

/**
 * Gives back what was set aside and captured by nobody in time (PL-08). Its payment follows: the promise is void, a booking that is confirmed later fails
 * with HOLD_EXPIRED, and a trip that ends later is paid from the wallet or owed. What a hold is for is locked before the hold, as by all who settle it.
 */
export function holdExpiry(desk: Desk): TimerHandlers[string] {
  return async (tx, timer) => {
    const ledgerTx = atDesk(tx, desk);
    const [hold] = await tx.orm.select({ purpose: holds.purpose, type: holds.referenceType, id: holds.referenceId }).from(holds).where(eq(holds.id, timer.key));
    if (!hold) return;
    if (hold.purpose === 'WITHDRAWAL') return expireWithdrawal(ledgerTx, hold.id);
    const payment = await lockPayment(ledgerTx, { type: hold.type as SubjectType, id: hold.id });
    const locked = await lockHold(ledgerTx, { type: hold.type as ReferenceType, id: hold.id }, 'PAYMENT');
    if (!locked || (await expireHold(ledgerTx, locked)).status !== 'EXPIRED') return;
    if (payment?.status === 'AUTHORISED') await expired(ledgerTx, payment);
  };
}
