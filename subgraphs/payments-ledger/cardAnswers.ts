import { systemActor } from '../../platform/actor.js';
import { money } from '../../platform/money.js';
import { type Database, inTransaction } from '../../platform/postgres.js';
import { type GatewayAnswer, type GatewayPort, GatewayUnanswered, type OrderState } from './adapters/gatewayPort.js';
import {
  CARD_CALL_TIMER,
  claimCall,
  endCall,
  type GatewayCallRow,
  lockOpenCall,
  nextOrderNumber,
  openCall,
  orderIdOf,
  postponeCall,
  refundedOn,
} from './gatewayCalls.js';
import { charging, giveBack, oweCharge, proceedCard } from './bookingCharges.js';
import { ownedAccount, systemAccount } from './ledger.js';
import { atDesk, type Desk, type LedgerTx } from './desk.js';
import { post } from './ledgerCommands.js';
import { type OutsideWork, retryAt } from '../../platform/outsideWork.js';
import type { CardStep, FailureCode, PaymentRow } from './payment.js';
import { incomeOf } from './paymentCommands.js';
import { authorised, captured, capturedInPart, change, charged, declined, failed, refunded, restOwed, type SubjectType, voided } from './paymentRows.js';
import { paymentToken } from './queries.js';
import { depositNotTaken } from './rentalDeposits.js';
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
      const known = await inTransaction(actor, db, cause, async (tx) => ({
        token: call.kind === 'AUTHORISE' ? await paymentToken(tx.orm, call.paymentId ?? '') : null,
        refundedMinor: call.kind === 'REFUND' ? await refundedOn(tx, call.paymentId ?? '', call.orderNumber) : 0n,
      }));
      let answer: Outcome | GatewayUnanswered;
      try {
        const amount = money(call.amountMinor, call.currency);
        answer = await gateway.charge({ kind: call.kind as CardStep['kind'], key: call.id, orderId, token: known.token, amount });
        // Always for a capture, of which a debt would come; else when an earlier attempt may have arrived.
        if (!answer.accepted && (call.kind === 'CAPTURE' || call.attempts > 1)) {
          answer = asItStands(call, answer, await gateway.orderState(orderId), known.refundedMinor);
        }
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

/** `standing`: the call was refused, and the order is still authorised at the gateway. */
type Outcome = GatewayAnswer & { standing?: boolean };

/**
 * A refusal, held against the order as the gateway has it: what is done there was done by an earlier attempt, whose answer was lost. Without this a rider
 * would owe what the card was charged.
 */
function asItStands(call: GatewayCallRow, refusal: GatewayAnswer, order: OrderState, refundedBeforeMinor: bigint): Outcome {
  const done: Record<CardStep['kind'], boolean> = {
    AUTHORISE: order.state === 'AUTHORISED',
    CAPTURE: order.state === 'CAPTURED' && order.capturedMinor >= call.amountMinor,
    VOID: order.state === 'VOIDED',
    REFUND: order.refundedMinor >= refundedBeforeMinor + call.amountMinor,
  };
  if (done[call.kind as CardStep['kind']]) return { accepted: true, reference: orderIdOf(call.paymentId ?? '', call.orderNumber) };
  return { ...refusal, standing: order.state === 'AUTHORISED' };
}

/** Records what the gateway decided, and opens the call that comes next, if the subject has changed its mind meanwhile. */
async function recordAnswer(tx: LedgerTx, call: GatewayCallRow, payment: PaymentRow, answer: Outcome): Promise<void> {
  if (!answer.accepted) {
    await endCall(tx, call.id, { status: 'ANSWERED', problem: answer.code });
    // What it refuses to capture is of no use to anybody: the card's owner gets it back, before anything else is asked of the order.
    if (call.kind === 'CAPTURE' && answer.standing) await openCall(tx, payment, { kind: 'VOID', amountMinor: call.amountMinor }, call.orderNumber);
    return recordRefusal(tx, call, payment, answer.code);
  }
  await endCall(tx, call.id, { status: 'ANSWERED', reference: answer.reference });
  switch (call.kind as CardStep['kind']) {
    case 'AUTHORISE': {
      if (call.orderNumber > 0) {
        return openCall(tx, payment, { kind: payment.wanted === 'CLOSE' ? 'VOID' : 'CAPTURE', amountMinor: call.amountMinor }, call.orderNumber);
      }
      // Nobody waits any more for the promise of a closed payment: it is voided next, and only that is told.
      if (payment.wanted === 'CLOSE') return proceedCard(tx, await change(tx, payment, { status: 'AUTHORISED', authorisedMinor: call.amountMinor }));
      return proceedCard(tx, await authorised(tx, payment, call.amountMinor));
    }
    case 'CAPTURE':
      return call.orderNumber > 0 ? recordLaterCapture(tx, call, payment) : recordCapture(tx, call, payment);
    case 'VOID':
      return payment.status === 'AUTHORISED' ? voided(tx, payment) : proceedCard(tx, payment);
    case 'REFUND':
      await post(tx, giveBack(payment, call.amountMinor, call.id, systemAccount('GATEWAY_CLEARING', payment.currency, payment.id)));
      return proceedCard(tx, await refunded(tx, payment, call.amountMinor));
  }
}

/** What the card had promised is taken. What a trip cost beyond that is asked for by an order of its own, and owed until then. */
async function recordCapture(tx: LedgerTx, call: GatewayCallRow, payment: PaymentRow): Promise<void> {
  const restMinor = payment.subjectType === 'TRIP' && payment.wanted === 'CAPTURE' ? payment.amountMinor - call.amountMinor : 0n;
  await postCapture(tx, payment, call.amountMinor, restMinor);
  if (restMinor <= 0n) return proceedCard(tx, await captured(tx, payment, call.amountMinor));
  await capturedInPart(tx, payment, call.amountMinor, restMinor);
  return openCall(tx, payment, { kind: 'AUTHORISE', amountMinor: restMinor }, await nextOrderNumber(tx, payment.id));
}

async function recordLaterCapture(tx: LedgerTx, call: GatewayCallRow, payment: PaymentRow): Promise<void> {
  if (payment.subjectType === 'TRIP') return captureRest(tx, call, payment);
  await post(tx, charging(payment, call.amountMinor, call.id, systemAccount('GATEWAY_CLEARING', payment.currency, payment.id)));
  return proceedCard(tx, await charged(tx, payment, call.amountMinor));
}

async function recordRefusal(tx: LedgerTx, call: GatewayCallRow, payment: PaymentRow, problem: string): Promise<void> {
  if (call.orderNumber > 0 && (call.kind === 'AUTHORISE' || call.kind === 'CAPTURE')) {
    if (payment.subjectType === 'TRIP') return void (await restOwed(tx, payment, 'CARD_DECLINED'));
    await oweCharge(tx, payment, 'CARD_DECLINED', call.id);
    return payment.wanted === 'CLOSE' ? proceedCard(tx, payment) : undefined;
  }
  if (call.kind === 'AUTHORISE') return notAuthorised(tx, payment, 'CARD_DECLINED');
  if (call.kind === 'CAPTURE') {
    if (payment.subjectType === 'TRIP') return oweFare(tx, payment);
    if (payment.subjectType === 'RENTAL_DEPOSIT') return depositNotTaken(tx, payment, call.amountMinor, call.id);
    return void (await failed(tx, payment, 'CARD_DECLINED', call.amountMinor));
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
  if (call.orderNumber > 0 && payment.subjectType === 'TRIP') await restOwed(tx, payment, 'PAYMENT_TIMEOUT');
  else if (call.orderNumber > 0) await oweCharge(tx, payment, 'PAYMENT_TIMEOUT', call.id);
  else await notAuthorised(tx, payment, 'PAYMENT_TIMEOUT');
  await openCall(tx, payment, { kind: 'VOID', amountMinor: call.amountMinor }, call.orderNumber);
}

/** The card gave the rest of a fare as well: what its owner owed meanwhile is paid. */
async function captureRest(tx: LedgerTx, call: GatewayCallRow, payment: PaymentRow): Promise<void> {
  const { amountMinor } = call;
  await post(tx, {
    key: `payment:${payment.id}:debt:${call.id}`,
    kind: 'DEBT_PAYMENT',
    reference: { type: 'TRIP', id: payment.subjectId },
    entries: [
      { account: systemAccount('GATEWAY_CLEARING', payment.currency, payment.id), amountMinor: -amountMinor },
      { account: ownedAccount('RECEIVABLE', payment.payerId, payment.currency), amountMinor },
    ],
    metadata: { paymentId: payment.id },
  });
  await captured(tx, payment, amountMinor, payment.capturedMinor + amountMinor);
}

/** Books what a card gave; `restMinor` is what the trip cost beyond the card's promise, which its payer owes until a second order has brought it. */
async function postCapture(tx: LedgerTx, payment: PaymentRow, amountMinor: bigint, restMinor: bigint): Promise<void> {
  const fee = payment.wanted === 'CLOSE' && amountMinor === payment.feeMinor && payment.subjectType !== 'RENTAL_DEPOSIT';
  await post(tx, {
    key: `payment:${payment.id}:settle`,
    kind: fee ? 'CANCELLATION_FEE' : payment.subjectType === 'TRIP' ? 'TRIP_SETTLEMENT' : 'BOOKING_PAYMENT',
    reference: { type: payment.subjectType as SubjectType, id: payment.subjectId },
    entries: [
      { account: systemAccount('GATEWAY_CLEARING', payment.currency, payment.id), amountMinor: -amountMinor },
      { account: ownedAccount('RECEIVABLE', payment.payerId, payment.currency), amountMinor: -restMinor },
      ...(await incomeOf(tx, payment, amountMinor + restMinor)),
    ],
    metadata: { paymentId: payment.id },
  });
}
