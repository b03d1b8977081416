import { parseEnvironment } from '../platform/config.js';
import type { SubgraphEnvironment } from '../platform/startSubgraph.js';
import type { Subgraph } from '../platform/subgraph.js';
import { startBooking } from './booking/main.js';
import { startDispatch } from './dispatch/main.js';
import { startFleet } from './fleet/main.js';
import { identityConfig } from './identity/config.js';
import { startIdentity } from './identity/main.js';
import { startInbox } from './inbox/main.js';
import { startPaymentsLedger } from './payments-ledger/main.js';

/** Starts a subgraph with its own part of the environment. */
export type Starter = (environment: SubgraphEnvironment, env: NodeJS.ProcessEnv) => Promise<Subgraph>;

/** All subgraphs, in the order in which they start. Whoever runs them, in one process or in six, does it through this table. */
export const STARTERS: Readonly<Record<string, Starter>> = {
  identity: (environment, env) => startIdentity(environment, parseEnvironment(identityConfig, env)),
  fleet: (environment) => startFleet(environment),
  booking: (environment) => startBooking(environment),
  'payments-ledger': (environment) => startPaymentsLedger(environment),
  dispatch: (environment) => startDispatch(environment),
  inbox: (environment) => startInbox(environment),
};
