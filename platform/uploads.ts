import type { IncomingMessage, ServerResponse } from 'node:http';
import { Refusal } from './errors.js';
import { imageTooLarge, type ImageFacts, type ImageType, invalidImage, isImageType, readImage } from './images.js';
import { MAX_IMAGE_BYTES } from './imageLimits.js';
import type { Log } from './log.js';
import type { LinkSigner } from './signedLinks.js';
import type { Route } from './subgraph.js';

/** What of an upload was agreed when its address was given out; signed into the address, so that nothing is written down before a good file comes. */
export interface Ticket {
  contentType: ImageType;
}

export interface UploadOptions<T extends Ticket> {
  /** Path before the signed words, such as `/uploads/fleet/`. */
  prefix: string;
  links: LinkSigner;
  clock: () => Date;
  log: Log;
  /** Keeps a file that has been looked at. What it resolves to is the answer's body. */
  keep(ticket: T, file: { bytes: Buffer; facts: ImageFacts; traceId: string | undefined }): Promise<object>;
}

/** HTTP status by the rule that was broken; everything else that is refused is 422. */
const STATUS: Readonly<Record<string, number>> = { max_bytes: 413, type: 415, LINK_EXPIRED: 410, NOT_FOUND: 404, CONFLICT: 409, DEPENDENCY_UNAVAILABLE: 503 };

/**
 * `PUT <prefix><signed words>` takes one picture. The words are the permission: whoever asked for them was allowed to, and they expire. A file that is
 * refused leaves nothing behind. Repeated, it answers as the first time.
 */
export function uploadRoute<T extends Ticket>({ prefix, links, clock, log, keep }: UploadOptions<T>): Route {
  async function take(request: IncomingMessage & { rawBody: Buffer }): Promise<object> {
    const link = links.read((request.url ?? '').split('?', 1)[0]?.slice(prefix.length) ?? '', clock());
    if (link === null)
      throw new Refusal('NOT_FOUND', 'This address is not for an upload. Ask for a new one.', { details: { field: 'url', rule: 'signature' } });
    if (link === 'expired')
      throw new Refusal('LINK_EXPIRED', 'This upload address has expired. Ask for a new one.', { details: { field: 'url', rule: 'expired' } });
    const ticket = link.payload as T;
    const declared = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
    if (!isImageType(declared) || declared !== ticket.contentType) {
      throw invalidImage('content-type', 'type', `This address takes ${ticket.contentType}: send that as the content-type.`, { type: ticket.contentType });
    }
    if (request.rawBody.length > MAX_IMAGE_BYTES) throw imageTooLarge();
    const facts = await readImage(request.rawBody, ticket.contentType);
    const { traceparent } = request.headers;
    return keep(ticket, { bytes: request.rawBody, facts, traceId: Array.isArray(traceparent) ? traceparent[0] : traceparent });
  }

  return {
    method: 'PUT',
    path: `${prefix}*`,
    maxBodyBytes: MAX_IMAGE_BYTES,
    async handle(request, response) {
      try {
        sendJson(response, 201, await take(request));
      } catch (error) {
        if (!(error instanceof Refusal)) {
          log.error({ err: error }, 'upload failed');
          return sendJson(response, 500, { errors: [{ message: 'The upload failed. Try again.', extensions: { code: 'INTERNAL_ERROR' } }] });
        }
        const { code, message, details } = error;
        sendJson(response, STATUS[String(details?.rule)] ?? STATUS[code] ?? 422, { errors: [{ message, extensions: { code, ...(details && { details }) } }] });
      }
    },
  };
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(JSON.stringify(body));
}
