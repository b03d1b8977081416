import type { Money } from '../../../platform/money.js';
import type { GatewayAnswer } from './gatewayPort.js';

export interface Payout {
  /** The bank answers a repetition of a key as it did the first time. */
  key: string;
  method: 'BANK' | 'MOBILE_WALLET';
  accountNumber: string;
  amount: Money;
}

/** Sends money to people's accounts (PL-13). */
export interface PayoutPort {
  /** @throws GatewayUnanswered when nobody knows what became of it */
  pay(payout: Payout): Promise<GatewayAnswer>;
}
