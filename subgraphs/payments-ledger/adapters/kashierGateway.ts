import { request } from 'undici';
import { z } from 'zod';
import { Refusal } from '../../../platform/errors.js';
import { uuidOf } from '../../../platform/ids.js';
import { DEFAULT_CURRENCY, formatAmount, type Money, parsePositiveAmount } from '../../../platform/money.js';
import type { CardStep } from '../payment.js';
import { type GatewayAnswer, type GatewayEvent, type GatewayPort, GatewayUnanswered, type SettledOrder } from './gatewayPort.js';
import { isKashierSigned, KASHIER_SIGNATURE_HEADER, kashierOrderHash } from './kashierSignature.js';

export interface KashierOptions {
  merchantId: string;
  /** Payment API key: signs orders, and webhooks are signed with it. */
  apiKey: string;
  /** Secret key: authorises calls of the orders API. */
  secretKey: string;
  mode: 'test' | 'live';
  /** Scheme and host of the hosted payment page. */
  checkoutUrl: string;
  /** Scheme and host of the orders API. */
  apiUrl: string;
  /** Scheme and host of the API that tells of single orders. */
  reportUrl: string;
  /** Where people come back to after paying, and where webhooks go. */
  origin: () => string;
  timeoutMs: number;
}

const OPERATIONS: Readonly<Record<CardStep['kind'], string>> = { AUTHORISE: 'AUTHORIZE', CAPTURE: 'CAPTURE', VOID: 'VOID', REFUND: 'REFUND' };

const answerSchema = z.object({
  status: z.string(),
  response: z.object({ transactionId: z.string().optional(), transactionResponseCode: z.string().optional() }).loose().nullish(),
});
const decimal = z.union([z.string(), z.number()]).transform(String);
const reportSchema = z.object({
  response: z
    .object({
      merchantOrderId: z.string(),
      totalCapturedAmount: decimal,
      totalAuthorizedAmount: decimal.default('0'),
      totalRefundedAmount: decimal.default('0'),
      status: z.string().default(''),
      currency: z.string().default(DEFAULT_CURRENCY),
      date: z.coerce.date().optional(),
    })
    .loose(),
});
/** Answers about us and not about the order (who asks, how often): no word on the money, so the call is made again. */
const NO_DECISION: ReadonlySet<number> = new Set([401, 403, 408, 425, 429]);
/** How many orders are asked for at once. */
const REPORTS_AT_ONCE = 5;

const webhookSchema = z.object({
  event: z.string(),
  data: z
    .object({
      merchantOrderId: z.string().min(1).max(200),
      transactionId: z.string().min(1).max(200),
      status: z.string(),
      amount: z.union([z.string(), z.number()]).transform(String),
      currency: z.string(),
    })
    .loose(),
});

/**
 * Kashier, an Egyptian gateway (developers.kashier.io): hosted payment page, `v3/orders`, signed webhooks. Its orders API documents no idempotency keys:
 * an operation whose answer was lost is sent again and may be refused by the state of the order, so whoever was refused asks for that state before it
 * believes the refusal (`orderState`); `kashierReference` (our call's id) goes along for people who compare. What answers 401, 403, 408, 425, 429
 * or 5xx has decided nothing.
 * Its "order reconciliation" tells of one order at a time (`GET /payments/orders/:merchantOrderId`, authorised by the secret key): so each of our own orders of
 * a day is asked for, and an order that is unknown to us shows by its webhook only (WEBHOOK_UNKNOWN_ORDER). Assumed, where its pages are silent: an order that
 * was never paid is answered with 404 or a captured amount of zero; amounts are decimals of `currency`, which is EGP when it is left out; `date` is when it
 * was paid, and the time of the order's birth, which our id carries, stands in for it.
 */
