import type { Log } from '../../platform/log.js';

/**
 * Work outside of any transaction, begun after the commit that claimed it: calls of a provider, which may take seconds. What is lost when the process
 * dies is begun again by the timer that the claim left behind.
 */
export interface Errands {
  /** False when so many wait that another claim would only grow old. */
  hasRoom(): boolean;
  begin(what: string, work: () => Promise<void>): void;
  /** Begins nothing more, and resolves when all that runs has ended. */
  settle(): Promise<void>;
}

/** At most `limit` run at once; about as many more wait. */
export function createErrands(log: Log, limit: number): Errands {
  const running = new Set<Promise<void>>();
  const waiting: { what: string; work: () => Promise<void> }[] = [];
  const beginNext = () => {
    const next = running.size < limit ? waiting.shift() : undefined;
    if (!next) return;
    const errand = next
      .work()
      .catch((error: unknown) => log.error({ err: error, what: next.what }, 'errand failed; its timer begins it again'))
      .finally(() => {
        running.delete(errand);
        beginNext();
      });
    running.add(errand);
  };
  return {
    hasRoom: () => waiting.length < limit,
    begin(what, work) {
      waiting.push({ what, work });
      beginNext();
    },
    async settle() {
      waiting.length = 0;
      while (running.size > 0) await Promise.all(running);
    },
  };
}
