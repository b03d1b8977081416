import { compareGraph, type Difference } from '../test/differential/compare.js';
import { compareOverHttp } from '../test/differential/overHttp.js';

// Random operations through the executor against one schema over the same data (EN-03): `npm run bench differential`, or with
// GRAPHS, OPERATIONS and SEED. Prints each difference with the seeds that give it again.

const graphs = Number(process.env.GRAPHS ?? 200);
const operations = Number(process.env.OPERATIONS ?? 50);
const shown = Number(process.env.SHOW ?? 5);
let seed = Number(process.env.SEED ?? 1);
const differences: Difference[] = [];
let compared = 0;
let refused = 0;
let fallbacks = 0;
const startedAt = Date.now();
while (compared < graphs && refused < graphs * 20) {
  // Every tenth through a whole gateway.
  const found = await (seed % 10 === 0 ? compareOverHttp : compareGraph)(seed, operations);
  seed += 1;
  if (found) {
    compared += 1;
    differences.push(...found.differences);
    fallbacks += found.fallbacks;
  } else refused += 1;
}
for (const difference of differences.slice(0, shown)) {
  console.log(`--- graph ${difference.graphSeed}, operation ${difference.operationSeed}: ${difference.what}`);
  console.log(difference.operation.query, JSON.stringify(difference.operation.variables));
  console.log('expected', JSON.stringify(difference.expected));
  console.log('actual  ', JSON.stringify(difference.actual));
}
const kinds: Record<string, number> = {};
for (const { what } of differences) kinds[what] = (kinds[what] ?? 0) + 1;
console.log(`${compared} graphs (${refused} did not compose), ${compared * operations} operations, ${Math.round((Date.now() - startedAt) / 1000)} s`);
console.log(`${differences.length} differences`, kinds, `${fallbacks} operations could not be made up`);
process.exitCode = differences.length > 0 ? 1 : 0;
