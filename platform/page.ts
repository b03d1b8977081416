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

/** What each part of a sort key looks like, so that a forged cursor is refused before a statement casts it. */
const KEY_PARTS = {
  number: /^-?\d{1,18}(\.\d{1,18})?(e-?\d{1,3})?$/,
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  moment: /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}(:?\d{2})?)$/,
} as const;
export type KeyPart = keyof typeof KEY_PARTS;

/**
 * `key` says how many parts the sort key has, or better what each of them is.
 * @throws Refusal VALIDATION_ERROR for `first` outside 0…100 or a cursor that is not from this list in this order
 */
export function pageRequest(order: string, first: number | null | undefined, after: string | null | undefined, key: number | readonly KeyPart[]): PageRequest {
  const keyLength = typeof key === 'number' ? key : key.length;
  const size = first ?? DEFAULT_PAGE_SIZE;
  if (!Number.isInteger(size) || size < 0 || size > MAX_PAGE_SIZE) {
    throw new Refusal('VALIDATION_ERROR', `first: must be 0 to ${MAX_PAGE_SIZE}.`, { details: { field: 'first', rule: 'page_size' } });
  }
  if (after == null) return { first: size, after: null };
  const badCursor = () =>
    new Refusal('VALIDATION_ERROR', 'after: is not a cursor of this list. Use `pageInfo.endCursor` of the page before, with the same filter and sort.', {
      details: { field: 'after', rule: 'cursor' },
    });
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(after, 'base64url').toString());
  } catch {
    throw badCursor();
  }
  if (!Array.isArray(parts) || parts.length !== keyLength + 1 || parts[0] !== order || !parts.every((part) => typeof part === 'string')) throw badCursor();
  const values = parts.slice(1) as string[];
  if (typeof key !== 'number' && !values.every((value, index) => isKeyPart(value, key[index] as KeyPart))) throw badCursor();
  return { first: size, after: values };
}

function isKeyPart(value: string, part: KeyPart): boolean {
  return KEY_PARTS[part].test(value) && (part !== 'moment' || !Number.isNaN(Date.parse(value.replace(' ', 'T').replace(/([+-]\d{2})$/, '$1:00'))));
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
