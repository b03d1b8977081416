import { parseEnvironment } from '../platform/config.js';
import { readFilesConfig } from '../platform/storage.js';
import type { SubgraphEnvironment } from '../platform/startSubgraph.js';
import type { Subgraph } from '../platform/subgraph.js';
import { readBookingConfig } from './booking/config.js';
import { startBooking } from './booking/main.js';
import { readDispatchConfig } from './dispatch/config.js';
import { startDispatch } from './dispatch/main.js';
import { startFleet } from './fleet/main.js';
import { identityConfig } from './identity/config.js';
import { startIdentity } from './identity/main.js';
import { readInboxConfig } from './inbox/config.js';
import { startInbox } from './inbox/main.js';
import { readPaymentsConfig } from './payments-ledger/config.js';
import { startPaymentsLedger } from './payments-ledger/main.js';

/** Starts a subgraph with its own part of the environment. */
export type Starter = (environment: SubgraphEnvironment, env: NodeJS.ProcessEnv) => Promise<Subgraph>;

/** All subgraphs, in the order in which they start. Whoever runs them, in one process or in six, does it through this table. */
export const STARTERS: Readonly<Record<string, Starter>> = {
  identity: (environment, env) => startIdentity(environment, parseEnvironment(identityConfig, env)),
  fleet: (environment, env) => startFleet(environment, readFilesConfig(env)),
  booking: (environment, env) => startBooking(environment, readBookingConfig(env)),
  'payments-ledger': (environment, env) => startPaymentsLedger(environment, readPaymentsConfig(env)),
  dispatch: (environment, env) => startDispatch(environment, readDispatchConfig(env)),
  inbox: (environment, env) => startInbox(environment, readInboxConfig(env)),
};
