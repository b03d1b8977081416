import { setMaxListeners } from 'node:events';
import type { ExecutionResult } from 'graphql';
import type { UpstreamEvent } from './delivery.js';

/** The answers to upstream events while they are put together: one for all who asked the same and may see the same (GW-11). */
export interface EventAnswers {
  /**
   * Has `resolve` run once per event and key, and hands its answer to each who asked: at once when it is there already. A null key shares nothing.
   * @returns what takes one who waits away again; when nobody waits any longer, what is being fetched is given up (EN-06)
   */
  answer(event: UpstreamEvent, key: string | null, resolve: (signal: AbortSignal) => Promise<ExecutionResult>, asked: Asked): () => void;
}

/** Who waits for the answer to an event. Neither may throw: others wait for the same. */
export interface Asked {
  answered(result: ExecutionResult): void;
  failed(error: unknown): void;
}

interface Pending {
  outcome: { result: ExecutionResult } | { error: unknown } | null;
  asked: Set<Asked>;
  abort: AbortController;
}

function hand(outcome: NonNullable<Pending['outcome']>, asked: Asked): void {
  if ('result' in outcome) asked.answered(outcome.result);
  else asked.failed(outcome.error);
}

export function createEventAnswers(): EventAnswers {
  const pending = new WeakMap<UpstreamEvent, Map<string, Pending>>();

  const begin = (resolve: (signal: AbortSignal) => Promise<ExecutionResult>): Pending => {
    const abort = new AbortController();
    // Each fetch listens to it, and one event may need many at once; Node would take that for a leak.
    setMaxListeners(0, abort.signal);
    const begun: Pending = { outcome: null, asked: new Set(), abort };
    const tell = (outcome: NonNullable<Pending['outcome']>) => {
      begun.outcome = outcome;
      for (const each of begun.asked) hand(outcome, each);
      begun.asked.clear();
    };
    // One promise for all who wait: with hundreds of watchers, one each would cost more than the answer.
    resolve(abort.signal).then(
      (result) => tell({ result }),
      (error: unknown) => tell({ error }),
    );
    return begun;
  };

  return {
    answer(event, key, resolve, asked) {
      const known = pending.get(event) ?? new Map<string, Pending>();
      pending.set(event, known);
      const found = (key === null ? undefined : known.get(key)) ?? begin(resolve);
      if (key !== null) known.set(key, found);
      if (found.outcome) {
        hand(found.outcome, asked);
        return () => {};
      }
      found.asked.add(asked);
      return () => {
        if (found.outcome || !found.asked.delete(asked) || found.asked.size > 0) return;
        if (key !== null && known.get(key) === found) known.delete(key);
        found.abort.abort();
      };
    },
  };
}
