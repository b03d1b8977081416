import { buildBookingSchema } from '../subgraphs/booking/main.js';
import { buildDispatchSchema } from '../subgraphs/dispatch/main.js';
import { buildFleetSchema } from '../subgraphs/fleet/main.js';
import { buildIdentitySchema } from '../subgraphs/identity/main.js';
import { buildInboxSchema } from '../subgraphs/inbox/main.js';
import { buildPaymentsLedgerSchema } from '../subgraphs/payments-ledger/main.js';

/** The subgraphs, in the order in which they start; each with its port in the split layout, which is also its address in the supergraph. */
export const SUBGRAPH_SCHEMAS = {
  identity: { build: buildIdentitySchema, port: 4001 },
  fleet: { build: buildFleetSchema, port: 4002 },
  booking: { build: buildBookingSchema, port: 4003 },
  'payments-ledger': { build: buildPaymentsLedgerSchema, port: 4004 },
  dispatch: { build: buildDispatchSchema, port: 4005 },
  inbox: { build: buildInboxSchema, port: 4006 },
} as const;
