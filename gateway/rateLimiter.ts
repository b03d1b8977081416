import { createHmac } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { DocumentNode, OperationDefinitionNode } from 'graphql';
import { Refusal } from '../platform/errors.js';
import type { Log } from '../platform/log.js';
import type { Caller } from '../platform/subgraph.js';
import { createBoundedCache } from './boundedCache.js';
import { BY_ADDRESS, classesOf, type RateName, type Rates } from './rates.js';
import type { Blocking, RateWindow, RateWindows, Verdict } from './rateWindows.js';

/** An address that was refused so often in five minutes is shut out for a quarter of an hour. */
const STRIKES = { strikes: 100, strikesWithinMs: 300_000, blockMs: 900_000 } as const;
/** Subjects whose refusals have been logged; each is logged once a minute, or whoever knocks would fill the log. */
const MAX_LOGGED = 1_000;
const LOG_AGAIN_MS = 60_000;

/** What a client is told about its limit, in the headers of HTTP. */
export interface Quota {
  limit: number;
  remaining: number;
  /** Seconds until a place that is taken now is free again. */
  resetSeconds: number;
}

/** RATE_LIMITED, with what the headers say. */
export class RateRefusal extends Refusal {
  readonly quota: Quota;

  constructor(message: string, quota: Quota, details: Record<string, unknown>, retryAfter: number) {
    super('RATE_LIMITED', message, { details, retryAfter });
    this.quota = quota;
  }
}

/** Limits how much one address, person or key may ask for (GW-22). */
export interface RateLimiter {
  /** Counts an operation before anything is done for it. Null for whom there is no limit. @throws RateRefusal */
  enter(caller: Caller): Promise<Quota | null>;
  /** Counts what has a limit of its own in an operation; null when nothing has. @throws RateRefusal */
  operation(caller: Caller, document: DocumentNode, operation: OperationDefinitionNode): Promise<Quota | null>;
}

export interface RateLimiterOptions {
  windows: RateWindows;
  rates: Rates;
  /** Subjects without limits: `ip:<address>`, `user:<uuid>`, `key:<name>`. */
  allowed: ReadonlySet<string>;
  /** Keys the hashes under which addresses are counted and logged: an address is personal data. */
  secret: string;
  log: Log;
}

export function createRateLimiter({ windows, rates, allowed, secret, log }: RateLimiterOptions): RateLimiter {
  const logged = createBoundedCache<string, number>(MAX_LOGGED);
  const addressOf = ({ clientIp }: Caller): string => {
    const hash = createHmac('sha256', secret)
      .update(`rate limit ${networkOf(clientIp)}`)
      .digest('hex');
    return `ip:${hash.slice(0, 20)}`;
  };
  const subjectOf = (caller: Caller): string => {
    const { actor } = caller;
    if (actor.kind === 'USER') return `user:${actor.id}`;
    return actor.kind === 'SERVICE' ? `key:${actor.id}` : addressOf(caller);
  };
  const isFree = ({ actor, clientIp }: Caller): boolean => {
    if (actor.kind === 'SYSTEM' || allowed.has(`ip:${clientIp}`)) return true;
    return (actor.kind === 'USER' && allowed.has(`user:${actor.id}`)) || (actor.kind === 'SERVICE' && allowed.has(`key:${actor.id}`));
  };
  const rateOf = (name: RateName, caller: Caller) => {
    const contract = caller.actor.kind === 'SERVICE' ? rates[`key:${caller.actor.id}`] : undefined;
    return (name === 'key' ? (contract ?? rates.key) : rates[name]) as Rates[string];
  };

  const count = async (caller: Caller, costs: readonly (readonly [RateName, number])[]): Promise<Quota> => {
    const names = costs.map(([name]) => name);
    const counted: RateWindow[] = costs.map(([name, cost]) => {
      const { limit, windowMs } = rateOf(name, caller);
      return { key: `${name}:${BY_ADDRESS.has(name) ? addressOf(caller) : subjectOf(caller)}`, limit, windowMs, cost };
    });
    // Whoever is signed in is known by name and has a limit of their own: they do not pay for others behind the same address.
    const blocking: Blocking | null = names.some((name) => BY_ADDRESS.has(name)) ? { key: addressOf(caller), ...STRIKES } : null;
    const verdict = await windows.take(counted, blocking);
    const window = counted[verdict.window] as RateWindow;
    const quota = { limit: window.limit, remaining: verdict.remaining, resetSeconds: Math.max(1, Math.ceil(verdict.resetMs / 1_000)) };
    if (verdict.outcome === 'TAKEN') return quota;
    report(caller, names[verdict.window] as RateName, verdict);
    throw refusal(names[verdict.window] as RateName, window, verdict, quota);
  };

  const report = (caller: Caller, limit: RateName, verdict: Verdict) => {
    const who = subjectOf(caller);
    // Also one that was shut out by another gateway, or while this one did not hear the answer.
    const blocked = verdict.justBlocked || verdict.outcome === 'BLOCKED';
    const about = `${limit} ${who} ${blocked}`;
    const now = Date.now();
    if ((logged.get(about) ?? 0) > now - LOG_AGAIN_MS) return;
    logged.set(about, now);
    const facts = { traceId: caller.traceId, who, limit, blocked };
    log.warn(facts, blocked ? 'suspicious: an address is shut out for a while' : 'suspicious: more requests than allowed');
  };

  return {
    async enter(caller) {
      if (isFree(caller)) return null;
      const { kind } = caller.actor;
      return count(caller, [[kind === 'USER' ? 'signedIn' : kind === 'SERVICE' ? 'key' : 'anonymous', 1]]);
    },
    async operation(caller, document, operation) {
      if (operation.operation === 'subscription' || isFree(caller)) return null;
      const costs = [...classesOf(document, operation)];
      return costs.length === 0 ? null : count(caller, costs);
    },
  };
}

function refusal(name: RateName, { limit, windowMs }: RateWindow, verdict: Verdict, quota: Quota): RateRefusal {
  const retryAfter = Math.max(1, Math.ceil(verdict.waitMs / 1_000));
  const message =
    verdict.outcome === 'BLOCKED' || verdict.justBlocked
      ? `Too much came from this address. Wait ${retryAfter} seconds, or sign in.`
      : `That is too often: at most ${limit} in ${windowMs / 1_000} seconds. Wait ${retryAfter} seconds.`;
  return new RateRefusal(message, quota, { limit: name, max: limit, windowSeconds: windowMs / 1_000 }, retryAfter);
}

/** The part of an address that one customer of a network usually has: of IPv6 the first 64 bits, or nobody would ever meet a limit. */
export function networkOf(address: string | null): string {
  if (address === null || !isIPv6(address)) return address ?? 'unknown';
  const [head = '', tail] = (address.split('%', 1)[0] as string).split('::');
  const before = head.split(':').filter(Boolean);
  const after = (tail ?? '').split(':').filter(Boolean);
  const zeros = tail === undefined ? [] : Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0');
  const groups = [...before, ...zeros, ...after].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}
