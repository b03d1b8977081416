import { createLog } from '../../platform/log.js';
import type { Caller, SubgraphRequest } from '../../platform/subgraph.js';
import { startDispatch } from './main.js';

// A dispatch process of its own, for a test to kill. What the test sends is run as a client's request.
const { DATABASE_URL, REDIS_URL, INTERNAL_SECRET } = process.env;
if (!DATABASE_URL || !REDIS_URL || !INTERNAL_SECRET) throw new Error('for killedAt.given.ts only');
const dispatch = await startDispatch({
  databaseUrl: DATABASE_URL,
  redisUrl: REDIS_URL,
  internalSecret: INTERNAL_SECRET,
  redeliverAfterMs: 1_000,
  log: createLog({ service: 'dispatch', level: 'error' }),
  clock: () => new Date(),
  graphUrl: () => 'http://127.0.0.1:1/graphql',
});
process.on('message', ({ request, caller }: { request: SubgraphRequest; caller: Caller }) => {
  void dispatch.execute(request, caller).then((result) => process.send?.(result));
});
process.send?.('ready');
