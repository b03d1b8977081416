import type postgres from 'postgres';

/** Texts that are prepared at most; each connection keeps what it prepared, here and on the server. */
const MAX_PREPARED = 500;
/** Texts of which is known that they were seen once. */
const MAX_SEEN_ONCE = 1_000;

/**
 * Which of drizzle's statements are prepared. Unprepared, the driver asks the server for the types of a statement's parameters before it sends them:
 * a round trip more per statement, and the server parses it each time. So a text that comes a second time is prepared, up to a limit; the rest (lists
 * of unusual lengths, rare filters) goes as it is.
 */
export class Preparation {
  private readonly seenOnce = new Set<string>();
  private readonly prepared = new Set<string>();

  /** Whether to prepare this text, which counts as seen by that. */
  wants(text: string): boolean {
    if (this.prepared.has(text)) return true;
    if (this.prepared.size >= MAX_PREPARED) return false;
    if (this.seenOnce.delete(text)) {
      this.prepared.add(text);
      return true;
    }
    if (this.seenOnce.size >= MAX_SEEN_ONCE) this.seenOnce.clear();
    this.seenOnce.add(text);
    return false;
  }

  /** Has the connection of a transaction follow it. That object lives as long as the transaction. */
  applyTo(connection: postgres.TransactionSql): void {
    const send = connection.unsafe.bind(connection) as (text: string, parameters?: never[], options?: postgres.UnsafeQueryOptions) => never;
    connection.unsafe = ((text: string, parameters?: never[], options?: postgres.UnsafeQueryOptions) =>
      send(text, parameters, { ...options, prepare: options?.prepare || (parameters !== undefined && parameters.length > 0 && this.wants(text)) })) as never;
  }
}
