import { z } from 'zod';
import { Refusal } from '../../../platform/errors.js';
import { type Money, money, parsePositiveAmount } from '../../../platform/money.js';
import type { GatewayEvent, GatewayPort } from './gatewayPort.js';
import { sandboxCaller, type SandboxCalls } from './sandboxCalls.js';
import { isSigned, signPage } from './sandboxSignature.js';

export interface SandboxOptions extends SandboxCalls {
  /** Scheme, host and port as people's browsers reach it. */
  pageOrigin: () => string;
}

const answerSchema = z.discriminatedUnion('result', [
  z.object({ result: z.literal('ACCEPTED'), reference: z.string() }),
  z.object({ result: z.literal('REFUSED'), code: z.string() }),
]);
const settlementSchema = z.object({
  orders: z.array(z.object({ orderId: z.string(), amountMinor: z.string().regex(/^\d+$/), currency: z.string(), paidAt: z.coerce.date() })),
});
const digits = z.string().regex(/^\d+$/).transform(BigInt);
const orderSchema = z.object({
  state: z.enum(['AUTHORISED', 'CAPTURED', 'VOIDED', 'DECLINED', 'UNKNOWN']),
  authorisedMinor: digits,
  capturedMinor: digits,
  refundedMinor: digits,
});
const webhookSchema = z.object({
  id: z.string().min(1).max(200),
  type: z.enum(['payment.paid', 'payment.declined', 'payout.paid', 'payout.failed']),
  orderId: z.string().min(1).max(200),
  amount: z.string(),
  currency: z.string(),
});

/** Our side of the sandbox gateway: talks to it over HTTP only, as to any other company's. */
export function sandboxGateway(options: SandboxOptions): GatewayPort {
  const { secret } = options;

  const call = sandboxCaller(options);

  return {
    paymentUrl: ({ id, amount }) => {
      const query = new URLSearchParams({
        amount: amount.amountMinor.toString(),
        currency: amount.currency,
        signature: signPage(secret, id, amount.amountMinor, amount.currency),
      });
      return `${options.pageOrigin()}/sandbox/pay/${id}?${query}`;
    },
    charge: async ({ kind, key, orderId, token, amount }) => {
      const body = JSON.stringify({ amountMinor: amount.amountMinor.toString(), currency: amount.currency, ...(token !== null && { token }) });
      const answer = await call(answerSchema, 'POST', `/sandbox/api/charges/${orderId}/${kind.toLowerCase()}`, body, { 'idempotency-key': key });
      return answer.result === 'ACCEPTED' ? { accepted: true, reference: answer.reference } : { accepted: false, code: answer.code };
    },
    orderState: (orderId) => call(orderSchema, 'GET', `/sandbox/api/charges/${orderId}`, ''),
    settlement: async (from, to) => {
      const query = new URLSearchParams({ from: from.toISOString(), to: to.toISOString() });
      const { orders } = await call(settlementSchema, 'GET', `/sandbox/api/settlement?${query}`, '');
      return orders.map(({ orderId, amountMinor, currency, paidAt }) => ({ orderId, amount: money(BigInt(amountMinor), currency), paidAt }));
    },
    readWebhook: (headers, rawBody, now) => (isSigned(secret, now, headers, rawBody) ? readEvent(rawBody) : null),
  };
}

const EVENT_TYPES = { 'payment.paid': 'PAID', 'payment.declined': 'DECLINED', 'payout.paid': 'PAYOUT_PAID', 'payout.failed': 'PAYOUT_FAILED' } as const;

function readEvent(rawBody: Buffer): GatewayEvent | 'malformed' {
  let message: unknown;
  try {
    message = JSON.parse(rawBody.toString());
  } catch {
    return 'malformed';
  }
  const parsed = webhookSchema.safeParse(message);
  if (!parsed.success) return 'malformed';
  const { id, type, orderId, amount, currency } = parsed.data;
  return { id, type: EVENT_TYPES[type], orderId, amount: readAmount(amount, currency) };
}

function readAmount(amount: string, currency: string): Money | null {
  try {
    return parsePositiveAmount(amount, currency);
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}
