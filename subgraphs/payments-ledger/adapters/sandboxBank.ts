import { z } from 'zod';
import type { PayoutPort } from './payoutPort.js';
import { sandboxCaller, type SandboxCalls } from './sandboxCalls.js';

const answerSchema = z.discriminatedUnion('state', [
  z.object({ state: z.enum(['PAID', 'PENDING']), reference: z.string() }),
  z.object({ state: z.literal('REFUSED'), code: z.string() }),
]);

/** Our side of the sandbox's bank: takes payouts over HTTP, and tells by a signed webhook what became of them. */
export function sandboxBank(options: SandboxCalls): PayoutPort {
  const call = sandboxCaller(options);
  return {
    pay: ({ key, orderId, method, accountNumber, amount }) => {
      const body = JSON.stringify({ method, accountNumber, amountMinor: amount.amountMinor.toString(), currency: amount.currency });
      return call(answerSchema, 'POST', `/sandbox/api/payouts/${orderId}`, body, { 'idempotency-key': key });
    },
  };
}
