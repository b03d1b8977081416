import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { systemActor } from '../../../platform/actor.js';
import { newUuid } from '../../../platform/ids.js';
import { money } from '../../../platform/money.js';
import { type Database, inTransaction, type Tx } from '../../../platform/postgres.js';
import { traceIdOf } from '../../../platform/serveSubgraph.js';
import type { Route } from '../../../platform/subgraph.js';
import { answerCharge, type ChargeAction, chargeOf } from './sandboxCharges.js';
import { decideOrder, paidOrders, sandboxOrder } from './sandboxOrders.js';
import { takePayout } from './sandboxPayouts.js';
import { faultsOf, NO_FAULTS, type SandboxFaults } from './sandboxFaults.js';
import { noSuchPage, outcomePage, PAGE_HEADERS, payPage } from './sandboxPage.js';
import { isSigned, isSignedPage } from './sandboxSignature.js';

type Request = IncomingMessage & { rawBody: Buffer };

/** How long a call with `tok_timeout` is left without an answer: longer than any caller waits. */
const SILENCE_MS = 30_000;
const FLAKY_CALLS = 2;
const MAX_FLAKY = 1_000;

const chargeSchema = z.object({ amountMinor: z.string().regex(/^\d{1,15}$/), currency: z.string().length(3), token: z.string().max(200).optional() });
const payoutSchema = z.object({ amountMinor: z.string().regex(/^\d{1,15}$/), currency: z.string().length(3), accountNumber: z.string().max(40) });
const settlementSchema = z.object({ from: z.coerce.date(), to: z.coerce.date() });
const pageSchema = z.object({ amount: z.string().regex(/^\d{1,15}$/), currency: z.string().length(3), signature: z.string().regex(/^[0-9a-f]{64}$/) });
const outcomes = { pay: 'PAID', decline: 'DECLINED' } as const;

/**
 * The sandbox gateway: a foreign system that happens to live here. It knows nothing of the ledger, keeps its own state, and is reached by HTTP
 * only: a page for people under `/sandbox/pay/<order>`, and a signed API for us under `/sandbox/api/`.
 */
