import type { ServerResponse } from 'node:http';
import { systemActor } from '../../platform/actor.js';
import type { LiveFeed } from '../../platform/livefeed.js';
import { type Database, inTransaction } from '../../platform/postgres.js';
import { traceIdOf } from '../../platform/serveSubgraph.js';
import type { Route } from '../../platform/subgraph.js';
import type { SignerPort } from './adapters/signerPort.js';
import { takeDecision } from './agreementCommands.js';

const PREFIX = '/webhooks/signatures/';

/**
 * `POST /webhooks/signatures/:signer` (BK-11). 401 for a signature that is missing, wrong or older than five minutes: nothing is stored. 503 for an agreement
 * that we are just sending: the signer tells it again. 200 for everything else that we understood, also a second time.
 */
export function signatureWebhook({ db, feed, signer }: { db: Database; feed: LiveFeed; signer: SignerPort }): Route {
  return {
    method: 'POST',
    path: `${PREFIX}*`,
    async handle(request, response) {
      if ((request.url ?? '').split('?', 1)[0]?.slice(PREFIX.length) !== signer.name) return refuse(response, 404, 'NOT_FOUND', 'There is no such signer.');
      const said = signer.readWebhook(request.headers, request.rawBody, db.clock());
      if (said === null) {
        db.log.warn({ signer: signer.name, bytes: request.rawBody.length }, 'webhook with a bad signature refused');
        return refuse(response, 401, 'UNAUTHENTICATED', 'The signature is missing, wrong or too old.');
      }
      if (said === 'malformed') return refuse(response, 400, 'INVALID_REQUEST', 'The message cannot be read.');
      const cause = { traceId: traceIdOf(request.headers.traceparent), causationId: `${signer.name}:${said.key}` };
      const outcome = await inTransaction(systemActor(`webhook:${signer.name}`), db, cause, (tx) => takeDecision(tx, feed, said));
      if (outcome === 'UNKNOWN') db.log.error({ signer: signer.name, key: said.key }, 'a signature for a document that is not ours');
      if (outcome === 'TOO_EARLY') return refuse(response, 503, 'DEPENDENCY_UNAVAILABLE', 'The document is not known yet. Send it again.');
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ received: true, outcome }));
    },
  };
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ errors: [{ message, extensions: { code } }] }));
}
