import type { IncomingMessage, ServerResponse } from 'node:http';
import { systemActor } from '../../platform/actor.js';
import { type Database, inTransaction } from '../../platform/postgres.js';
import { traceIdOf } from '../../platform/serveSubgraph.js';
import type { Route } from '../../platform/subgraph.js';
import type { GatewayPort } from './adapters/gatewayPort.js';
import { atDesk, type Desk } from './desk.js';
import { takeGatewayEvent } from './webhookCommands.js';

const PREFIX = '/webhooks/payments/';

/**
 * `POST /webhooks/payments/:adapter` (PL-10, PL-13). 401 for a signature that is missing, wrong or older than five minutes: logged, and nothing stored.
 * 503 for an order so new that it may not have been written yet: nothing is stored, and the gateway sends it again. 200 for everything else that we understood, also a second time; a gateway repeats what got another answer.
 */
export function webhookRoute(options: { db: Database; desk: Desk; gateways: ReadonlyMap<string, Pick<GatewayPort, 'readWebhook'>> }): Route {
  const { db, desk, gateways } = options;
  return {
    method: 'POST',
    path: `${PREFIX}*`,
    async handle(request: IncomingMessage & { rawBody: Buffer }, response: ServerResponse) {
      const adapter = new URL(request.url ?? '/', 'http://webhook').pathname.slice(PREFIX.length);
      const gateway = gateways.get(adapter);
      if (!gateway) return answer(response, 404, refusal('NOT_FOUND', 'There is no such payment gateway.'));
      const event = gateway.readWebhook(request.headers, request.rawBody, db.clock());
      if (event === null) {
        db.log.warn({ adapter, bytes: request.rawBody.length }, 'webhook with a bad signature refused');
        return answer(response, 401, refusal('UNAUTHENTICATED', 'The signature is missing, wrong or too old.'));
      }
      if (event === 'malformed') {
        db.log.error({ adapter, bytes: request.rawBody.length }, 'a signed webhook makes no sense');
        return answer(response, 400, refusal('INVALID_REQUEST', 'The message cannot be read.'));
      }
      if (event === 'ignored') return answer(response, 200, { received: true, outcome: 'NOTHING_TO_DO' });
      const cause = { traceId: traceIdOf(request.headers.traceparent), causationId: `${adapter}:${event.id}` };
      const outcome = await inTransaction(systemActor(`webhook:${adapter}`), db, cause, (tx) => takeGatewayEvent(atDesk(tx, desk), adapter, event));
      if (outcome === 'UNKNOWN_ORDER') db.log.error({ adapter, eventId: event.id }, 'webhook for an order that is not ours');
      // The message was faster than our own commit: sent again, it finds the order.
      if (outcome === 'TOO_EARLY') return answer(response, 503, refusal('DEPENDENCY_UNAVAILABLE', 'The order is not known yet. Send it again.'));
      return answer(response, 200, { received: true, outcome });
    },
  };
}

function refusal(code: string, message: string) {
  return { errors: [{ message, extensions: { code } }] };
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
