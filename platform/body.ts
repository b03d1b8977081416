import type { IncomingMessage } from 'node:http';

/** What of a body that is too large is still taken and thrown away, so that the sender gets to read why it was refused; beyond that it is cut off. */
const DISCARDED_BYTES = 32 * 1024 * 1024;

/** The whole body of a request, or null when it is larger than `limit` bytes: nothing of it is kept then. */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Leaving the loop must not destroy the request: that would take the socket, and the refusal with it.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= limit) chunks.push(chunk);
    else chunks.length = 0;
    if (size > limit + DISCARDED_BYTES) return null;
  }
  return size > limit ? null : Buffer.concat(chunks);
}
