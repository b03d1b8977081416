import { randomFillSync } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Caller } from '../platform/subgraph.js';
import type { Deadline } from './deadline.js';
import type { Timings } from './timings.js';

/** What one operation carries through the gateway: who asks, and until when it is worth the work. */
export interface GatewayContext {
  caller: Caller;
  /** Null for the events of a subscription, whose fetches are bounded by the links' own time-outs and by their watchers' leaving. */
  deadline: Deadline | null;
  /** The `traceparent` header as it came, for spans: the client's span is the parent of ours. */
  traceparent?: string | undefined;
  /** Whoever sends the answer can do with JSON text in place of the data. */
  asText?: boolean;
  /** Nobody asks: the operation is planned for those who will. */
  ahead?: boolean;
  /** Filled in while the answer is made, for those who can tell caches of it; without it nothing is kept and nothing is taken from what was kept. */
  keeping?: Keeping;
  /** For those who ask where the time goes (EN-06): told with the answer. */
  timings?: Timings;
}

/** What HTTP's caches are told of an answer (GW-30). */
export interface Keeping {
  /** The client wants what is now, not what was kept; and does not want its answer kept, either. */
  readonly wantsFresh: boolean;
  readonly wantsUnkept: boolean;
  /** What is fetched from now on is going to be kept: it joins no fetch that began before. */
  mustBeFresh: boolean;
  /** Seconds for which anybody may keep it; null for not at all. */
  maxAgeS: number | null;
  /** Seconds since it was made, for one that was kept. */
  ageS: number;
  /** Whether it came from what was kept; null where nothing could be. */
  found: boolean | null;
}

const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/;
const NO_TRACE = '0'.repeat(32);

/** Random bytes ahead of need: asking the system for eight costs as much as for four thousand. */
const pool = Buffer.alloc(4_096);
let poolUsed = pool.length;

/** So many random bytes as hexadecimal digits. */
function randomHex(bytes: number): string {
  if (poolUsed + bytes > pool.length) {
    randomFillSync(pool);
    poolUsed = 0;
  }
  const text = pool.toString('hex', poolUsed, poolUsed + bytes);
  poolUsed += bytes;
  return text;
}

/** The trace id of a W3C `traceparent` header, or a new one when there is none or it is malformed. */
export function traceIdOf(traceparent: unknown): string {
  const given = typeof traceparent === 'string' ? TRACEPARENT.exec(traceparent)?.[1] : undefined;
  return given && given !== NO_TRACE ? given : randomHex(16);
}

/** A `traceparent` header for a call that belongs to this trace; the span id is new unless there is a span, the trace is sampled by its owner. */
export function traceparentOf(traceId: string, spanId?: string): string {
  return `00-${traceId}-${spanId ?? randomHex(8)}-01`;
}

/**
 * The client's address. `X-Forwarded-For` is believed only as far as there are proxies of our own in front: what stands further left was
 * written by whoever called, and may be invented to get around limits.
 */
export function clientIpOf(request: IncomingMessage, trustedProxies: number): string | null {
  const forwarded = request.headers['x-forwarded-for'];
  if (forwarded === undefined) return withoutPrefix(request.socket.remoteAddress ?? '');
  const hops = (Array.isArray(forwarded) ? forwarded.join(',') : forwarded)
    .split(',')
    .map((hop) => hop.trim())
    .filter(Boolean);
  const all = [...hops, request.socket.remoteAddress ?? ''];
  const address = all[Math.max(0, all.length - 1 - trustedProxies)] ?? '';
  return withoutPrefix(address);
}

/** IPv4 as it is called, on sockets of IPv6 too. */
const withoutPrefix = (address: string) => (address.startsWith('::ffff:') ? address.slice(7) : address) || null;

/** A header that may stand once; the first value when it stands more often. */
export function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
