import { and, eq } from 'drizzle-orm';
import { Refusal } from '../../platform/errors.js';
import { newUuid } from '../../platform/ids.js';
import type { Money } from '../../platform/money.js';
import { insufficientFunds, ownedAccount, type Posting, type PostingEntry, type ReferenceType, type TransactionKind } from './ledger.js';
import { type LedgerTx, post, requireWallet, walletAccount } from './ledgerCommands.js';
import { holds } from './tables.js';

export type HoldRow = typeof holds.$inferSelect;
export type HoldPurpose = 'PAYMENT' | 'WITHDRAWAL';

/** A hold's money may never come out of a driver's credit: that is for commission. */
const HOLD_FLOOR = 0n;

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
      { account: wallet, amountMinor: -amountMinor, floorMinor: HOLD_FLOOR },
      { account: ownedAccount('HELD_FUNDS', hold.ownerId, currency), amountMinor },
    ],
    metadata: { holdId: id },
  });
  const row: HoldRow = {
    id,
    ownerId: hold.ownerId,
    amountMinor,
    capturedMinor: 0n,
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

/** How a hold ends: how much of it is taken (nothing: it is voided), and to whom that goes. What is left goes back to the wallet. */
export interface Settlement {
  kind: TransactionKind;
  /** More than the hold holds is taken from the wallet on top, when it is there. */
  takeMinor: bigint;
  /** Adds up to `takeMinor`. */
  to: readonly PostingEntry[];
  metadata?: Readonly<Record<string, string>>;
}

/**
 * Settles an active hold, once: captured when something is taken, else voided. `otherwise` is what happens when the money is not there.
 * @throws Refusal HOLD_NOT_ACTIVE when it was settled before; INSUFFICIENT_FUNDS when more is taken than hold and wallet have
 */
export async function settleHold(tx: LedgerTx, hold: HoldRow, settlement: Settlement, otherwise?: Settlement): Promise<{ hold: HoldRow; used: Settlement }> {
  if (hold.status !== 'ACTIVE') {
    throw new Refusal('HOLD_NOT_ACTIVE', `This money is not held any more: ${hold.status}.`, { details: { status: hold.status } });
  }
  const { currency, ownerId, amountMinor } = hold;
  const wallet = await requireWallet(tx, ownerId, currency);
  const toPosting = (chosen: Settlement): Posting => ({
    key: `hold:${hold.id}:settle`,
    kind: chosen.kind,
    reference: { type: hold.referenceType as ReferenceType, id: hold.referenceId },
    entries: [
      { account: ownedAccount('HELD_FUNDS', ownerId, currency), amountMinor: -amountMinor },
      { account: wallet, amountMinor: amountMinor - chosen.takeMinor, floorMinor: HOLD_FLOOR },
      ...chosen.to,
    ],
    metadata: { holdId: hold.id, ...chosen.metadata },
  });
  const preferred = toPosting(settlement);
  const { posted } = await post(tx, preferred, otherwise && toPosting(otherwise));
  const used = posted === preferred || !otherwise ? settlement : otherwise;
  const change = {
    status: used.takeMinor > 0n ? 'CAPTURED' : 'VOIDED',
    capturedMinor: used.takeMinor < amountMinor ? used.takeMinor : amountMinor,
    settledAt: tx.now,
  };
  await tx.orm.update(holds).set(change).where(eq(holds.id, hold.id));
  return { hold: { ...hold, ...change }, used };
}

/** Gives a hold's money back to its wallet, once. A hold that is void already stays so. @throws Refusal HOLD_NOT_ACTIVE when it was captured */
export async function voidHold(tx: LedgerTx, hold: HoldRow): Promise<HoldRow> {
  if (hold.status === 'VOIDED') return hold;
  return (await settleHold(tx, hold, { kind: 'HOLD_RELEASE', takeMinor: 0n, to: [] })).hold;
}
