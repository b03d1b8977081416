import { systemActor } from '../../platform/actor.js';
import { money } from '../../platform/money.js';
import { type Database, inTransaction } from '../../platform/postgres.js';
import { type GatewayAnswer, type GatewayPort, GatewayUnanswered } from './adapters/gatewayPort.js';
import { CARD_CALL_TIMER, claimCall, endCall, type GatewayCallRow, lockOpenCall, openCall, orderIdOf, postponeCall } from './gatewayCalls.js';
import { charging, giveBack, oweCharge, proceedCard } from './bookingCharges.js';
import { systemAccount } from './ledger.js';
import { atDesk, type Desk, type LedgerTx, post } from './ledgerCommands.js';
import { type OutsideWork, retryAt } from './outsideWork.js';
import type { CardStep, FailureCode, PaymentRow } from './payment.js';
import { incomeOf } from './paymentCommands.js';
import { authorised, captured, change, charged, declined, failed, refunded, type SubjectType, voided } from './paymentRows.js';
import { paymentToken } from './queries.js';
import { oweFare } from './tripCommands.js';

/** An authorisation that the gateway may have got and did not answer is tried so often; people wait for it. */
const MAX_SILENT_ATTEMPTS = 2;
/** While the gateway cannot be reached at all, people are asked to be patient for so long. */
const AUTHORISE_WITHIN_MS = 60_000;

/** The calls to the card gateway: written down before, made outside of any transaction, recorded after (EV-03). */
export function cardCalls(options: { db: Database; desk: Desk; gateway: GatewayPort; timeoutMs: number }): OutsideWork<GatewayCallRow> {
  const { db, desk, gateway, timeoutMs } = options;
  const actor = systemActor(CARD_CALL_TIMER);
  return {
    kind: CARD_CALL_TIMER,
    leaseMs: timeoutMs + 5_000,
    claim: claimCall,
    perform: async (call, cause) => {
      const orderId = orderIdOf(call.paymentId ?? '', call.orderNumber);
      const token = call.kind === 'AUTHORISE' ? await inTransaction(actor, db, cause, (tx) => paymentToken(tx.orm, call.paymentId ?? '')) : null;
      let answer: GatewayAnswer | GatewayUnanswered;
      try {
        answer = await gateway.charge({ kind: call.kind as CardStep['kind'], key: call.id, orderId, token, amount: money(call.amountMinor, call.currency) });
      } catch (error) {
        if (!(error instanceof GatewayUnanswered)) throw error;
        answer = error;
      }
      await inTransaction(actor, db, cause, async (tx) => {
        const open = await lockOpenCall(tx, call);
        if (!open) return;
        const ledgerTx = atDesk(tx, desk);
        if (answer instanceof GatewayUnanswered) return recordSilence(ledgerTx, open.call, open.payment, answer.problem);
        return recordAnswer(ledgerTx, open.call, open.payment, answer);
      });
    },
  };
}

/** Records what the gateway decided, and opens the call that comes next, if the subject has changed its mind meanwhile. */
async function recordAnswer(tx: LedgerTx, call: GatewayCallRow, payment: PaymentRow, answer: GatewayAnswer): Promise<void> {
  if (!answer.accepted) {
    await endCall(tx, call.id, { status: 'ANSWERED', problem: answer.code });
    return recordRefusal(tx, call, payment, answer.code);
  }
  await endCall(tx, call.id, { status: 'ANSWERED', reference: answer.reference });
  switch (call.kind as CardStep['kind']) {
    case 'AUTHORISE': {
      if (call.orderNumber > 0) {
        return openCall(tx, payment, { kind: payment.wanted === 'CLOSE' ? 'VOID' : 'CAPTURE', amountMinor: call.amountMinor }, call.orderNumber);
      }
      // Nobody waits any more for the promise of a closed payment: it is voided next, and only that is told.
      if (payment.wanted === 'CLOSE') return proceedCard(tx, await change(tx, payment, { status: 'AUTHORISED' }));
      await authorised(tx, payment);
      return proceedCard(tx, { ...payment, status: 'AUTHORISED' });
    }
    case 'CAPTURE': {
      if (call.orderNumber > 0) {
        await post(tx, charging(payment, call.amountMinor, call.id, systemAccount('GATEWAY_CLEARING', payment.currency, payment.id)));
        return proceedCard(tx, await charged(tx, payment, call.amountMinor));
      }
      await postCapture(tx, payment, call.amountMinor);
      return proceedCard(tx, await captured(tx, payment, call.amountMinor));
    }
    case 'VOID':
      return payment.status === 'AUTHORISED' ? voided(tx, payment) : proceedCard(tx, payment);
    case 'REFUND':
      await post(tx, giveBack(payment, call.amountMinor, call.id, systemAccount('GATEWAY_CLEARING', payment.currency, payment.id)));
      return proceedCard(tx, await refunded(tx, payment, call.amountMinor));
  }
}

