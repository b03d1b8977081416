import { Refusal } from './errors.js';

export const DEFAULT_PAGE_SIZE = 20;
export const MAX_PAGE_SIZE = 100;

/** What a keyset page needs to know: how many rows, and the sort key of the row after which it starts (null for the first page). */
export interface PageRequest {
  first: number;
  after: readonly string[] | null;
}

export interface Page<T> {
  edges: { cursor: string; node: T }[];
  nodes: T[];
  pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string | null; endCursor: string | null };
}

/** A cursor is the row's sort key, opaque to clients; the order's name is inside, so that a cursor of another order is refused, not misread. */
export function encodeCursor(order: string, key: readonly (string | number | bigint)[]): string {
  return Buffer.from(JSON.stringify([order, ...key.map(String)])).toString('base64url');
}

/** @throws Refusal VALIDATION_ERROR for `first` outside 0…100 or a cursor that is not from this list in this order */
export function pageRequest(order: string, first: number | null | undefined, after: string | null | undefined, keyLength: number): PageRequest {
  const size = first ?? DEFAULT_PAGE_SIZE;
  if (!Number.isInteger(size) || size < 0 || size > MAX_PAGE_SIZE) {
    throw new Refusal('VALIDATION_ERROR', `first: must be 0 to ${MAX_PAGE_SIZE}.`, { details: { field: 'first', rule: 'page_size' } });
  }
  if (after == null) return { first: size, after: null };
  const badCursor = () =>
    new Refusal('VALIDATION_ERROR', 'after: is not a cursor of this list. Use `pageInfo.endCursor` of the page before, with the same sort.', {
      details: { field: 'after', rule: 'cursor' },
    });
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(after, 'base64url').toString());
  } catch {
    throw badCursor();
  }
  if (!Array.isArray(parts) || parts.length !== keyLength + 1 || parts[0] !== order || !parts.every((part) => typeof part === 'string')) throw badCursor();
  return { first: size, after: parts.slice(1) as string[] };
}

/** Makes a page of rows that were fetched with a limit of `first + 1`: the extra row only tells that there is more. */
export function toPage<T>(rows: readonly T[], request: PageRequest, cursorOf: (row: T) => string): Page<T> {
  const nodes = rows.slice(0, request.first);
  const edges = nodes.map((node) => ({ cursor: cursorOf(node), node }));
  return {
    edges,
    nodes,
    pageInfo: {
      hasNextPage: rows.length > request.first,
      hasPreviousPage: request.after !== null,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}
