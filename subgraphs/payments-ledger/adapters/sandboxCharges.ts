import { eq, sql } from 'drizzle-orm';
import type { Tx } from '../../../platform/postgres.js';
import { sandboxAnswers, sandboxCharges } from '../sandboxTables.js';

export type ChargeAction = 'authorise' | 'capture' | 'void' | 'refund';
export type Charge = Pick<typeof sandboxCharges.$inferSelect, 'status' | 'amountMinor' | 'capturedMinor' | 'refundedMinor' | 'currency'>;

export interface ChargeRequest {
  action: ChargeAction;
  token: string | null;
  amountMinor: bigint;
  currency: string;
}

export type ChargeAnswer = { result: 'ACCEPTED'; reference: string } | { result: 'REFUSED'; code: string };

interface Decision {
  answer: ChargeAnswer;
  /** The charge afterwards; null: as it was. */
  charge: Charge | null;
}

const refused = (code: string, charge: Charge | null = null): Decision => ({ answer: { result: 'REFUSED', code }, charge });

type Rule = (charge: Charge | null, request: ChargeRequest & { orderId: string }, accepted: (after: Charge) => Decision) => Decision;

const fresh = (status: string, { amountMinor, currency }: ChargeRequest): Charge => ({ status, amountMinor, currency, capturedMinor: 0n, refundedMinor: 0n });

const RULES: Readonly<Record<ChargeAction, Rule>> = {
  authorise: (charge, request, accepted) => {
    if (charge) return refused(charge.status === 'VOIDED' ? 'ORDER_VOIDED' : 'ORDER_EXISTS');
    return isGoodToken(request) ? accepted(fresh('AUTHORISED', request)) : refused('CARD_DECLINED', fresh('DECLINED', request));
  },
  void: (charge, request, accepted) => {
    // Of an order that never arrived: remembered, so that one which is still on its way is refused.
    if (!charge) return accepted(fresh('VOIDED', request));
    return charge.status === 'CAPTURED' ? refused('ALREADY_CAPTURED') : accepted({ ...charge, status: 'VOIDED' });
  },
  capture: (charge, { amountMinor, currency }, accepted) => {
    if (charge?.status !== 'AUTHORISED') return refused(`ORDER_${charge?.status ?? 'UNKNOWN'}`);
    if (amountMinor > charge.amountMinor || currency !== charge.currency) return refused('ABOVE_AUTHORISED');
    return accepted({ ...charge, status: 'CAPTURED', capturedMinor: amountMinor });
  },
  refund: (charge, { amountMinor, currency }, accepted) => {
    if (charge?.status !== 'CAPTURED') return refused(`ORDER_${charge?.status ?? 'UNKNOWN'}`);
    if (charge.refundedMinor + amountMinor > charge.capturedMinor || currency !== charge.currency) return refused('ABOVE_CAPTURED');
    return accepted({ ...charge, refundedMinor: charge.refundedMinor + amountMinor });
  },
};

/**
 * What a card company does with a request. Tokens: none or `tok_ok`, `tok_timeout` and `tok_flaky` are good; `tok_once` is for the first order of a payment,
 * and declines those that follow (`pay_…-1`); all others are declined.
 */
export function decideCharge(charge: Charge | null, request: ChargeRequest, orderId: string): Decision {
  return RULES[request.action](charge, { ...request, orderId }, (after) => ({
    answer: { result: 'ACCEPTED', reference: `sandbox-${orderId}` },
    charge: after,
  }));
}

const GOOD_TOKENS: ReadonlySet<string> = new Set(['tok_ok', 'tok_timeout', 'tok_flaky']);

function isGoodToken({ token, orderId }: { token: string | null; orderId: string }): boolean {
  return token === null || GOOD_TOKENS.has(token) || (token === 'tok_once' && !/-\d+$/.test(orderId));
}

/** A charge as the card company has it; null when it never heard of the order. */
export async function chargeOf(tx: Tx, orderId: string): Promise<Charge | null> {
  const [charge] = await tx.orm
    .select({
      status: sandboxCharges.status,
      amountMinor: sandboxCharges.amountMinor,
      capturedMinor: sandboxCharges.capturedMinor,
      refundedMinor: sandboxCharges.refundedMinor,
      currency: sandboxCharges.currency,
    })
    .from(sandboxCharges)
    .where(eq(sandboxCharges.orderId, orderId));
  return charge ?? null;
}

/** Decides a request once per key, and answers a repetition as the first time. */
export async function answerCharge(tx: Tx, call: { orderId: string; key: string; request: ChargeRequest }): Promise<ChargeAnswer> {
  // One order at a time: a row lock would not hold back the first two requests of an order that has no row yet.
  await tx.orm.execute(sql`select pg_advisory_xact_lock(hashtextextended(${call.orderId}, 43))`);
  const [before] = await tx.orm.select({ body: sandboxAnswers.body }).from(sandboxAnswers).where(eq(sandboxAnswers.key, call.key));
  if (before) return before.body as ChargeAnswer;
  const decided = decideCharge(await chargeOf(tx, call.orderId), call.request, call.orderId);
  if (decided.charge) {
    await tx.orm
      .insert(sandboxCharges)
      .values({ ...decided.charge, orderId: call.orderId, createdAt: tx.now })
      .onConflictDoUpdate({ target: sandboxCharges.orderId, set: decided.charge });
  }
  await tx.orm.insert(sandboxAnswers).values({ key: call.key, status: 200, body: decided.answer, createdAt: tx.now });
  return decided.answer;
}
