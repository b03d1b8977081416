import { setTimeout as pause } from 'node:timers/promises';
import type { ExecutionResult } from 'graphql';
import { Refusal } from '../platform/errors.js';
import type { Log } from '../platform/log.js';
import type { Caller } from '../platform/subgraph.js';
import { type Breaker, createBreaker } from './breaker.js';
import type { InFlight } from './inFlight.js';
import { isTransportFailure, type LinkRequest, type SubgraphLink, tooSlow, unavailable } from './links.js';
import { Stop, type StopSignal } from './stopSignal.js';

/** Milliseconds that a subgraph may take for one fetch when nothing else is configured. */
export const DEFAULT_FETCH_TIMEOUT_MS = 20_000;
/** A fetch is sent at most three times, with a pause that doubles, and with jitter so that gateways do not knock in step. */
const RETRIES = 2;
const RETRY_PAUSE_MS = 40;
/** Retries that may be made beyond a tenth of all fetches: without this a subgraph in trouble would get three times its usual load. */
const RETRY_RESERVE = 20;
const RETRIES_PER_FETCH = 0.1;

export interface GuardOptions {
  log: Log;
  /** Milliseconds for one fetch, the retries apart. */
  timeoutMs: number;
  /** Null sends every fetch for itself. */
  inFlight: InFlight | null;
  /** Off, every call is tried. */
  breaks: boolean;
}

/**
 * A link that stands what subgraphs do (GW-31): a fetch has a time limit, equal fetches that run at the same moment are sent once, what can be repeated
 * safely is repeated, and what is down is left alone for a while. Mutations are neither shared nor repeated.
 */
export function guardedLink(link: SubgraphLink, { log, timeoutMs, inFlight, breaks }: GuardOptions): SubgraphLink {
  const breaker = createBreaker((state) => {
    if (state === 'OPEN') log.warn({ subgraph: link.name, forMs: breaker.waitMs() }, 'subgraph is left alone for a while');
    if (state === 'CLOSED') log.info({ subgraph: link.name }, 'subgraph answers again');
  });
  let reserve = RETRY_RESERVE;

  const guarded = async (request: LinkRequest, caller: Caller, signal: StopSignal | undefined, repeats: boolean): Promise<ExecutionResult> => {
    reserve = Math.min(RETRY_RESERVE, reserve + RETRIES_PER_FETCH);
    for (let attempt = 0; ; attempt += 1) {
      if (breaks && !breaker.admits()) throw leftAlone(breaker);
      try {
        // A mutation is given up, not cut off, which no link does by itself.
        const keepsTime = link.keepsTime && repeats;
        const result = await (keepsTime ? link.execute(request, caller, signal, timeoutMs) : inTime(link, request, caller, signal, repeats, timeoutMs));
        breaker.succeeded();
        return result;
      } catch (error) {
        report(breaker, error, signal);
        if (!repeats || attempt >= RETRIES || reserve < 1 || signal?.aborted || !isWorthRepeating(error)) throw error;
        reserve -= 1;
        await pause(RETRY_PAUSE_MS * 2 ** attempt * (0.5 + Math.random()));
      }
    }
  };

  return {
    ...link,
    execute(request, caller, signal) {
      if (request.query.startsWith('mutation')) return guarded(request, caller, signal, false).finally(() => inFlight?.seal());
      if (!inFlight || request.mustBeFresh) return guarded(request, caller, signal, true);
      return inFlight.share(keyOf(link.name, request, caller), signal, (shared) => guarded(request, caller, shared, true));
    },
    async forward(request, response, from) {
      try {
        await link.forward(request, response, from);
      } finally {
        if (request.method !== 'GET') inFlight?.seal();
      }
    },
  };
}

/** Everything that the answer can depend on: all that travels with the call, but for the ids of its trace and its span. */
function keyOf(name: string, { query, operationName, variablesText, variables }: LinkRequest, caller: Caller): string {
  return JSON.stringify([name, query, operationName, variablesText ?? variables, { ...caller, traceId: null, spanId: null }]);
}

/** Waits for so long and no longer, also for a subgraph in this process, which cannot be aborted. A mutation is given up, not cut off. */
function inTime(link: SubgraphLink, request: LinkRequest, caller: Caller, signal: StopSignal | undefined, aborts: boolean, timeoutMs: number) {
  return new Promise<ExecutionResult>((resolve, reject) => {
    const stop = new Stop();
    const giveUp = (reason: unknown) => {
      if (aborts) stop.abort(reason);
      done();
      reject(reason instanceof Refusal ? reason : unavailable(reason));
    };
    const timer = setTimeout(() => giveUp(tooSlow()), timeoutMs);
    const left = () => giveUp(signal?.reason);
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', left);
    };
    if (signal?.aborted) return left();
    signal?.addEventListener('abort', left, { once: true });
    link.execute(request, caller, stop).then(
      (result) => {
        done();
        resolve(result);
      },
      (error) => {
        done();
        reject(error as Error);
      },
    );
  });
}

/** That a client left says nothing about the subgraph; and an error that is no failure of transport is an answer. */
function report(breaker: Breaker, error: unknown, signal: StopSignal | undefined): void {
  if (signal?.aborted) breaker.undecided();
  else if (isTransportFailure(error)) breaker.failed();
  else breaker.succeeded();
}

/** As the lean client and undici call it. */
const TOO_LARGE = new Set<unknown>(['ANSWER_TOO_LARGE', 'UND_ERR_RES_EXCEEDED_MAX_SIZE']);

/** Not what took too long: it would take too long again. Nor an answer that was too large. */
function isWorthRepeating(error: unknown): boolean {
  if (!(error instanceof Refusal) || error.code !== 'DEPENDENCY_UNAVAILABLE') return false;
  return !TOO_LARGE.has((error.cause as { code?: unknown } | undefined)?.code);
}

function leftAlone(breaker: Breaker): Refusal {
  const refusal = unavailable();
  return new Refusal(refusal.code, refusal.message, { retryAfter: Math.max(1, Math.ceil(breaker.waitMs() / 1_000)) });
}
