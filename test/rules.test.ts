import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { buildSchema, type GraphQLArgument, type GraphQLNamedType, type GraphQLSchema, isInputObjectType, isInterfaceType, isObjectType } from 'graphql';
import { expect, test } from 'vitest';
import { packageRoot } from '../platform/packageRoot.js';
import { SUBGRAPH_SCHEMAS } from '../scripts/subgraphSchemas.js';
import { preparationMs } from '../subgraphs/booking/availability.js';
import { bookingPermissions } from '../subgraphs/booking/permissions.js';
import { dispatchPermissions } from '../subgraphs/dispatch/permissions.js';
import { fleetPermissions } from '../subgraphs/fleet/permissions.js';
import { preparationHours } from '../subgraphs/fleet/preparation.js';
import { VEHICLE_CATEGORIES } from '../subgraphs/fleet/vehicle.js';
import { identityPermissions } from '../subgraphs/identity/permissions.js';
import { inboxPermissions } from '../subgraphs/inbox/permissions.js';
import { paymentsLedgerPermissions } from '../subgraphs/payments-ledger/permissions.js';

const PERMISSIONS: Record<string, object> = {
  identity: identityPermissions,
  fleet: fleetPermissions,
  booking: bookingPermissions,
  'payments-ledger': paymentsLedgerPermissions,
  dispatch: dispatchPermissions,
  inbox: inboxPermissions,
};

const api = async (): Promise<GraphQLSchema> => buildSchema(await readFile(path.join(packageRoot, 'schema/api.graphql'), 'utf8'));

test('ID-07: every root field of every subgraph has a rule', async () => {
  for (const [name, { build }] of Object.entries(SUBGRAPH_SCHEMAS)) {
    const { schema } = await build();
    for (const root of [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]) {
      const rules = (PERMISSIONS[name] as Record<string, object>)[root?.name ?? ''] ?? {};
      const fields = Object.keys(root?.getFields() ?? {}).filter((field) => !field.startsWith('_'));
      expect({ name, root: root?.name, missing: fields.filter((field) => !(field in rules)) }).toEqual({ name, root: root?.name, missing: [] });
    }
  }
});

test('FL-05: search prepares cars for as long as booking does', () => {
  for (const category of VEHICLE_CATEGORIES) expect([category, preparationHours(category) * 3_600_000]).toEqual([category, preparationMs(category)]);
});

const BUILT_IN = new Set(['String', 'Int', 'Float', 'Boolean', 'ID', 'Query', 'Mutation', 'Subscription']);

/** Coordinates of everything in a type that has no description. */
function undescribed(type: GraphQLNamedType): string[] {
  const missing = type.description || BUILT_IN.has(type.name) ? [] : [type.name];
  if (!isObjectType(type) && !isInterfaceType(type) && !isInputObjectType(type)) return missing;
  for (const field of Object.values(type.getFields())) {
    if (!field.description) missing.push(`${type.name}.${field.name}`);
    const args = 'args' in field ? (field.args as readonly GraphQLArgument[]) : [];
    missing.push(...args.filter((arg) => !arg.description).map((arg) => `${type.name}.${field.name}(${arg.name}:)`));
  }
  return missing;
}

test('every type, field and argument of the graph has a description', async () => {
  const types = Object.values((await api()).getTypeMap()).filter((type) => !type.name.startsWith('__'));
  expect(types.flatMap(undescribed)).toEqual([]);
});

test('the contract: every promised root field is there', async () => {
  const schema = await api();
  const promised = {
    Query: 'me node vehicle vehicles stations booking trip nearbyDrivers surgeMap withdrawals threads thread systemHealth',
    Mutation: `signUp signIn refreshSession signOut createVehicle updateVehicle retireVehicle quoteRental createBooking cancelBooking initiateDeposit
      requestWithdrawal approveWithdrawal rejectWithdrawal runReconciliation registerDriver approveDriver goOnline goOffline updateLocation updateLocations
      ingestLocations quoteTrip requestTrip acceptOffer declineOffer arriveAtPickup startTrip completeTrip cancelTrip rateTrip replyToThread closeThread`,
    Subscription: 'tripUpdates driverOffers bookingUpdated walletUpdated notificationReceived threadUpdated',
  };
  for (const [root, names] of Object.entries(promised)) {
    const type = schema.getType(root);
    const fields = isObjectType(type) ? Object.keys(type.getFields()) : [];
    expect(fields).toEqual(expect.arrayContaining(names.split(/\s+/)));
  }
});

test('the contract: every promised field of the other types is there', async () => {
  const schema = await api();
  const promised: Record<string, string> = {
    User: 'id name email phone roles wallet bookings trips notifications',
    Vehicle: 'id availability dailyRate make model',
    Booking: 'id status vehicle customer pickupAt returnAt total failure payment thread',
    Trip: 'id status rider driver vehicleType pickup destination quotedFare finalFare route sequence payment thread',
    Driver: 'id user vehicle state rating plate position',
    Wallet: 'balance available entries',
    Payment: 'id status method amount',
    TripUpdate: 'sequence kind status trip position heading etaSeconds at',
    Session: 'accessToken refreshToken expiresAt user',
    RentalQuote: 'id total lines expiresAt',
    TripQuote: 'id vehicleType price pickupEtaSeconds tripEtaSeconds surge expiresAt',
    Deposit: 'id status amount paymentUrl',
    Withdrawal: 'id status amount method',
    Reconciliation: 'id ok discrepancies',
    Offer: 'id trip expiresAt pickupDistanceM estimatedEarnings',
    NearbyDriver: 'position heading distanceM vehicleType lastSeenAt',
    Thread: 'id subject status messages',
    Message: 'id direction text html sentAt',
    Notification: 'id kind title body readAt createdAt',
    VehicleFilter: 'text categories fuelTypes transmissions minSeats features dailyRate near available stationId',
  };
  for (const [name, fields] of Object.entries(promised)) {
    const type = schema.getType(name);
    const present = isObjectType(type) || isInputObjectType(type) ? Object.keys(type.getFields()) : [];
    expect({ name, present }).toEqual({ name, present: expect.arrayContaining(fields.split(' ')) });
  }
});
