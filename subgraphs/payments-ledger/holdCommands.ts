import { and, eq, sql } from 'drizzle-orm';
import { Refusal } from '../../platform/errors.js';
import { newUuid } from '../../platform/ids.js';
import type { Money } from '../../platform/money.js';
import { setTimer } from '../../platform/timers.js';
import { insufficientFunds, ownedAccount, type Posting, type PostingEntry, type ReferenceType, type TransactionKind } from './ledger.js';
import type { LedgerTx } from './desk.js';
import { post } from './ledgerCommands.js';
import { holds } from './ledgerTables.js';
import { requireWallet, spendingFloor, walletAccount } from './wallets.js';

export type HoldRow = typeof holds.$inferSelect;
export type HoldPurpose = 'PAYMENT' | 'WITHDRAWAL';

/** Timer of one hold's time-out; its key is the hold's id. */
export const HOLD_TIMER = 'hold.expiry';
/** How long after its time a hold waits for the news that would settle it: the subject's own time-out is as late, and its event has to travel. */
const HOLD_GRACE_MS = 30_000;

/**
 * Sets money aside: from now on it cannot be spent, and it is not spent yet (PL-08). One hold per reference and purpose.
 * @throws Refusal INSUFFICIENT_FUNDS before anything is written
 */
export async function placeHold(
  tx: LedgerTx,
  hold: { ownerId: string; amount: Money; reference: { type: ReferenceType; id: string }; purpose: HoldPurpose; expiresAt: Date },
): Promise<HoldRow> {
  const { amountMinor, currency } = hold.amount;
  const id = newUuid(tx.now);
  const wallet = await walletAccount(tx, hold.ownerId, currency);
  if (!wallet) throw insufficientFunds();
  await post(tx, {
    key: `hold:${id}`,
    kind: 'HOLD',
    reference: hold.reference,
    entries: [
      // Credit is for buying: nothing is paid out of it.
      { account: wallet, amountMinor: -amountMinor, floorMinor: hold.purpose === 'WITHDRAWAL' ? 0n : spendingFloor(wallet) },
      { account: ownedAccount('HELD_FUNDS', hold.ownerId, currency), amountMinor },
    ],
    metadata: { holdId: id },
  });
  const row: HoldRow = {
    id,
    ownerId: hold.ownerId,
    amountMinor,
    capturedMinor: 0n,
    captures: 0,
    currency,
    status: 'ACTIVE',
    referenceType: hold.reference.type,
    referenceId: hold.reference.id,
    purpose: hold.purpose,
    expiresAt: hold.expiresAt,
    createdAt: tx.now,
    settledAt: null,
  };
  await tx.orm.insert(holds).values(row);
  await setTimer(tx, { kind: HOLD_TIMER, key: id, dueAt: new Date(hold.expiresAt.getTime() + HOLD_GRACE_MS) });
  return row;
}

/** The hold of a reference, locked until the transaction ends: of two who want to settle it, the second sees that it is settled. */
export async function lockHold(tx: LedgerTx, reference: { type: ReferenceType; id: string }, purpose: HoldPurpose): Promise<HoldRow | null> {
  const [row] = await tx.orm
    .select()
    .from(holds)
    .where(and(eq(holds.referenceType, reference.type), eq(holds.referenceId, reference.id), eq(holds.purpose, purpose)))
    .for('update');
  return row ?? null;
}

/** How a hold is settled: how much of it is taken (nothing: it is voided), and to whom that goes. What is left goes back to the wallet. */
export interface Settlement {
  kind: TransactionKind;
  /** More than the hold holds is taken from the wallet on top, when it is there. */
  takeMinor: bigint;
  /** Adds up to `takeMinor`. */
  to: readonly PostingEntry[];
  metadata?: Readonly<Record<string, string>>;
}

/** What of a hold is still set aside. */
export function heldMinor(hold: Pick<HoldRow, 'amountMinor' | 'capturedMinor' | 'status'>): bigint {
  return hold.status === 'ACTIVE' ? hold.amountMinor - hold.capturedMinor : 0n;
}

/**
 * Settles an active hold, once: captured when something is taken now or was before, else voided. `otherwise` is what happens when the money is not there.
 * @throws Refusal HOLD_NOT_ACTIVE when it was settled before; INSUFFICIENT_FUNDS when more is taken than hold and wallet have
 */
export async function settleHold(tx: LedgerTx, hold: HoldRow, settlement: Settlement, otherwise?: Settlement): Promise<{ hold: HoldRow; used: Settlement }> {
  return endHold(tx, hold, 'VOIDED', settlement, otherwise);
}

