import type { Subgraph } from './subgraph.js';

/** Demo events that take longer than this are no reason to keep people waiting. */
const SETTLE_WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 50;

/** Resolves when all that these subgraphs have told so far has arrived everywhere, or after 20 s: what does not arrive by then arrives later, as any event does. */
export async function untilSettled(subgraphs: readonly Pick<Subgraph, 'settled'>[]): Promise<void> {
  const deadline = Date.now() + SETTLE_WITHIN_MS;
  const settled = async () => (await Promise.all(subgraphs.map((subgraph) => subgraph.settled()))).every(Boolean);
  while (Date.now() < deadline && !(await settled())) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
}