async function recordRefusal(tx: LedgerTx, call: GatewayCallRow, payment: PaymentRow, problem: string): Promise<void> {
  if (call.orderNumber > 0 && (call.kind === 'AUTHORISE' || call.kind === 'CAPTURE')) {
    await oweCharge(tx, payment, 'CARD_DECLINED', call.id);
    return payment.wanted === 'CLOSE' ? proceedCard(tx, payment) : undefined;
  }
  if (call.kind === 'AUTHORISE') return notAuthorised(tx, payment, 'CARD_DECLINED');
  if (call.kind === 'CAPTURE') {
    if (payment.subjectType === 'TRIP') return oweFare(tx, payment);
    return failed(tx, payment, 'CARD_DECLINED', call.amountMinor);
  }
  // Nothing can be done by itself: `paymentsViolations` and reconciliation show the payment until somebody has looked.
  tx.log.error({ paymentId: payment.id, call: call.kind, problem }, 'the gateway refuses to give money back');
}

async function notAuthorised(tx: LedgerTx, payment: PaymentRow, code: FailureCode): Promise<void> {
  if (payment.wanted === 'CLOSE') return voided(tx, payment);
  if (payment.wanted === 'CAPTURE' && payment.subjectType === 'TRIP') return oweFare(tx, { ...payment, failureCode: code });
  return declined(tx, payment, code);
}

/**
 * The gateway did not answer. A capture, void or refund is repeated until it does. An authorisation is given up after a while, because a person
 * waits; whatever may have come of it at the gateway is voided under the same order, also when it arrives there later.
 */
async function recordSilence(tx: LedgerTx, call: GatewayCallRow, payment: PaymentRow, problem: GatewayUnanswered['problem']): Promise<void> {
  const silent = problem === 'TIMEOUT' && call.attempts >= MAX_SILENT_ATTEMPTS;
  const tooLate = tx.now.getTime() - call.createdAt.getTime() >= AUTHORISE_WITHIN_MS;
  if (call.kind !== 'AUTHORISE' || !(silent || tooLate || payment.wanted === 'CLOSE')) {
    return postponeCall(tx, call.id, retryAt(tx.now, call.attempts), problem);
  }
  await endCall(tx, call.id, { status: 'GIVEN_UP', problem });
  if (call.orderNumber > 0) await oweCharge(tx, payment, 'PAYMENT_TIMEOUT', call.id);
  else await notAuthorised(tx, payment, 'PAYMENT_TIMEOUT');
  await openCall(tx, payment, { kind: 'VOID', amountMinor: call.amountMinor }, call.orderNumber);
}

async function postCapture(tx: LedgerTx, payment: PaymentRow, amountMinor: bigint): Promise<void> {
  const fee = payment.wanted === 'CLOSE' && amountMinor === payment.feeMinor;
  await post(tx, {
    key: `payment:${payment.id}:settle`,
    kind: fee ? 'CANCELLATION_FEE' : payment.subjectType === 'TRIP' ? 'TRIP_SETTLEMENT' : 'BOOKING_PAYMENT',
    reference: { type: payment.subjectType as SubjectType, id: payment.subjectId },
    entries: [
      { account: systemAccount('GATEWAY_CLEARING', payment.currency, payment.id), amountMinor: -amountMinor },
      ...(await incomeOf(tx, payment, amountMinor)),
    ],
    metadata: { paymentId: payment.id },
  });
}
