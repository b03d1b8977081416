import { and, desc, eq, inArray, isNull, lt, isNotNull, sql } from 'drizzle-orm';
import { userIdOf } from '../../platform/actor.js';
import { notFound, parseInput, Refusal } from '../../platform/errors.js';
import { uuidOf } from '../../platform/ids.js';
import type { PageRequest } from '../../platform/page.js';
import type { Orm } from '../../platform/postgres.js';
import { assertWalletCurrency, creditDeposit, lockDeposit, settle } from './depositCommands.js';
import { noteSchema } from './discrepancyCommands.js';
import { systemAccount } from './ledger.js';
import type { LedgerTx } from './desk.js';
import { post } from './ledgerCommands.js';
import { webhookEvents } from './flowTables.js';
import { walletAccount } from './wallets.js';

export type ReviewRow = typeof webhookEvents.$inferSelect;
export const REVIEW_DECISIONS = ['CREDIT', 'DISMISS'] as const;
export type ReviewDecision = (typeof REVIEW_DECISIONS)[number];

/** Outcomes of webhooks that tell of money which is nobody's yet. */
const FOR_REVIEW = ['FLAGGED', 'UNKNOWN_ORDER'] as const;
const MAX_COUNT = 10_000;

const forReview = (resolved: boolean | null) =>
  and(inArray(webhookEvents.outcome, [...FOR_REVIEW]), resolved === null ? undefined : (resolved ? isNotNull : isNull)(webhookEvents.resolvedAt));

/** Money that gateways told of and that was not credited, the newest first; one more than the page holds. */
export async function findReviews(orm: Orm, resolved: boolean | null, page: PageRequest): Promise<ReviewRow[]> {
  const before = page.after?.[0];
  return orm
    .select()
    .from(webhookEvents)
    .where(and(forReview(resolved), before === undefined ? undefined : lt(webhookEvents.id, before)))
    .orderBy(desc(webhookEvents.id))
    .limit(page.first + 1);
}

/** How many there are; exact up to 10,000. */
export async function countReviews(orm: Orm, resolved: boolean | null): Promise<number> {
  const matching = orm.select({ one: sql`1` }).from(webhookEvents).where(forReview(resolved)).limit(MAX_COUNT).as('matching');
  const [row] = await orm.select({ count: sql<number>`count(*)::int` }).from(matching);
  return row?.count ?? 0;
}

/**
 * An admin's word on money that was not credited (PL-10): it goes into a wallet, as much as was paid, or it is not ours to credit (given back at the gateway,
 * or told of by mistake). The same word by the same admin again changes nothing.
 * @throws Refusal NOT_FOUND, CONFLICT when somebody else has decided, VALIDATION_ERROR for a credit that names nobody or has no amount that we can hold
 */
export async function resolveReview(tx: LedgerTx, id: string, word: { decision: ReviewDecision; userId: string | null; note: string }): Promise<ReviewRow> {
  const { note } = parseInput(noteSchema, { note: word.note });
  const [row] = await tx.orm.select().from(webhookEvents).where(eq(webhookEvents.id, id)).for('update');
  if (!row || !(FOR_REVIEW as readonly string[]).includes(row.outcome)) throw notFound('payment in review', 'input.id');
  const resolvedBy = userIdOf(tx.actor);
  const resolution = word.decision === 'CREDIT' ? 'CREDITED' : 'DISMISSED';
  if (row.resolution === resolution && row.resolvedBy === resolvedBy) return row;
  if (row.resolution !== null) {
    throw new Refusal('CONFLICT', `This was decided already: ${row.resolution}.`, { details: { field: 'input.id', resolution: row.resolution } });
  }
  if (word.decision === 'CREDIT') await credit(tx, row, word.userId, note);
  else await dismiss(tx, row);
  const changes = { resolution, note, resolvedBy, resolvedAt: tx.now };
  await tx.orm.update(webhookEvents).set(changes).where(eq(webhookEvents.id, id));
  return { ...row, ...changes };
}

async function credit(tx: LedgerTx, row: ReviewRow, userId: string | null, note: string): Promise<void> {
  if (row.type !== 'PAID' || row.amountMinor === null || row.currency === null) throw cannotCredit('nothing was paid that a wallet could hold');
  assertWalletCurrency(row.currency, 'input.id');
  const depositId = uuidOf('dep', row.orderId);
  const deposit = depositId && (await lockDeposit(tx, depositId));
  // The deposit that was paid with another amount is done with what came; one that has been credited since was paid twice.
  if (deposit && deposit.status !== 'COMPLETED') return creditDeposit(tx, deposit, row.amountMinor);
  const ownerId = deposit ? deposit.userId : userId;
  if (ownerId === null) {
    throw new Refusal('VALIDATION_ERROR', 'input.userId: must name whose wallet it goes into: the order is not ours, so nobody is known.', {
      details: { field: 'input.userId', rule: 'required' },
    });
  }
  const wallet = await walletAccount(tx, ownerId, row.currency);
  if (!wallet) throw notFound('wallet', 'input.userId');
  await post(tx, {
    key: `webhook:${row.adapter}:${row.eventId}`,
    kind: 'DEPOSIT',
    reference: { type: 'USER', id: ownerId },
    entries: [
      { account: systemAccount('GATEWAY_CLEARING', row.currency, row.id), amountMinor: -row.amountMinor },
      { account: wallet, amountMinor: row.amountMinor },
    ],
    metadata: { reason: note, orderId: row.orderId },
  });
}

async function dismiss(tx: LedgerTx, row: ReviewRow): Promise<void> {
  const depositId = uuidOf('dep', row.orderId);
  const deposit = depositId && (await lockDeposit(tx, depositId));
  if (deposit && deposit.status === 'FLAGGED') await settle(tx, deposit, { status: 'DECLINED' });
}

function cannotCredit(why: string): Refusal {
  return new Refusal('VALIDATION_ERROR', `input.decision: cannot be CREDIT: ${why}. Dismiss it, and say what was done instead.`, {
    details: { field: 'input.decision', rule: 'not_creditable' },
  });
}
