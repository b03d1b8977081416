import type { Money } from '../../../platform/money.js';

export interface Payout {
  /** The bank knows a repetition by it, pays once, and answers with how far that payout is. */
  key: string;
  /** Our id of the withdrawal: its webhooks name it. */
  orderId: string;
  method: 'BANK' | 'MOBILE_WALLET';
  accountNumber: string;
  amount: Money;
}

/** PENDING: taken, and on its way; a webhook tells the end, and so does asking again with the same key. The others are final. */
export type PayoutAnswer = { state: 'PENDING'; reference: string } | { state: 'PAID'; reference: string } | { state: 'REFUSED'; code: string };

/** Sends money to people's accounts (PL-13). */
export interface PayoutPort {
  /** @throws GatewayUnanswered when nobody knows what became of it */
  pay(payout: Payout): Promise<PayoutAnswer>;
}
