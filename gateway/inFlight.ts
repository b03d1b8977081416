import type { ExecutionResult } from 'graphql';
import { Refusal } from '../platform/errors.js';
import { unavailable } from './links.js';
import { Stop, type StopSignal } from './stopSignal.js';

/** Milliseconds for which a fetch may be joined: whoever asks later wants to know what is now, not what was when a slow one began. */
const JOIN_WITHIN_MS = 500;

/** Fetches that run right now, so that equal ones are sent once (GW-31). */
export interface InFlight {
  /**
   * The answer to what is asked under this key, by the fetch that runs for it already or by `begin`. Each who asks gets a copy of their own: answers are
   * changed while they are put together. The fetch is aborted when all who wait for it have left.
   * @param key everything that the answer depends on, who asks included
   */
  share(key: string, signal: StopSignal | undefined, begin: (signal: StopSignal) => Promise<ExecutionResult>): Promise<ExecutionResult>;
  /** Something has been changed: what began before is joined no more, or a client would not see what it has just done. */
  seal(): void;
}

interface Fetch {
  startedAt: number;
  waiting: number;
  joined: boolean;
  /** The answer as text, made before anybody can change it, if there is anybody else to read it. */
  text: string | null;
  stop: Stop;
  answer: Promise<ExecutionResult>;
}

export function createInFlight(now: () => number = Date.now): InFlight {
  const running = new Map<string, Fetch>();

  const start = (key: string, begin: (signal: StopSignal) => Promise<ExecutionResult>): Fetch => {
    const stop = new Stop();
    const forget = () => {
      if (running.get(key) === fetch) running.delete(key);
    };
    const fetch: Fetch = {
      startedAt: now(),
      waiting: 0,
      joined: false,
      text: null,
      stop,
      answer: begin(stop).then((result) => {
        forget();
        if (fetch.joined) fetch.text = JSON.stringify(result);
        return result;
      }),
    };
    stop.addEventListener('abort', forget);
    fetch.answer.catch(forget);
    running.set(key, fetch);
    return fetch;
  };

  return {
    share(key, signal, begin) {
      const known = running.get(key);
      const isFirst = !known || now() - known.startedAt > JOIN_WITHIN_MS;
      const fetch = isFirst ? start(key, begin) : known;
      if (!isFirst) fetch.joined = true;
      fetch.waiting += 1;
      return new Promise((resolve, reject) => {
        const leave = () => {
          fetch.waiting -= 1;
          if (fetch.waiting === 0) fetch.stop.abort(signal?.reason);
          reject(signal?.reason instanceof Refusal ? signal.reason : unavailable(signal?.reason));
        };
        if (signal?.aborted) return leave();
        signal?.addEventListener('abort', leave, { once: true });
        const done = () => signal?.removeEventListener('abort', leave);
        fetch.answer.then(
          (result) => {
            done();
            resolve(isFirst ? result : (JSON.parse(fetch.text as string) as ExecutionResult));
          },
          (error) => {
            done();
            reject(error as Error);
          },
        );
      });
    },
    seal: () => running.clear(),
  };
}
