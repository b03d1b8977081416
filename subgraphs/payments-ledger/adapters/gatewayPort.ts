import type { IncomingHttpHeaders } from 'node:http';
import type { Money } from '../../../platform/money.js';
import type { CardStep } from '../payment.js';

/** Nobody knows what became of the call: it is made again with the same key. TIMEOUT: it may have arrived. UNAVAILABLE: most likely not. */
export class GatewayUnanswered extends Error {
  override name = 'GatewayUnanswered';
  constructor(readonly problem: 'TIMEOUT' | 'UNAVAILABLE') {
    super(`the gateway did not answer: ${problem}`);
  }
}

export interface CardCall {
  kind: CardStep['kind'];
  /** The gateway answers a repetition of a key as it did the first time. */
  key: string;
  /** Our id of the whole payment: all calls about one charge carry the same. */
  orderId: string;
  /** Only an authorisation carries the card's token. */
  token: string | null;
  amount: Money;
}

/** What the gateway decided. A refusal is final for this key. */
export type GatewayAnswer = { accepted: true; reference: string } | { accepted: false; code: string };

/** An order as the gateway has it. UNKNOWN: it never heard of it, or holds nothing of it any more. */
export interface OrderState {
  state: 'AUTHORISED' | 'CAPTURED' | 'VOIDED' | 'DECLINED' | 'UNKNOWN';
  authorisedMinor: bigint;
  capturedMinor: bigint;
  refundedMinor: bigint;
}

/** A signed message of a gateway about an order of its payment page, or of a bank about a payout, read and checked. */
export interface GatewayEvent {
  id: string;
  type: 'PAID' | 'DECLINED' | 'PAYOUT_PAID' | 'PAYOUT_FAILED';
  /** Our own id of the deposit or withdrawal. */
  orderId: string;
  /** Null when it is no amount of a currency that we trade in: then it is not what we asked for. */
  amount: Money | null;
}

/** One line of the gateway's settlement report: an order that was paid. */
export interface SettledOrder {
  orderId: string;
  amount: Money;
  paidAt: Date;
}

/** A payment gateway, as this domain needs it (PL-14). No card number passes here: the gateway's own page and tokens only. */
export interface GatewayPort {
  /** Where people pay an order. Needs no call: what the page shows is in the address, signed. */
  paymentUrl(order: { id: string; amount: Money }): string;
  /** @throws GatewayUnanswered */
  charge(call: CardCall): Promise<GatewayAnswer>;
  /** What became of an order. Asked when a refusal may only mean that an earlier attempt, whose answer was lost, has succeeded. @throws GatewayUnanswered */
  orderState(orderId: string): Promise<OrderState>;
  /**
   * Orders of the payment page that were paid from `from` until `to`. `ours` are the orders that we know of around then, for a gateway that tells of orders one
   * by one and has no report of a day: it cannot name an order that we do not know. @throws GatewayUnanswered
   */
  settlement(from: Date, to: Date, ours: readonly string[]): Promise<SettledOrder[]>;
  /**
   * The event of a webhook; null when the signature is missing, wrong or too old; 'malformed' when it is signed and still makes no sense; 'ignored' when it
   * tells what we know from our own calls.
   */
  readWebhook(headers: IncomingHttpHeaders, rawBody: Buffer, now: Date): GatewayEvent | 'malformed' | 'ignored' | null;
}
