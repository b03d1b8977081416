import { BOMBS } from '../gateway/bombs.given.js';
import { DEFAULT_LIMITS, limitsRule } from '../gateway/limits.js';
import { createSocketDocuments } from '../gateway/socketDocuments.js';
import { testGraph } from '../gateway/testSubgraphs.js';
import { overCost } from '../gateway/executor/cost.js';
import { buildGraph } from '../gateway/executor/graph.js';

// Processor time that it takes to refuse each operation bomb (issue 3: below 50 ms): `npm run bench bombs`. Each is sent ROUNDS times, each time as a
// text that was not there before, so that nothing is cached; the median counts, and the most is told.

const ROUNDS = Number(process.env.ROUNDS ?? 30);
const TARGET_MS = 50;
const graph = buildGraph(testGraph().supergraphSdl);
const documents = createSocketDocuments({
  schema: () => graph.schema,
  validationRules: [limitsRule(DEFAULT_LIMITS)],
  maxTokens: DEFAULT_LIMITS.tokens,
  introspection: true,
  overCost: (document, operation, variables) => overCost(graph, document, operation, variables, DEFAULT_LIMITS.cost),
});

const rows = BOMBS.map(([bomb, query]) => {
  const spent = Array.from({ length: ROUNDS }, (_, round) => {
    const text = `${query} # ${bomb} ${round}`;
    const before = process.cpuUsage();
    const outcome = documents.prepare({ query: text });
    const { user, system } = process.cpuUsage(before);
    if (!('errors' in outcome)) throw new Error(`Not refused: ${bomb}`);
    return (user + system) / 1_000;
  }).sort((a, b) => a - b);
  const rounded = (ms: number | undefined) => Number((ms ?? 0).toFixed(2));
  return { bomb, bytes: query.length, 'median CPU ms': rounded(spent[Math.floor(ROUNDS / 2)]), 'most CPU ms': rounded(spent.at(-1)) };
});
console.table(rows);
const slow = rows.filter((row) => row['median CPU ms'] >= TARGET_MS);
console.log(slow.length === 0 ? `All are refused in less than ${TARGET_MS} ms of processor time.` : `Too slow: ${slow.map(({ bomb }) => bomb).join(', ')}`);
process.exitCode = slow.length === 0 ? 0 : 1;
