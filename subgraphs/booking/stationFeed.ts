import type { Context } from '../../platform/context.js';
import type { Log } from '../../platform/log.js';
import { oldestUnfinished, type StationNews, stationNews } from './deskQueries.js';
import { type BookingRow, bookingsByIds } from './queries.js';

/** Without a hint it looks again after this time: a hint that got lost delays a change and loses none (EV-03). */
const LOOK_AGAIN_MS = 5_000;
/** How many changes one look reads at most; the next look goes on from there. */
const PAGE = 500;
/** Changes of transactions that others, still running, may be older than: so many are remembered, lest they be shown twice. */
const MAX_REMEMBERED = 10_000;

/** One look: where reading may begin the next time, and the changes since a transaction, behind one that has been read. */
export type ReadNews = (from: string, after: StationNews | null) => Promise<{ unfinished: string; news: StationNews[]; rows: Map<string, BookingRow> }>;

/**
 * Reads on in what is written of a station, each change once, whatever the order in which transactions commit: it goes back each time to the oldest
 * transaction that was not over, and remembers what of later ones it has shown.
 */
function newsReader(read: ReadNews) {
  let from = '';
  let after: StationNews | null = null;
  /** The oldest unfinished transaction when the present pass began: what later pages skip may be older than their own. */
  let begunAt: string | null = null;
  const shown = new Map<string, bigint>();
  /** What older transactions wrote is not read again. */
  const forget = (before: bigint) => {
    for (const [key, xact] of shown) if (xact < before || shown.size > MAX_REMEMBERED) shown.delete(key);
  };
  return {
    /** Begins here: what can be read now is no news. */
    async begin(unfinished: string): Promise<void> {
      from = unfinished;
      while (!(await this.next()).done);
    },
    /** The bookings that have changed, the last change last. `done`: there is nothing more to read now. */
    async next(): Promise<{ rows: BookingRow[]; done: boolean }> {
      const { unfinished, news, rows } = await read(from, after);
      begunAt ??= unfinished;
      const changed = new Map<string, BookingRow>();
      for (const { bookingId, sequence, xact } of news) {
        const key = `${bookingId} ${sequence}`;
        const row = rows.get(bookingId);
        if (shown.has(key) || !row) continue;
        shown.set(key, BigInt(xact));
        changed.delete(bookingId);
        changed.set(bookingId, row);
      }
      const done = news.length < PAGE;
      after = done ? null : (news.at(-1) ?? null);
      if (done) {
        from = begunAt;
        begunAt = null;
        forget(BigInt(from));
      }
      return { rows: [...changed.values()], done };
    },
  };
}

/** How a look reads: the oldest unfinished transaction first, because what is read after it is then all that older ones wrote. */
export function readStation(run: Context['run'], stationId: string): ReadNews {
  return (from, after) =>
    run(async (tx) => {
      const unfinished = await oldestUnfinished(tx.orm);
      const news = await stationNews(tx.orm, stationId, from, after, PAGE);
      const ids = [...new Set(news.map(({ bookingId }) => bookingId))];
      const rows = ids.length > 0 ? await bookingsByIds(tx.orm, ids) : [];
      return { unfinished, news, rows: new Map(rows.map((row) => [row.id, row])) };
    });
}

/**
 * Bookings of a station as they change, each change once, from now on. Written by hand, because the `return()` of an async generator would wait for the
 * change that `next()` waits for.
 */
export async function followStation(source: {
  hints: AsyncIterableIterator<string>;
  read: ReadNews;
  /** The oldest transaction that is not over. */
  unfinished: string;
  log: Log;
  lookAgainMs?: number;
}): Promise<AsyncIterableIterator<BookingRow>> {
  const { hints, read, unfinished, log, lookAgainMs = LOOK_AGAIN_MS } = source;
  const reader = newsReader(read);
  await reader.begin(unfinished);
  const waiting: BookingRow[] = [];
  let more = false;
  let ended = false;
  let hinted = false;
  let wake: () => void = () => {};

  const listening = (async () => {
    for await (const _ of hints) {
      hinted = true;
      wake();
    }
  })();
  listening.catch((error) => log.warn({ err: error }, 'hints ended; changes are still looked for'));

  const hintOrPause = async () => {
    if (!hinted && !more && !ended) {
      await new Promise<void>((resolve) => {
        const pause = setTimeout(resolve, lookAgainMs);
        wake = () => {
          clearTimeout(pause);
          resolve();
        };
      });
    }
    hinted = false;
  };

  const look = async () => {
    try {
      const { rows, done } = await reader.next();
      waiting.push(...rows);
      more = !done;
    } catch (error) {
      more = false;
      log.warn({ err: error }, 'changes not read; looked for again');
    }
  };

  const end = async () => {
    ended = true;
    wake();
    await hints.return?.();
  };

  const stream: AsyncIterableIterator<BookingRow> = {
    async next() {
      for (;;) {
        if (ended) return { value: undefined, done: true };
        const row = waiting.shift();
        if (row) return { value: row, done: false };
        await hintOrPause();
        if (!ended) await look();
      }
    },
    async return() {
      await end();
      return { value: undefined, done: true };
    },
    [Symbol.asyncIterator]: () => stream,
  };
  return stream;
}
