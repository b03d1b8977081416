import { expect, test } from 'vitest';
import { type Compared, compareGraph, compareOperation, composeRandom, throughExecutor } from './compare.js';
import { compareOverHttp } from './overHttp.js';

const OPERATIONS = 20;
/** Operations in a hundred that could not be made up; more, and less is compared than it seems. */
const MAX_FALLBACKS = 3;

async function compareMany(graphs: number, firstSeed: number, name: string, compare: (seed: number, operations: number) => Promise<Compared | null>) {
  let compared = 0;
  let fallbacks = 0;
  for (let seed = firstSeed; compared < graphs; seed += 1) {
    const found = await compare(seed, OPERATIONS);
    if (!found) continue;
    compared += 1;
    fallbacks += found.fallbacks;
    const [first] = found.differences;
    expect(
      first ?? null,
      `graph ${first?.graphSeed}, operation ${first?.operationSeed}: ${name}(${first?.graphSeed}, ${(first?.operationSeed ?? 0) + 1})`,
    ).toBeNull();
  }
  expect((fallbacks / (graphs * OPERATIONS)) * 100).toBeLessThanOrEqual(MAX_FALLBACKS);
}

test('EN-03: random operations over random graphs give what one schema over the same data gives', { timeout: 600_000 }, () =>
  compareMany(16, 1, 'compareGraph', compareGraph),
);

test('EN-03: the same through a whole gateway, with subgraphs behind HTTP', { timeout: 600_000 }, () =>
  compareMany(4, 100, 'compareOverHttp', compareOverHttp),
);

// Found by ten thousand operations (`npm run bench differential`): a plan that Apollo's planner fails at, a null with two reasons, two fetches that told a
// subgraph a required field without a key, an error of a field that only objects of another type were asked for, and a document that no subgraph takes.
test.each([
  [292, 10],
  [383, 27],
  [410, 30],
  [414, 33],
  [507, 30],
  [2682, 46],
])('EN-03: graph %i, operation %i, which was wrong once', async (graphSeed, operationSeed) => {
  const composed = composeRandom(graphSeed);
  if (!composed) throw new Error('the generator makes other graphs now: find these again, or others');
  expect((await compareOperation(composed, operationSeed, throughExecutor(composed, false))).difference).toBeNull();
});