/**
 * Takes a part of a hold and leaves the rest set aside (PL-08): any number of times, never more than is held. The last part ends the hold.
 * @throws Refusal HOLD_NOT_ACTIVE; ABOVE_HOLD for more than what is left
 */
export async function captureHold(tx: LedgerTx, hold: HoldRow, part: Settlement): Promise<HoldRow> {
  assertActive(hold);
  const left = heldMinor(hold);
  if (part.takeMinor <= 0n) throw new Error(`a capture of hold ${hold.id} takes nothing`);
  if (part.takeMinor > left) {
    throw new Refusal('ABOVE_HOLD', 'This is more than what is still held.', { details: { heldMinor: left.toString() } });
  }
  const captures = hold.captures + 1;
  await post(tx, {
    key: `hold:${hold.id}:capture:${captures}`,
    kind: part.kind,
    reference: { type: hold.referenceType as ReferenceType, id: hold.referenceId },
    entries: [{ account: ownedAccount('HELD_FUNDS', hold.ownerId, hold.currency), amountMinor: -part.takeMinor }, ...part.to],
    metadata: { holdId: hold.id, ...part.metadata },
  });
  const done = part.takeMinor === left;
  return change(tx, hold, { captures, capturedMinor: hold.capturedMinor + part.takeMinor, ...(done && { status: 'CAPTURED', settledAt: tx.now }) });
}

/** Gives a hold's money back to its wallet, once. A hold that is void already stays so. @throws Refusal HOLD_NOT_ACTIVE when it was captured */
export async function voidHold(tx: LedgerTx, hold: HoldRow): Promise<HoldRow> {
  if (hold.status === 'VOIDED' || hold.status === 'EXPIRED') return hold;
  return (await endHold(tx, hold, 'VOIDED', RELEASE)).hold;
}

/** Gives back what nobody captured in time. A hold that was settled meanwhile stays as it is. */
export async function expireHold(tx: LedgerTx, hold: HoldRow): Promise<HoldRow> {
  if (hold.status !== 'ACTIVE' || hold.expiresAt > tx.now) return hold;
  return (await endHold(tx, hold, 'EXPIRED', RELEASE)).hold;
}

const RELEASE: Settlement = { kind: 'HOLD_RELEASE', takeMinor: 0n, to: [] };

async function endHold(
  tx: LedgerTx,
  hold: HoldRow,
  emptyEnd: 'VOIDED' | 'EXPIRED',
  settlement: Settlement,
  otherwise?: Settlement,
): Promise<{ hold: HoldRow; used: Settlement }> {
  assertActive(hold);
  const { currency, ownerId } = hold;
  const left = heldMinor(hold);
  const wallet = await requireWallet(tx, ownerId, currency);
  const toPosting = (chosen: Settlement): Posting => ({
    key: `hold:${hold.id}:settle`,
    kind: chosen.kind,
    reference: { type: hold.referenceType as ReferenceType, id: hold.referenceId },
    entries: [
      { account: ownedAccount('HELD_FUNDS', ownerId, currency), amountMinor: -left },
      { account: wallet, amountMinor: left - chosen.takeMinor, floorMinor: spendingFloor(wallet) },
      ...chosen.to,
    ],
    metadata: { holdId: hold.id, ...chosen.metadata },
  });
  const preferred = toPosting(settlement);
  const { posted } = await post(tx, preferred, otherwise && toPosting(otherwise));
  const used = posted === preferred || !otherwise ? settlement : otherwise;
  const takenMinor = used.takeMinor < left ? used.takeMinor : left;
  const capturedMinor = hold.capturedMinor + takenMinor;
  const changed = await change(tx, hold, {
    status: capturedMinor > 0n ? 'CAPTURED' : emptyEnd,
    captures: hold.captures + (takenMinor > 0n ? 1 : 0),
    capturedMinor,
    settledAt: tx.now,
  });
  return { hold: changed, used };
}

function assertActive(hold: HoldRow): void {
  if (hold.status === 'ACTIVE') return;
  throw new Refusal('HOLD_NOT_ACTIVE', `This money is not held any more: ${hold.status}.`, { details: { status: hold.status } });
}

/** Writes changed facts of a locked hold; one that has ended needs its timer no more. */
async function change(tx: LedgerTx, hold: HoldRow, changes: Partial<HoldRow>): Promise<HoldRow> {
  await tx.orm.update(holds).set(changes).where(eq(holds.id, hold.id));
  if (changes.settledAt) {
    // A timer that fires at this moment waits for the hold: waiting for the timer in turn would be a deadlock. It will find nothing to do.
    await tx.orm.execute(sql`delete from timers where id in
      (select id from timers where kind = ${HOLD_TIMER} and key = ${hold.id} for update skip locked)`);
  }
  return { ...hold, ...changes };
}
