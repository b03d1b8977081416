import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Log } from '../platform/log.js';
import { connectRedis } from '../platform/queue.js';
import { createBoundedCache } from './boundedCache.js';

/** One count that an operation has to fit into. */
export interface RateWindow {
  key: string;
  limit: number;
  windowMs: number;
  /** Places that the operation takes. */
  cost: number;
}

/** How an address that goes on after refusals is shut out: so many refusals in a stretch of time, for so long. */
export interface Blocking {
  key: string;
  strikes: number;
  strikesWithinMs: number;
  blockMs: number;
}

export type Outcome = 'TAKEN' | 'REFUSED' | 'BLOCKED';

export interface Verdict {
  outcome: Outcome;
  /** The refusal that led to a block. */
  justBlocked: boolean;
  /** Which window refused; of those that did not, which has least left. */
  window: number;
  remaining: number;
  /** Milliseconds until the oldest place in that window is free again. */
  resetMs: number;
  /** Milliseconds until the same would be let through; 0 when it was. */
  waitMs: number;
}

/** Counts in sliding windows: in any stretch of a window's length no more than its limit. All windows take, or none does. */
export interface RateWindows {
  take(windows: readonly RateWindow[], blocking: Blocking | null): Promise<Verdict>;
}

/**
 * One script, so that what is decided is what is counted whatever other gateways do at that moment. By the clock of Redis, which they share.
 * Keys: one for each window, then the block and the strikes. Arguments: a name for the places taken, strikes allowed (0 for no blocking), within, for so
 * long; then limit, length and cost of each window.
 */
const TAKE = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local n = #KEYS - 2
local block, strikes = KEYS[n + 1], KEYS[n + 2]
local allowed = tonumber(ARGV[2])
if allowed > 0 then
  local left = redis.call('PTTL', block)
  if left > 0 then return { 2, 1, 0, left, left } end
end
local refused, wait, resetOfRefused, tightest, least, reset = 0, 0, 0, 1, -1, 0
for i = 1, n do
  local limit, length, cost = tonumber(ARGV[i * 3 + 2]), tonumber(ARGV[i * 3 + 3]), tonumber(ARGV[i * 3 + 4])
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now - length)
  local used = redis.call('ZCARD', KEYS[i])
  local oldest = redis.call('ZRANGE', KEYS[i], 0, 0, 'WITHSCORES')
  local untilFree = oldest[2] and (tonumber(oldest[2]) + length - now) or length
  local missing = cost - (limit - used)
  if missing > 0 then
    local until_ = length
    if missing <= used then
      local last = redis.call('ZRANGE', KEYS[i], missing - 1, missing - 1, 'WITHSCORES')
      until_ = tonumber(last[2]) + length - now
    end
    if until_ > wait then
      refused, wait, resetOfRefused = i, until_, untilFree
    end
  end
  local left = limit - used - cost
  if least < 0 or left < least then
    tightest, least, reset = i, math.max(left, 0), untilFree
  end
end
if refused > 0 then
  local outcome = 1
  if allowed > 0 then
    local count = redis.call('INCR', strikes)
    if count == 1 then redis.call('PEXPIRE', strikes, ARGV[3]) end
    if count >= allowed then
      redis.call('SET', block, '1', 'PX', ARGV[4])
      redis.call('DEL', strikes)
      outcome, wait = 3, tonumber(ARGV[4])
    end
  end
  return { outcome, refused, 0, resetOfRefused, wait }
end
for i = 1, n do
  local length, cost = tonumber(ARGV[i * 3 + 3]), tonumber(ARGV[i * 3 + 4])
  for place = 1, cost do redis.call('ZADD', KEYS[i], now, ARGV[1] .. ':' .. place) end
  redis.call('PEXPIRE', KEYS[i], length)