export function sandboxRoutes(options: { db: Database; secret: string; faults?: SandboxFaults }): Route[] {
  const { db, secret, faults = NO_FAULTS } = options;
  /** Calls with `tok_flaky` so far, by key: it is out of order for the first two. */
  const flaky = new Map<string, number>();
  const run = <T>(request: Request, work: (tx: Tx) => Promise<T>) =>
    inTransaction(systemActor('sandbox'), db, { traceId: traceIdOf(request.headers.traceparent), causationId: newUuid() }, work);

  async function handle(request: Request, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://sandbox');
    const [, , area, ...rest] = url.pathname.split('/');
    if (area === 'pay' && rest[0]) return servePage(request, response, url, rest[0]);
    if (area !== 'api') return sendJson(response, 404, { error: 'NOT_FOUND' });
    const signed = `${request.method} ${url.pathname}${url.search}\n${request.rawBody}`;
    if (!isSigned(secret, db.clock(), request.headers, signed)) return sendJson(response, 401, { error: 'BAD_SIGNATURE' });
    if (request.method === 'GET' && rest[0] === 'settlement') return serveSettlement(request, response, url);
    const [what, orderId, action] = rest;
    if (request.method === 'GET' && what === 'charges' && orderId && action === undefined) return serveOrder(request, response, orderId);
    if (request.method === 'POST' && what === 'payouts' && orderId && action === undefined) return servePayout(request, response, orderId);
    if (request.method !== 'POST' || what !== 'charges' || !orderId || !isAction(action)) return sendJson(response, 404, { error: 'NOT_FOUND' });
    return serveCharge(request, response, orderId, action);
  }

  async function serveCharge(request: Request, response: ServerResponse, orderId: string, action: ChargeAction): Promise<void> {
    const key = request.headers['idempotency-key'];
    const parsed = chargeSchema.safeParse(parseJson(request.rawBody));
    if (typeof key !== 'string' || !parsed.success) return sendJson(response, 400, { error: 'BAD_REQUEST' });
    const { amountMinor, currency, token } = parsed.data;
    if (token === 'tok_flaky' && failsStill(key)) return sendJson(response, 503, { error: 'OUT_OF_ORDER' });
    const call = { orderId, key, request: { action, token: token ?? null, amountMinor: BigInt(amountMinor), currency } };
    const answer = await run(request, (tx) => answerCharge(tx, call));
    if (token === 'tok_timeout') await silence(response);
    sendJson(response, 200, answer);
  }

  async function servePayout(request: Request, response: ServerResponse, orderId: string): Promise<void> {
    const key = request.headers['idempotency-key'];
    const parsed = payoutSchema.safeParse(parseJson(request.rawBody));
    if (typeof key !== 'string' || !parsed.success) return sendJson(response, 400, { error: 'BAD_REQUEST' });
    const { amountMinor, currency, accountNumber } = parsed.data;
    const payout = { key, orderId, accountNumber, amountMinor: BigInt(amountMinor), currency };
    sendJson(response, 200, await run(request, (tx) => takePayout(tx, payout, faultsOf(payout.amountMinor, faults).delayMs)));
  }

  async function serveOrder(request: Request, response: ServerResponse, orderId: string): Promise<void> {
    const charge = await run(request, (tx) => chargeOf(tx, orderId));
    sendJson(response, 200, {
      state: charge?.status ?? 'UNKNOWN',
      authorisedMinor: (charge?.amountMinor ?? 0n).toString(),
      capturedMinor: (charge?.capturedMinor ?? 0n).toString(),
      refundedMinor: (charge?.refundedMinor ?? 0n).toString(),
    });
  }

  function failsStill(key: string): boolean {
    const calls = (flaky.get(key) ?? 0) + 1;
    if (flaky.size >= MAX_FLAKY) flaky.clear();
    flaky.set(key, calls);
    return calls <= FLAKY_CALLS;
  }

  async function serveSettlement(request: Request, response: ServerResponse, url: URL): Promise<void> {
    const parsed = settlementSchema.safeParse(Object.fromEntries(url.searchParams));
    if (!parsed.success) return sendJson(response, 400, { error: 'BAD_REQUEST' });
    const orders = await run(request, (tx) => paidOrders(tx, parsed.data.from, parsed.data.to));
    sendJson(response, 200, {
      orders: orders.map(({ id, amountMinor, currency, decidedAt }) => ({ orderId: id, amountMinor: amountMinor.toString(), currency, paidAt: decidedAt })),
    });
  }

  async function servePage(request: Request, response: ServerResponse, url: URL, orderId: string): Promise<void> {
    const parsed = pageSchema.safeParse(Object.fromEntries(url.searchParams));
    const order = parsed.success && { orderId, amountMinor: BigInt(parsed.data.amount), currency: parsed.data.currency, signature: parsed.data.signature };
    if (!order || !isSignedPage(secret, order)) return sendPage(response, 404, noSuchPage());
    const amount = money(order.amountMinor, order.currency);
    if (request.method === 'GET') {
      const known = await run(request, (tx) => sandboxOrder(tx, orderId));
      return sendPage(response, 200, known ? outcomePage(known.outcome, amount) : payPage(amount));
    }
    const wish = new URLSearchParams(request.rawBody.toString()).get('outcome');
    if (wish !== 'pay' && wish !== 'decline') return sendPage(response, 400, payPage(amount));
    const { delayMs, decline } = faultsOf(amount.amountMinor, faults);
    const outcome = decline ? 'DECLINED' : outcomes[wish];
    const decided = await run(request, (tx) => decideOrder(tx, { id: orderId, ...amount, outcome }, delayMs));
    sendPage(response, decided.outcome === outcome ? 200 : 409, outcomePage(decided.outcome, amount));
  }

  return [
    { method: 'GET', path: '/sandbox/*', handle },
    { method: 'POST', path: '/sandbox/*', handle },
  ];
}

function isAction(text: string | undefined): text is ChargeAction {
  return text === 'authorise' || text === 'capture' || text === 'void' || text === 'refund';
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return null;
  }
}

/** Says nothing until the caller gives up, as a gateway that hangs. */
function silence(response: ServerResponse): Promise<void> {
  if (response.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, SILENCE_MS);
    timer.unref();
    response.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  if (response.writableEnded || response.destroyed) return;
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function sendPage(response: ServerResponse, status: number, html: string): void {
  response.writeHead(status, PAGE_HEADERS).end(html);
}
