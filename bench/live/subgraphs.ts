import { createLog } from '../../platform/log.js';
import { serveSubgraph } from '../../platform/serveSubgraph.js';
import { LIVE_SUBGRAPHS, moveCar } from './graph.js';

// The subgraphs of this benchmark, in a process of their own. Cars move when the parent says so.
const log = createLog({ service: 'bench', level: 'error' });
const internalSecret = process.env.INTERNAL_SECRET ?? '';
const served = await Promise.all(LIVE_SUBGRAPHS.map((subgraph) => serveSubgraph(subgraph, { port: 0, internalSecret, log, clock: () => new Date() })));
process.on('message', ({ move }: { move: string }) => moveCar(move));
process.on('disconnect', () => process.exit(0));
process.send?.({ ports: served.map(({ port }) => port) });
