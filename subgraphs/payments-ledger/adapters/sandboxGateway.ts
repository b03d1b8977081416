import { request } from 'undici';
import { z } from 'zod';
import { Refusal } from '../../../platform/errors.js';
import { type Money, money, parsePositiveAmount } from '../../../platform/money.js';
import { type GatewayEvent, type GatewayPort, GatewayUnanswered } from './gatewayPort.js';
import { isSigned, signMessage, signPage } from './sandboxSignature.js';

export interface SandboxOptions {
  /** Scheme, host and port under which the sandbox answers: `http://127.0.0.1:4000`. */
  origin: () => string;
  /** The same, as people's browsers reach it. */
  pageOrigin: () => string;
  secret: string;
  timeoutMs: number;
  clock: () => Date;
}

const answerSchema = z.discriminatedUnion('result', [
  z.object({ result: z.literal('ACCEPTED'), reference: z.string() }),
  z.object({ result: z.literal('REFUSED'), code: z.string() }),
]);
const settlementSchema = z.object({
  orders: z.array(z.object({ orderId: z.string(), amountMinor: z.string().regex(/^\d+$/), currency: z.string(), paidAt: z.coerce.date() })),
});
const webhookSchema = z.object({
  id: z.string().min(1).max(200),
  type: z.enum(['payment.paid', 'payment.declined']),
  orderId: z.string().min(1).max(200),
  amount: z.string(),
  currency: z.string(),
});

/** Our side of the sandbox gateway: talks to it over HTTP only, as to any other company's. */
export function sandboxGateway(options: SandboxOptions): GatewayPort {
  const { origin, secret, timeoutMs, clock } = options;

  /** An answer that makes no sense is none: the call is made again. */
  async function call<S extends z.ZodType>(
    schema: S,
    method: 'GET' | 'POST',
    path: string,
    body: string,
    headers: Record<string, string> = {},
  ): Promise<z.output<S>> {
    try {
      const response = await request(origin() + path, {
        method,
        headers: { 'content-type': 'application/json', ...headers, ...signMessage(secret, clock(), `${method} ${path}\n${body}`) },
        ...(method === 'POST' && { body }),
        signal: AbortSignal.timeout(timeoutMs),
      });
      const text = await response.body.text();
      if (response.statusCode >= 200 && response.statusCode < 300) return schema.parse(JSON.parse(text));
    } catch (error) {
      if (isTimeout(error)) throw new GatewayUnanswered('TIMEOUT');
    }
    throw new GatewayUnanswered('UNAVAILABLE');
  }

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
    settlement: async (from, to) => {
      const query = new URLSearchParams({ from: from.toISOString(), to: to.toISOString() });
      const { orders } = await call(settlementSchema, 'GET', `/sandbox/api/settlement?${query}`, '');
      return orders.map(({ orderId, amountMinor, currency, paidAt }) => ({ orderId, amount: money(BigInt(amountMinor), currency), paidAt }));
    },
    readWebhook: (headers, rawBody, now) => (isSigned(secret, now, headers, rawBody) ? readEvent(rawBody) : null),
  };
}

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
  return { id, type: type === 'payment.paid' ? 'PAID' : 'DECLINED', orderId, amount: readAmount(amount, currency) };
}

function readAmount(amount: string, currency: string): Money | null {
  try {
    return parsePositiveAmount(amount, currency);
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

function isTimeout(error: unknown): boolean {
  const { name, code } = error as { name?: string; code?: string };
  return name === 'TimeoutError' || name === 'AbortError' || code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT';
}
