import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { eq } from 'drizzle-orm';
import { request as call } from 'undici';
import { z } from 'zod';
import { systemActor } from '../../../platform/actor.js';
import { newUuid } from '../../../platform/ids.js';
import { type OutsideWork, retryAt } from '../../../platform/outsideWork.js';
import { type Database, inTransaction, type Tx } from '../../../platform/postgres.js';
import { linkSigner } from '../../../platform/signedLinks.js';
import type { Storage } from '../../../platform/storage.js';
import type { Route } from '../../../platform/subgraph.js';
import { cancelTimer, setTimer } from '../../../platform/timers.js';
import { localEnvelopes } from '../tables.js';
import { SIGNER_API, signerCalls, signerWebhooks } from './localSigner.js';
import { donePage, noSuchPage, SIGNER_PAGE_HEADERS, signPage } from './localSignerPage.js';

type Request = IncomingMessage & { rawBody: Buffer };
type EnvelopeRow = typeof localEnvelopes.$inferSelect;

const WEBHOOK = 'localSignerWebhook';
const PREFIX = '/sign/';
const DAY_MS = 86_400_000;
/** How long somebody may take to sign. */
const OPEN_DAYS = 100;
const CALL_TIMEOUT_MS = 5_000;

const envelopeSchema = z.object({
  key: z.string().min(1).max(100),
  title: z.string().min(1).max(200),
  signerName: z.string().min(1).max(200),
  pdf: z.base64(),
});
const documentKey = (id: string) => `local-signer/${id}.pdf`;

export interface LocalSignerOptions {
  db: Database;
  storage: Storage;
  secret: string;
  /** Where people reach the pages. */
  pageOrigin: () => string;
  webhookUrl: () => string;
}

/**
 * The local signer: a foreign system that happens to live here. It knows nothing of bookings, keeps its own state, takes documents by a signed API, shows
 * each to whoever has its address, and tells how that ended by a signed webhook, again and again until it is heard.
 */
export function localSignerServer(options: LocalSignerOptions): { routes: Route[]; work: OutsideWork<EnvelopeRow> } {
  const { db, storage, secret, pageOrigin, webhookUrl } = options;
  const calls = signerCalls(secret);
  const webhooks = signerWebhooks(secret);
  const links = linkSigner(secret, 'local-signer');
  const run = <T>(work: (tx: Tx) => Promise<T>) => inTransaction(systemActor('signer'), db, { traceId: '0'.repeat(32), causationId: newUuid() }, work);

  async function takeEnvelope(request: Request, response: ServerResponse): Promise<void> {
    if (!calls.isSigned(db.clock(), request.headers, request.rawBody)) return sendJson(response, 401, { error: 'BAD_SIGNATURE' });
    const parsed = envelopeSchema.safeParse(parseJson(request.rawBody));
    if (!parsed.success) return sendJson(response, 400, { error: 'BAD_REQUEST' });
    const { key, title, signerName } = parsed.data;
    const pdf = Buffer.from(parsed.data.pdf, 'base64');
    const envelope = await run((tx) => keepEnvelope(tx, { key, title, signerName, documentSha256: createHash('sha256').update(pdf).digest('hex') }));
    await storage.put(documentKey(envelope.id), pdf);
    const words = links.sign({ id: envelope.id }, new Date(envelope.createdAt.getTime() + OPEN_DAYS * DAY_MS));
    sendJson(response, 200, { signUrl: `${pageOrigin()}${PREFIX}${words}` });
  }

  async function servePage(request: Request, response: ServerResponse): Promise<void> {
    const [words = '', part] = (request.url ?? '').split('?', 1)[0]?.slice(PREFIX.length).split('/') ?? [];
    const link = links.read(words, db.clock());
    const id = link && link !== 'expired' ? (link.payload as { id: string }).id : null;
    const envelope = id && (await run((tx) => envelopeById(tx, id)));
    if (!envelope) return sendPage(response, 404, noSuchPage());
    if (part === 'document') return serveDocument(envelope, response);
    const asking = signPage(envelope, `${PREFIX}${words}/document`);
    if (request.method === 'GET') return sendPage(response, 200, envelope.outcome ? donePage(envelope) : asking);
    const outcome = decisionOf(new URLSearchParams(request.rawBody.toString()));
    if (!outcome) return sendPage(response, 400, asking);
    const decided = await run((tx) => decide(tx, envelope.id, outcome));
    sendPage(response, decided.outcome === outcome ? 200 : 409, donePage(decided));
  }

  async function serveDocument(envelope: EnvelopeRow, response: ServerResponse): Promise<void> {
    const pdf = await storage.get(documentKey(envelope.id));
    if (!pdf) return sendPage(response, 404, noSuchPage());
    // The signing page shows it in a frame of its own.
    const headers = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'x-frame-options': 'SAMEORIGIN' };
    response.writeHead(200, { ...headers, 'content-type': 'application/pdf' }).end(pdf);
  }

  const handle = (request: Request, response: ServerResponse) =>
    request.method === 'POST' && (request.url ?? '').split('?', 1)[0] === SIGNER_API ? takeEnvelope(request, response) : servePage(request, response);

  return {
    routes: [
      { method: 'GET', path: `${PREFIX}*`, handle },
      { method: 'POST', path: `${PREFIX}*`, handle },
    ],
    work: {
      kind: WEBHOOK,
      leaseMs: 3 * CALL_TIMEOUT_MS,
      claim: async (tx, id) => (await envelopeById(tx, id)) ?? null,
      async perform(envelope) {
        const body = JSON.stringify({ key: envelope.key, outcome: envelope.outcome, at: envelope.decidedAt, sha256: envelope.documentSha256 });
        const status = await post(webhookUrl(), body, webhooks.sign(db.clock(), body));
        await run(async (tx) => {
          if (status === 200) return cancelTimer(tx, WEBHOOK, envelope.id);
          const attempts = envelope.attempts + 1;
          await tx.orm.update(localEnvelopes).set({ attempts }).where(eq(localEnvelopes.id, envelope.id));
          await setTimer(tx, { kind: WEBHOOK, key: envelope.id, dueAt: retryAt(tx.now, attempts) });
        });
      },
    },
  };
}

