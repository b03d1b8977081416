import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import { systemActor } from '../../platform/actor.js';
import { Refusal } from '../../platform/errors.js';
import { type Database, inTransaction } from '../../platform/postgres.js';
import { traceIdOf } from '../../platform/serveSubgraph.js';
import type { Route } from '../../platform/subgraph.js';
import { storeProviderEvent } from './providerEventCommands.js';
import { storable } from './storable.js';
import { verifyWebhook } from './webhookSignature.js';

const MAX_EVENT_ID = 200;

/** What is common to all events; the rest is looked at when it is processed. Anything that is an object is kept, also of types that we do not know. */
const eventSchema = z.looseObject({
  type: z.string().max(100).catch('unknown'),
  data: z
    .looseObject({ email_id: z.string().max(200).nullish().catch(null) })
    .nullish()
    .catch(null),
});

/**
 * `POST /webhooks/resend` (IN-01). Checks the signature, keeps the event, and answers: a timer does the rest. 401 for a bad signature, and then nothing
 * is kept; 200 for an event that we have already; 503 when we cannot keep it, so that the provider comes again.
 */
export function resendWebhook(db: Database, secrets: readonly string[]): Route {
  let refused = 0;
  return {
    method: 'POST',
    path: '/webhooks/resend',
    async handle(request, response) {
      const verdict = verifyWebhook(secrets, request.headers, request.rawBody, db.clock());
      if (!verdict.ok) {
        refused += 1;
        db.log.warn({ reason: verdict.reason, refused }, 'webhook refused');
        return answer(response, 401, failure('UNAUTHENTICATED', `The webhook is not signed as it should be: ${verdict.reason}.`));
      }
      const event = parseEvent(request.rawBody);
      if (!event || verdict.eventId.length > MAX_EVENT_ID) return answer(response, 400, failure('INVALID_REQUEST', 'The body is no JSON object.'));
      const cause = { traceId: traceIdOf(request.headers.traceparent), causationId: `webhook:${verdict.eventId}` };
      try {
        const isNew = await inTransaction(systemActor('webhook'), db, cause, (tx) =>
          storeProviderEvent(tx, { eventId: verdict.eventId, type: event.type, emailId: event.data?.email_id ?? null, payload: event }),
        );
        return answer(response, 200, { received: true, repeated: !isNew });
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        return answer(response, 503, failure(error.code, error.message));
      }
    },
  };
}

function parseEvent(body: Buffer): z.output<typeof eventSchema> | null {
  try {
    return eventSchema.safeParse(storable(JSON.parse(body.toString('utf8')))).data ?? null;
  } catch {
    return null;
  }
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function failure(code: string, message: string) {
  return { errors: [{ message, extensions: { code } }] };
}
