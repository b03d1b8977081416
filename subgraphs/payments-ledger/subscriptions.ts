import type { LiveFeed } from '../../platform/livefeed.js';
import type { WalletView } from './queries.js';

/** A hint can be lost, so the wallet is also looked at this often. */
const LOOK_EVERY_MS = 5_000;

export function walletTopic(ownerId: string): string {
  return `wallet:${ownerId}`;
}

/**
 * A person's wallet after each change of its balance or of what is available. Hints only wake: the state is read from the database, so changes that
 * follow each other closely may come as one, and the last is never missed. Written by hand, because a generator's `return()` would wait.
 */
export async function watchWallet(feed: LiveFeed, ownerId: string, read: () => Promise<WalletView | null>): Promise<AsyncIterableIterator<WalletView>> {
  const hints = await feed.listen(walletTopic(ownerId));
  // After listening, so that nothing can happen in between unseen.
  let last = fingerprint(await read());
  let ended = false;
  let nextHint: Promise<unknown> | null = null;

  async function wait(): Promise<void> {
    nextHint ??= hints.next().then(() => {
      nextHint = null;
    });
    let timer: NodeJS.Timeout | undefined;
    const pause = new Promise((resolve) => {
      timer = setTimeout(resolve, LOOK_EVERY_MS);
    });
    await Promise.race([nextHint, pause]);
    clearTimeout(timer);
  }

  const stream: AsyncIterableIterator<WalletView> = {
    async next() {
      while (!ended) {
        await wait();
        if (ended) break;
        const view = await read();
        const now = fingerprint(view);
        if (view === null || now === last) continue;
        last = now;
        return { value: view, done: false };
      }
      return { value: undefined, done: true };
    },
    async return() {
      ended = true;
      await hints.return?.();
      return { value: undefined, done: true };
    },
    [Symbol.asyncIterator]: () => stream,
  };
  return stream;
}

function fingerprint(view: WalletView | null): string {
  return view ? `${view.id} ${view.availableMinor} ${view.heldMinor}` : '';
}
