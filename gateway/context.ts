import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Caller } from '../platform/subgraph.js';
import type { FetchTiming } from './executor/run.js';
import type { Deadline } from './deadline.js';

/** What one operation carries through the gateway: who asks, and until when it is worth the work. */
export interface GatewayContext {
  caller: Caller;
  /** Null for the events of a subscription, whose fetches are bounded by the links' own time-outs. */
  deadline: Deadline | null;
  /** Whoever sends the answer can do with JSON text in place of the data. */
  asText?: boolean;
  /** Told of every fetch, for those who ask where the time goes (EN-06). */
  onFetch?: (timing: FetchTiming) => void;
}

const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/;
const NO_TRACE = '0'.repeat(32);

/** The trace id of a W3C `traceparent` header, or a new one when there is none or it is malformed. */
export function traceIdOf(traceparent: unknown): string {
  const given = typeof traceparent === 'string' ? TRACEPARENT.exec(traceparent)?.[1] : undefined;
  return given && given !== NO_TRACE ? given : randomBytes(16).toString('hex');
}

/** A `traceparent` header for a call that belongs to this trace; the span id is new, the trace is sampled by its owner. */
export function traceparentOf(traceId: string): string {
  return `00-${traceId}-${randomBytes(8).toString('hex')}-01`;
}

/**
 * The client's address. `X-Forwarded-For` is believed only as far as there are proxies of our own in front: what stands further left was
 * written by whoever called, and may be invented to get around limits.
 */
export function clientIpOf(request: IncomingMessage, trustedProxies: number): string | null {
  const forwarded = request.headers['x-forwarded-for'];
  const hops = (Array.isArray(forwarded) ? forwarded.join(',') : (forwarded ?? ''))
    .split(',')
    .map((hop) => hop.trim())
    .filter(Boolean);
  const all = [...hops, request.socket.remoteAddress ?? ''];
  const address = all[Math.max(0, all.length - 1 - trustedProxies)] ?? '';
  return address.replace(/^::ffff:/, '') || null;
}

/** A header that may stand once; the first value when it stands more often. */
export function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