export function kashierGateway(options: KashierOptions): GatewayPort {
  const { merchantId, apiKey, secretKey, mode, timeoutMs } = options;

  async function send(method: 'POST' | 'PUT', path: string, body: object, headers: Record<string, string> = {}): Promise<z.output<typeof answerSchema>> {
    try {
      const response = await request(options.apiUrl + path, {
        method,
        headers: { accept: 'application/json', 'content-type': 'application/json', authorization: secretKey, ...headers },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(timeoutMs),
      });
      const text = await response.body.text();
      // A refusal comes as 4xx with a body of the same form; what has no such body is no answer.
      if (response.statusCode < 500 && !NO_DECISION.has(response.statusCode)) return answerSchema.parse(JSON.parse(text));
    } catch (error) {
      if ((error as Error).name === 'TimeoutError') throw new GatewayUnanswered('TIMEOUT');
    }
    throw new GatewayUnanswered('UNAVAILABLE');
  }

  /** What is known there of one order; null when nothing is. */
  async function orderReport(orderId: string): Promise<z.output<typeof reportSchema>['response'] | null> {
    try {
      const response = await request(`${options.reportUrl}/payments/orders/${encodeURIComponent(orderId)}`, {
        headers: { accept: 'application/json', authorization: secretKey },
        signal: AbortSignal.timeout(timeoutMs),
      });
      const text = await response.body.text();
      if (response.statusCode === 404) return null;
      if (response.statusCode === 200) {
        const known = reportSchema.parse(JSON.parse(text)).response;
        return known.merchantOrderId === orderId ? known : null;
      }
    } catch (error) {
      if ((error as Error).name === 'TimeoutError') throw new GatewayUnanswered('TIMEOUT');
    }
    throw new GatewayUnanswered('UNAVAILABLE');
  }

  /** What of an order was paid; null for one that was not. A report with a hole in it is none: any silence is the answer of all. */
  async function report(orderId: string): Promise<SettledOrder | null> {
    const known = await orderReport(orderId);
    const amount = known && readAmount(known.totalCapturedAmount, known.currency);
    return amount ? { orderId, amount, paidAt: known.date ?? bornAt(orderId) } : null;
  }

  return {
    orderState: async (orderId) => {
      const known = await orderReport(orderId);
      const minorOf = (text: string | undefined) => (known && text ? (readAmount(text, known.currency)?.amountMinor ?? 0n) : 0n);
      const sums = {
        authorisedMinor: minorOf(known?.totalAuthorizedAmount),
        capturedMinor: minorOf(known?.totalCapturedAmount),
        refundedMinor: minorOf(known?.totalRefundedAmount),
      };
      const status = known?.status.toUpperCase() ?? '';
      if (sums.capturedMinor > 0n) return { state: 'CAPTURED', ...sums };
      if (status.startsWith('VOID')) return { state: 'VOIDED', ...sums };
      if (status.startsWith('FAIL') || status.startsWith('DECLINE')) return { state: 'DECLINED', ...sums };
      return { state: sums.authorisedMinor > 0n || status.startsWith('AUTHORI') ? 'AUTHORISED' : 'UNKNOWN', ...sums };
    },
    paymentUrl: ({ id, amount }) => {
      const order = { merchantId, orderId: id, amount: formatAmount(amount), currency: amount.currency };
      const query = new URLSearchParams({
        ...order,
        hash: kashierOrderHash(apiKey, order),
        mode,
        merchantRedirect: options.origin(),
        serverWebhook: `${options.origin()}/webhooks/payments/kashier`,
        allowedMethods: 'card,wallet',
        display: 'en',
      });
      return `${options.checkoutUrl}/?${query}`;
    },

    charge: async ({ kind, key, orderId, token, amount }): Promise<GatewayAnswer> => {
      const answer =
        kind === 'AUTHORISE'
          ? await send('POST', '/v3/orders/', newOrder({ orderId, amount, token, key }), {
              'kashier-hash': kashierOrderHash(apiKey, { merchantId, orderId, amount: formatAmount(amount), currency: amount.currency }),
            })
          : await send('PUT', `/v3/orders/${orderId}/`, {
              apiOperation: OPERATIONS[kind],
              reason: key,
              transaction: { amount: formatAmount(amount) },
            });
      if (answer.status === 'SUCCESS') return { accepted: true, reference: answer.response?.transactionId ?? orderId };
      // Neither yes nor no: asked again later.
      if (answer.status === 'PENDING') throw new GatewayUnanswered('TIMEOUT');
      return { accepted: false, code: answer.response?.transactionResponseCode ?? answer.status };
    },

    settlement: async (from, to, ours) => {
      const settled: SettledOrder[] = [];
      for (let next = 0; next < ours.length; next += REPORTS_AT_ONCE) {
        const found = await Promise.all(ours.slice(next, next + REPORTS_AT_ONCE).map(report));
        settled.push(...found.filter((order) => order !== null));
      }
      return settled.filter(({ paidAt }) => paidAt >= from && paidAt < to);
    },

    readWebhook: (headers, rawBody) => {
      let message: unknown;
      try {
        message = JSON.parse(rawBody.toString());
      } catch {
        return null;
      }
      const data = (message as { data?: Record<string, unknown> } | null)?.data;
      if (!data || typeof data !== 'object' || !isKashierSigned(apiKey, data, headers[KASHIER_SIGNATURE_HEADER])) return null;
      const parsed = webhookSchema.safeParse(message);
      return parsed.success ? toEvent(parsed.data) : 'malformed';
    },
  };

  function newOrder(order: { orderId: string; amount: Money; token: string | null; key: string }) {
    return {
      apiOperation: OPERATIONS.AUTHORISE,
      merchantId,
      paymentMethod: { type: 'CARD', card: { cardToken: order.token } },
      order: { reference: order.orderId, amount: formatAmount(order.amount), currency: order.amount.currency },
      interactionSource: 'MOTO',
      metaData: { kashierReference: order.key },
    };
  }
}

/** Our ids are of version 7: the first 48 bits are the milliseconds of their birth. */
function bornAt(orderId: string): Date {
  const uuid = uuidOf('dep', orderId) ?? '';
  return new Date(Number.parseInt(uuid.replaceAll('-', '').slice(0, 12), 16) || 0);
}

function toEvent({ event, data }: z.output<typeof webhookSchema>): GatewayEvent | 'ignored' {
  // Authorisations, captures, voids and refunds are answers to our own calls.
  if (event !== 'pay' || data.status === 'PENDING') return 'ignored';
  const paid = data.status === 'SUCCESS';
  return {
    id: `${data.transactionId}:${data.status}`,
    type: paid ? 'PAID' : 'DECLINED',
    orderId: data.merchantOrderId,
    amount: readAmount(data.amount, data.currency),
  };
}

function readAmount(amount: string, currency: string): Money | null {
  try {
    return parsePositiveAmount(amount, currency);
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}
