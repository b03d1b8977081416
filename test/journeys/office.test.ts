import { createHmac, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WaygraphClient } from '../../sdk/client.js';
import { startGraph, type TestGraph } from '../graphHarness.js';
import { eventually } from '../subgraphHarness.js';

const SECRET = 'whsec_dGhlIGpvdXJuZXlzIG93biB3ZWJob29rIHNlY3JldA==';

describe.each(['one', 'split'] as const)('the office story, layout %s', (layout) => {
  let graph: TestGraph;
  let admin: WaygraphClient;
  beforeAll(async () => {
    graph = await startGraph(layout, { RESEND_WEBHOOK_SECRET: SECRET });
    admin = await graph.as('admin');
  });
  afterAll(() => graph[Symbol.asyncDispose]());

  /** A provider's webhook, signed as the provider does (IN-01). */
  function mail(from: string, subject: string, text: string, secret = SECRET) {
    const id = `msg_${randomUUID()}`;
    const timestamp = String(Math.floor(Date.now() / 1000));
    const body = JSON.stringify({
      type: 'email.received',
      created_at: new Date().toISOString(),
      data: {
        email_id: randomUUID(),
        from,
        to: ['support@waygraph.test'],
        subject,
        message_id: `<${randomUUID()}@mail.test>`,
        text,
        html: `<p>${text}</p><script>alert(1)</script>`,
      },
    });
    const signature = createHmac('sha256', Buffer.from(secret.slice('whsec_'.length), 'base64'))
      .update(`${id}.${timestamp}.${body}`)
      .digest('base64');
    return fetch(`${graph.url}/webhooks/resend`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'svix-id': id, 'svix-timestamp': timestamp, 'svix-signature': `v1,${signature}` },
      body,
    });
  }

  test('a mail arrives, is answered, and the answer is delivered after retries', async () => {
    const live = admin.ThreadUpdated()[Symbol.asyncIterator]();
    const first = live.next();
    const subject = `Lost bag ${randomUUID()}`;
    // The subscription may still be on its way: the thread itself does not depend on it.
    expect((await mail('mona+fail2@example.test', subject, 'I left my bag in the car.')).status).toBe(200);
    const thread = await eventually(async () => (await admin.Threads({})).threads.nodes.find((each) => each.subject === subject), 'the thread');
    expect(thread.messages[0]).toMatchObject({ direction: 'INBOUND', text: expect.stringContaining('bag') });
    expect(thread.messages[0]?.html ?? '').not.toContain('script');
    await admin.ReplyToThread({ input: { threadId: thread.id, text: 'We have found it.' } });
    expect((await first).value?.threadUpdated.id).toBe(thread.id);
    await live.return?.();
    await eventually(async () => (await (await fetch(`${graph.url}/mail`)).text()).includes('mona+fail2@example.test'), 'the reply to be delivered', 60_000);
    expect((await admin.CloseThread({ id: thread.id })).closeThread.status).toBe('CLOSED');
  });

  test('a forged mail is refused and leaves nothing', async () => {
    const subject = `Forged ${randomUUID()}`;
    const answer = await mail('x@example.test', subject, 'hello', 'whsec_Zm9yZ2VkIHNlY3JldCBvZiBzb21lYm9keSBlbHNl');
    expect(answer.status).toBe(401);
    expect((await admin.Threads({})).threads.nodes.map((each) => each.subject)).not.toContain(subject);
  });

  test('a withdrawal is held, approved and paid, and the books are clean', async () => {
    const driver = await graph.as('driver');
    const { requestWithdrawal } = await driver.RequestWithdrawal({
      input: { amount: { amount: '100.00', currency: 'EGP' }, method: 'BANK', accountNumber: 'EG380019000500000000263180002', idempotencyKey: randomUUID() },
    });
    expect((await driver.Me()).me?.wallet?.available.amount).toBe('400.00');
    expect((await admin.Withdrawals({ status: 'REQUESTED' })).withdrawals.nodes.map((each) => each.id)).toContain(requestWithdrawal.id);
    await admin.ApproveWithdrawal({ id: requestWithdrawal.id });
    await eventually(
      async () => (await admin.Withdrawals({ status: 'PAID' })).withdrawals.nodes.some((each) => each.id === requestWithdrawal.id),
      'the payout',
    );
    expect((await driver.Me()).me?.wallet).toMatchObject({ balance: { amount: '400.00' }, available: { amount: '400.00' } });
    expect((await admin.RunReconciliation()).runReconciliation).toMatchObject({ ok: true, discrepancies: [] });
    expect((await admin.SystemHealth()).systemHealth.violations).toEqual([]);
  });

  test('a customer is none of the office', async () => {
    const customer = await graph.as('customer');
    for (const attempt of [customer.Threads, customer.Withdrawals, customer.RunReconciliation, customer.SystemHealth]) {
      await expect(attempt()).rejects.toMatchObject({ code: 'FORBIDDEN' });
    }
  });
});