/** What a form says; nothing unless whoever signs has written a name and agreed. */
function decisionOf(form: URLSearchParams): 'SIGNED' | 'DECLINED' | null {
  if (form.get('decision') === 'decline') return 'DECLINED';
  const agreed = form.get('agreed') === 'yes' && (form.get('name') ?? '').trim().length > 0;
  return form.get('decision') === 'sign' && agreed ? 'SIGNED' : null;
}

async function envelopeById(tx: Tx, id: string): Promise<EnvelopeRow | undefined> {
  const [row] = await tx.orm.select().from(localEnvelopes).where(eq(localEnvelopes.id, id));
  return row;
}

async function keepEnvelope(tx: Tx, input: Pick<EnvelopeRow, 'key' | 'title' | 'signerName' | 'documentSha256'>): Promise<EnvelopeRow> {
  await tx.orm
    .insert(localEnvelopes)
    .values({ ...input, id: newUuid(tx.now), attempts: 0, createdAt: tx.now })
    .onConflictDoNothing();
  const [row] = await tx.orm.select().from(localEnvelopes).where(eq(localEnvelopes.key, input.key));
  if (!row) throw new Error('the envelope was not kept');
  return row;
}

/** The first decision stands. */
async function decide(tx: Tx, id: string, outcome: 'SIGNED' | 'DECLINED'): Promise<EnvelopeRow> {
  const [row] = await tx.orm.select().from(localEnvelopes).where(eq(localEnvelopes.id, id)).for('update');
  if (!row) throw new Error('the envelope vanished');
  if (row.outcome) return row;
  await tx.orm.update(localEnvelopes).set({ outcome, decidedAt: tx.now }).where(eq(localEnvelopes.id, id));
  await setTimer(tx, { kind: WEBHOOK, key: id, dueAt: tx.now });
  return { ...row, outcome, decidedAt: tx.now };
}

/** Status of the answer; 0 when there was none. */
async function post(url: string, body: string, headers: Record<string, string>): Promise<number> {
  try {
    const options = { headersTimeout: CALL_TIMEOUT_MS, bodyTimeout: CALL_TIMEOUT_MS, signal: AbortSignal.timeout(CALL_TIMEOUT_MS) };
    const answer = await call(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body, ...options });
    await answer.body.dump();
    return answer.statusCode;
  } catch {
    return 0;
  }
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return null;
  }
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function sendPage(response: ServerResponse, status: number, html: string): void {
  response.writeHead(status, SIGNER_PAGE_HEADERS).end(html);
}