end
return { 0, tightest, least, reset, 0 }`;
const TAKE_SHA = createHash('sha1').update(TAKE).digest('hex');

const PREFIX = 'waygraph:rate:';
const OUTCOMES: readonly Outcome[] = ['TAKEN', 'REFUSED', 'BLOCKED', 'REFUSED'];

let places = 0;
const processName = `${process.pid}.${createHash('sha1').update(`${Date.now()}${Math.random()}`).digest('hex').slice(0, 8)}`;

/** Counts in Redis, for all gateways together. @throws what Redis throws */
export function redisWindows(redis: Redis): RateWindows {
  return {
    async take(windows, blocking) {
      const keys = [...windows.map(({ key }) => PREFIX + key), `${PREFIX}block:${blocking?.key}`, `${PREFIX}strikes:${blocking?.key}`];
      places += 1;
      const place = `${processName}.${places}`;
      const shared = [place, blocking?.strikes ?? 0, blocking?.strikesWithinMs ?? 0, blocking?.blockMs ?? 0];
      const args = [...shared, ...windows.flatMap(({ limit, windowMs, cost }) => [limit, windowMs, cost])];
      const answer = await redis.evalsha(TAKE_SHA, keys.length, ...keys, ...args).catch((error: Error) => {
        if (!error.message.startsWith('NOSCRIPT')) throw error;
        return redis.eval(TAKE, keys.length, ...keys, ...args);
      });
      const [code = 1, window = 1, remaining = 0, resetMs = 0, waitMs = 0] = (answer as (number | string)[]).map(Number);
      return { outcome: OUTCOMES[code] ?? 'REFUSED', justBlocked: code === 3, window: window - 1, remaining, resetMs, waitMs };
    },
  };
}

/** Subjects that one process counts for itself; whoever has more addresses than this is not stopped by counting them. */
const MAX_LOCAL = 50_000;

/** Counts in this process alone: what is left when Redis is away. */
export function localWindows(now: () => number = Date.now): RateWindows {
  const taken = createBoundedCache<string, number[]>(MAX_LOCAL);
  const blocked = createBoundedCache<string, number>(MAX_LOCAL);
  const strikes = createBoundedCache<string, { until: number; count: number }>(MAX_LOCAL);

  const strike = ({ key, strikes: allowed, strikesWithinMs, blockMs }: Blocking, at: number): boolean => {
    const known = strikes.get(key);
    const current = known && known.until > at ? known : { until: at + strikesWithinMs, count: 0 };
    current.count += 1;
    strikes.set(key, current);
    if (current.count < allowed) return false;
    strikes.delete(key);
    blocked.set(key, at + blockMs);
    return true;
  };

  return {
    async take(windows, blocking) {
      const at = now();
      const blockedFor = blocking ? (blocked.get(blocking.key) ?? 0) - at : 0;
      if (blockedFor > 0) return { outcome: 'BLOCKED', justBlocked: false, window: 0, remaining: 0, resetMs: blockedFor, waitMs: blockedFor };
      const states = windows.map(({ key, limit, windowMs, cost }, window) => {
        const places = (taken.get(key) ?? []).filter((place) => place > at - windowMs);
        const missing = cost - (limit - places.length);
        const freeAt = (index: number) => (places[index] ?? at) + windowMs - at;
        const waitMs = missing <= 0 ? 0 : missing <= places.length ? freeAt(missing - 1) : windowMs;
        return { window, places, waitMs, remaining: Math.max(0, limit - places.length - cost), resetMs: freeAt(0) };
      });
      const [slowest] = [...states].sort((a, b) => b.waitMs - a.waitMs);
      if (slowest && slowest.waitMs > 0) {
        const justBlocked = blocking !== null && strike(blocking, at);
        const { window, resetMs, waitMs } = slowest;
        return { outcome: 'REFUSED', justBlocked, window, remaining: 0, resetMs, waitMs: justBlocked ? blocking.blockMs : waitMs };
      }
      for (const { window, places } of states) {
        const { key, cost } = windows[window] as RateWindow;
        taken.set(key, [...places, ...Array<number>(cost).fill(at)]);
      }
      const [tightest] = [...states].sort((a, b) => a.remaining - b.remaining);
      const { window = 0, remaining = 0, resetMs = 0 } = tightest ?? {};
      return { outcome: 'TAKEN', justBlocked: false, window, remaining, resetMs, waitMs: 0 };
    },
  };
}

/** Milliseconds for which Redis may keep an operation waiting, and for which it is not asked again after it did not answer. */
const ANSWER_WITHIN_MS = 500;
const LEAVE_ALONE_MS = 2_000;

/** Milliseconds that a gateway which starts waits for Redis; without it the first operations would be counted here alone. */
const CONNECT_WITHIN_MS = 1_000;

/** Connects to Redis and counts there; see `steadyWindows`. Redis need not be there. */
export async function connectWindows(redisUrl: string, log: Log): Promise<RateWindows & { close(): void }> {
  const redis = connectRedis(redisUrl, log);
  const isReady = new Promise<void>((resolve) => redis.once('ready', resolve));
  await within(CONNECT_WITHIN_MS, isReady).catch(() => {});
  return { ...steadyWindows(redis, log), close: () => redis.disconnect() };
}

/** Counts in Redis while it answers, and in this process while it does not: never without limits, and never down with it (GW-22). */
function steadyWindows(redis: Redis, log: Log): RateWindows {
  const shared = redisWindows(redis);
  const local = localWindows();
  let askAgainAt = 0;
  let isLocal = false;
  const settle = (nowLocal: boolean, reason?: string) => {
    if (isLocal === nowLocal) return;
    isLocal = nowLocal;
    if (nowLocal) log.warn({ reason }, 'Redis does not answer: this process counts rates for itself');
    else log.info('rates are counted in Redis again');
  };
  return {
    async take(windows, blocking) {
      if (redis.status === 'ready' && Date.now() >= askAgainAt) {
        try {
          const verdict = await within(ANSWER_WITHIN_MS, shared.take(windows, blocking));
          settle(false);
          return verdict;
        } catch (error) {
          askAgainAt = Date.now() + LEAVE_ALONE_MS;
          settle(true, (error as Error).message);
        }
      } else settle(true, redis.status);
      return local.take(windows, blocking);
    },
  };
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  work.catch(() => {});
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
