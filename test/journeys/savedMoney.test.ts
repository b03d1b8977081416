import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newUuid, publicId } from '../../platform/ids.js';
import { signMessage } from '../../subgraphs/payments-ledger/adapters/sandboxSignature.js';
import { DEMO_SANDBOX_SECRET } from '../../subgraphs/payments-ledger/config.js';
import { type Answered, pay, savedOperations } from '../given/savedOperations.js';
import { acceptedTrip, drivenTrip, NO_REST, owedTrip } from '../given/savedRides.js';
import { startGraph, type TestGraph } from '../graphHarness.js';
import { eventually } from '../subgraphHarness.js';

let graph: TestGraph;
beforeAll(async () => {
  // Admins confirm payouts only where no bank does.
  graph = await startGraph('one', { PAYOUTS: 'manual', ...NO_REST });
});
afterAll(() => graph[Symbol.asyncDispose]());

const EGP = (amount: string) => ({ amount, currency: 'EGP' });

/** The gateway tells of money for an order that nobody knows. */
async function strayPayment(): Promise<string> {
  const orderId = publicId('dep', newUuid(new Date(Date.now() - 3_600_000)));
  const body = JSON.stringify({ id: randomUUID(), type: 'payment.paid', orderId, amount: '7.25', currency: 'EGP' });
  const headers = { 'content-type': 'application/json', ...signMessage(DEMO_SANDBOX_SECRET, new Date(), body) };
  expect((await fetch(`${graph.url}/webhooks/payments/sandbox`, { method: 'POST', headers, body })).status).toBe(200);
  return orderId;
}

/** Deposits of so many times 50.00, of which the last one is paid. */
async function deposits(account: 'customer2' | 'driver', times: number): Promise<void> {
  const person = await graph.as(account);
  for (let left = times; left > 0; left -= 1) {
    const { initiateDeposit } = await person.InitiateDeposit({ input: { amount: EGP('50.00'), idempotencyKey: randomUUID() } });
    if (left === 1) await pay(initiateDeposit.paymentUrl);
  }
}

test('GW-50: every saved operation of money and of its control runs as it is, for the one that it names, with its own example', {
  timeout: 180_000,
}, async () => {
  const operations = savedOperations(graph);
  const { run, notRun } = operations;
  const flagged = (kind: string) =>
    eventually(
      async () => (await run('Control 4')).fraudFlags.nodes.find((flag: Answered) => flag.kind === kind && flag.status === 'OPEN'),
      `the flag ${kind}`,
    );

  // A deposit comes, is seen in the books, and is called back.
  const { initiateDeposit } = await run('Rental 3');
  expect((await run('Money 1', { id: initiateDeposit.id })).deposit.status).toBe('PENDING');
  await pay(initiateDeposit.paymentUrl);
  await eventually(async () => (await run('Money 1', { id: initiateDeposit.id })).deposit.status === 'COMPLETED', 'the deposit');
  expect((await run('Money 3')).me.wallet.balance).toEqual(EGP('20500.00'));
  const kinds = (await run('Control 9')).me.wallet.statement.entries.nodes.map(({ kind }: Answered) => kind);
  expect(kinds).toEqual(['OPENING_BALANCE', 'DEPOSIT']);
  const posted = (await run('Control 7')).ledgerTransactions.nodes.find(({ kind }: Answered) => kind === 'DEPOSIT');
  expect((await run('Control 8', { input: { transactionId: posted.id } })).revertTransaction.transaction).not.toBeNull();
  expect((await run('Money 3')).me.wallet.balance).toEqual(EGP('20000.00'));

  // A trip that was paid is paid back in part; for another one the rider owes, and is let off.
  await run('Ride 1');
  const paid = await drivenTrip(operations, await acceptedTrip(operations), 'CAPTURED');
  expect((await run('Money 4', { input: { paymentId: paid.id } })).refundPayment.refunded).toEqual(EGP('10.00'));
  const owed = await owedTrip(operations);
  expect((await run('Money 11', { input: { paymentId: owed.id } })).waiveDebt.owed).toEqual(EGP('0.00'));

  // A partner gets credit, and sends money.
  const { user } = (await run('Account 2')).signUp;
  expect((await run('Money 5', { input: { partnerId: user.id } })).openPartnerWallet.creditLimit).toEqual(EGP('5000.00'));
  expect((await run('Money 6', { input: { partnerId: user.id } })).fundPartnerWallet.balance).toEqual(EGP('1000.00'));

  // Money for an order of nobody's is found by the reconciliation, explained, and dismissed.
  const orderId = await strayPayment();
  await run('Office 9');
  const stray = (await run('Control 2')).discrepanciesFound.nodes.find(({ actual }: Answered) => actual.includes(orderId));
  expect((await run('Control 3', { input: { id: stray.id } })).resolveDiscrepancy.status).toBe('RESOLVED');
  const inReview = (await run('Money 7')).paymentsInReview.nodes.find((payment: Answered) => payment.orderId === orderId);
  expect((await run('Money 8', { input: { id: inReview.id } })).resolvePaymentInReview.resolution).toBe('DISMISSED');

  // A driver takes money out: once it arrives, once it does not. Admins send it by hand here.
  const approved = async () => {
    const { requestWithdrawal } = await run('Office 5');
    await run('Office 7', { id: requestWithdrawal.id });
    return requestWithdrawal.id as string;
  };
  const [sent, refused] = [await approved(), await approved()];
  expect((await run('Money 9', { input: { id: sent } })).confirmPayout).toMatchObject({ status: 'PAID', payoutReference: 'TRANSFER-1' });
  expect((await run('Money 10', { input: { id: refused } })).failPayout.status).toBe('FAILED');
  expect((await run('Money 2', { id: sent })).withdrawal.status).toBe('PAID');

  // Two people look odd, and one of them is.
  await deposits('driver', 1);
  const quick = await flagged('RAPID_WITHDRAWAL');
  expect((await run('Control 5', { input: { id: quick.id } })).clearFraudFlag.status).toBe('CLEARED');
  await deposits('customer2', 11);
  const busy = await flagged('HIGH_VELOCITY');
  expect((await run('Control 6', { input: { id: busy.id } })).confirmFraudFlag.status).toBe('CONFIRMED');

  // What it comes to.
  expect((await run('Control 1')).ledgerHealth).toMatchObject({ balanced: true, openFraudFlags: 0, violations: [] });
  expect((await run('Control 10')).financialReport.length).toBeGreaterThan(0);
  const { requestReport } = await run('Control 11');
  const { reportFile } = await eventually(async () => {
    const answer = await run('Control 12', { id: requestReport.id });
    return answer.reportFile.status === 'DONE' && answer;
  }, 'the report');
  expect(reportFile.content).toMatch(/^from,trips,/);

  // A new one has to be added here.
  expect(notRun('Money', 'Control')).toEqual([]);
});
