import { request } from 'undici';
import { z } from 'zod';
import { Refusal } from '../../../platform/errors.js';
import { formatAmount, type Money, parsePositiveAmount } from '../../../platform/money.js';
import type { CardStep } from '../payment.js';
import { type GatewayAnswer, type GatewayEvent, type GatewayPort, GatewayUnanswered } from './gatewayPort.js';
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
  /** Where people come back to after paying, and where webhooks go. */
  origin: () => string;
  timeoutMs: number;
}

const OPERATIONS: Readonly<Record<CardStep['kind'], string>> = { AUTHORISE: 'AUTHORIZE', CAPTURE: 'CAPTURE', VOID: 'VOID', REFUND: 'REFUND' };

const answerSchema = z.object({
  status: z.string(),
  response: z.object({ transactionId: z.string().optional(), transactionResponseCode: z.string().optional() }).loose().nullish(),
});
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
 * an operation whose answer was lost is sent again and may be refused by the state of the order, which reconciliation then shows; `kashierReference`
 * (our call's id) goes along for people who compare.
 * It offers no settlement report by API: reconciliation says SETTLEMENT_UNAVAILABLE until one is compared by hand.
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
      if (response.statusCode < 500) return answerSchema.parse(JSON.parse(text));
    } catch (error) {
      if ((error as Error).name === 'TimeoutError') throw new GatewayUnanswered('TIMEOUT');
    }
    throw new GatewayUnanswered('UNAVAILABLE');
  }

  return {
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

    settlement: async () => {
      throw new GatewayUnanswered('UNAVAILABLE');
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
