import { createHash } from 'node:crypto';
import type { ExecutionResult } from 'graphql';
import { generationOf } from '../platform/entityCache.js';
import type { Log } from '../platform/log.js';
import { connectRedis } from '../platform/queue.js';
import type { Keeping } from './context.js';
import type { CachePolicy } from './executor/cachePolicy.js';
import { AnswerText, type OperationRequest } from './executor/execute.js';

/** A larger answer is made anew each time: Redis has better things to keep. */
const MAX_ANSWER_CHARS = 256 * 1024;
/** What one process keeps in a minute: Redis has the queues too, and whoever asks for something else each time must not fill it. */
const MAX_CHARS_PER_MINUTE = 32 * 1024 * 1024;

/** Answers of this process that could be kept, since it started: how often one was there, and how often not. */
const totals = { hits: 0, misses: 0 };
export const answerTotals = (): Readonly<typeof totals> => ({ ...totals });

/** An answer that was kept. */
export interface KeptAnswer {
  /** Its data, as JSON. */
  text: string;
  madeAt: number;
}

/** Whole answers that are the same for all, in Redis (GW-30): everybody may have them, whoever asked first. */
export interface AnswerCache {
  /**
   * The answer that was kept under this key, and what keeps one that is made now. Null when it cannot be kept: Redis does not answer, or several subgraphs
   * were asked, of which each has its own generation.
   */
  look(policy: CachePolicy, key: string): Promise<{ kept: KeptAnswer | null; generation: string; keep(text: string): Promise<void> } | null>;
  /** Answers that are being made, by key and generation: who comes meanwhile waits for them. Null is what failed, and is nobody else's. */
  readonly flights: Map<string, Promise<KeptAnswer | null>>;
  close(): void;
}

/**
 * Every subgraph whose fields may be kept has a generation, which moves before a change has been answered. An answer carries the generation that was there
 * before anything was read for it: of another one it is not there. So a slow reader keeps nothing that is older than what somebody has been told.
 */
export function connectAnswerCache(redisUrl: string, log: Log, now: () => number = Date.now, maxCharsPerMinute = MAX_CHARS_PER_MINUTE): AnswerCache {
  const redis = connectRedis(redisUrl, log);
  let minuteEndsAt = 0;
  let charsLeft = 0;
  const hasRoomFor = (chars: number): boolean => {
    if (now() >= minuteEndsAt) {
      minuteEndsAt = now() + 60_000;
      charsLeft = maxCharsPerMinute;
    }
    if (chars > MAX_ANSWER_CHARS || chars > charsLeft) return false;
    charsLeft -= chars;
    return true;
  };
  return {
    flights: new Map(),
    async look({ services, maxAgeS }, key) {
      const [service, ...others] = services;
      if (service === undefined || others.length > 0 || redis.status !== 'ready') return null;
      const place = `{waygraph:${service}}:answer:${key}`;
      try {
        const [generation = null, text = null] = await redis.mget(generationOf(service), place);
        // Nothing has changed since Redis was emptied. Of two that begin the first generation both get the same.
        const present = generation ?? (await beginGeneration(service));
        const kept = text === null ? null : (JSON.parse(text) as KeptAnswer & { generation: string });
        return {
          kept: kept?.generation === present ? kept : null,
          generation: present,
          async keep(answer) {
            if (!hasRoomFor(answer.length)) return;
            const written = JSON.stringify({ text: answer, madeAt: now(), generation: present });
            await redis.set(place, written, 'EX', maxAgeS).catch((error: Error) => log.debug({ reason: error.message }, 'answer not kept'));
          },
        };
      } catch (error) {
        log.debug({ reason: (error as Error).message }, 'kept answers not read');
        return null;
      }
    },
    close: () => redis.disconnect(),
  };

  async function beginGeneration(service: string): Promise<string> {
    const made = createHash('sha256').update(`${now()} ${Math.random()}`).digest('base64url');
    await redis.set(generationOf(service), made, 'NX');
    return (await redis.get(generationOf(service))) ?? made;
  }
}

/** Answers from what was kept where it can, and tells `keeping` what happened. Errors are nobody's to keep, nor are answers with some. */
export function keepingAnswers(
  answers: AnswerCache | null,
  keeping: Keeping,
  variables: Readonly<Record<string, unknown>>,
  now: () => number = Date.now,
): NonNullable<OperationRequest['keep']> {
  return async (policy, run) => {
    const key = keyOf(policy, variables);
    const looked = keeping.wantsUnkept ? null : await answers?.look(policy, key);
    const tell = (found: boolean | null, ageS = 0) => Object.assign(keeping, { maxAgeS: policy.maxAgeS, found, ageS });
    if (!answers || !looked) {
      const result = await run();
      if (!result.errors) tell(null);
      return result;
    }
    if (looked.kept && !keeping.wantsFresh) {
      totals.hits += 1;
      tell(true, Math.max(0, Math.floor((now() - looked.kept.madeAt) / 1_000)));
      return answered(looked.kept.text);
    }
    totals.misses += 1;
    keeping.mustBeFresh = true;
    const result = await madeOnce(answers.flights, `${key} ${looked.generation}`, !keeping.wantsFresh, async () => {
      const made = await run();
      if (made.errors) return { made, kept: null };
      const text = made.data instanceof AnswerText ? made.data.text : JSON.stringify(made.data);
      await looked.keep(text);
      return { made, kept: { text, madeAt: now() } };
    });
    if (!result.errors) tell(false);
    return result;
  };
}

/** Flights that one waits for: the first may end because its client left; of a second that fails something else is the cause, and waiting in line for it helps nobody. */
const MAX_FLIGHTS = 2;

/** Makes an answer, or waits for somebody who does already. */
async function madeOnce(
  flights: AnswerCache['flights'],
  flight: string,
  joins: boolean,
  make: () => Promise<{ made: ExecutionResult; kept: KeptAnswer | null }>,
): Promise<ExecutionResult> {
  for (let waited = 0; joins && waited < MAX_FLIGHTS; waited += 1) {
    const running = flights.get(flight);
    // From here to where it is told that we make it nothing else may run, or all who have their word from Redis in one packet would make it.
    if (!running) break;
    const kept = await running;
    if (kept) return answered(kept.text);
  }
  const making = make();
  if (flights.has(flight)) return (await making).made;
  // What failed is gone before those who wait hear of it: the first of them may begin another. What was kept is not: whoever looked before that may have
  // his word from Redis in the same packet as we have ours, and comes for it now.
  const land = (kept: KeptAnswer | null) => {
    if (kept) setImmediate(() => flights.delete(flight));
    else flights.delete(flight);
    return kept;
  };
  flights.set(
    flight,
    making.then(
      ({ kept }) => land(kept),
      () => land(null),
    ),
  );
  return (await making).made;
}

function answered(text: string): ExecutionResult {
  return { data: new AnswerText(text) as unknown as Record<string, unknown> };
}

/** The operation with the values that it was given. What it has no variable for makes no difference, and no other key. */
function keyOf({ key, variableNames }: CachePolicy, variables: Readonly<Record<string, unknown>>): string {
  const given = variableNames.flatMap((name) => (variables[name] === undefined ? [] : [[name, variables[name]]]));
  return given.length === 0
    ? key
    : createHash('sha256')
        .update(`${key}\n${JSON.stringify(given)}`)
        .digest('base64url');
}
