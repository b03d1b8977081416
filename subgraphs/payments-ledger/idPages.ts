import { Refusal } from '../../platform/errors.js';
import type { ConnectionSource } from '../../platform/graphqlTypes.js';
import { encodeCursor, type PageRequest, pageRequest, toPage } from '../../platform/page.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A connection over rows in the order of their ids, the newest first (ids grow with time). @throws Refusal VALIDATION_ERROR for a foreign cursor */
export async function pageById<Row extends { id: string }, Node>(list: {
  order: string;
  first: number | undefined;
  after: string | undefined;
  find: (page: PageRequest) => Promise<Row[]>;
  count: () => Promise<number>;
  shape: (row: Row) => Node;
}): Promise<ConnectionSource<Node>> {
  const page = pageRequest(list.order, list.first, list.after, 1);
  if (page.after && !UUID.test(page.after[0] ?? '')) {
    throw new Refusal('VALIDATION_ERROR', 'after: is not a cursor of this list.', { details: { field: 'after', rule: 'cursor' } });
  }
  const result = toPage(await list.find(page), page, (row) => encodeCursor(list.order, [row.id]));
  return {
    pageInfo: result.pageInfo,
    edges: result.edges.map(({ cursor, node }) => ({ cursor, node: list.shape(node) })),
    nodes: result.nodes.map(list.shape),
    totalCount: list.count,
  };
}
