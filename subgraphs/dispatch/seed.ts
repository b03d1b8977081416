import { systemActor } from '../../platform/actor.js';
import { DEMO_ACCOUNTS } from '../../platform/demoAccounts.js';
import { type Database, inTransaction } from '../../platform/postgres.js';
import type { Dispatch } from './context.js';
import { approveDriver, registerDriver } from './driverCommands.js';
import { driverOfUser } from './driverQueries.js';

const driverId = (n: number) => `01900000-0000-7000-8003-${String(n).padStart(12, '0')}`;

const DRIVERS = [
  { user: DEMO_ACCOUNTS.driver, make: 'Hyundai', model: 'Verna', year: 2022, plate: 'RIDE 1001', licenceNumber: 'DEMO-1' },
  { user: DEMO_ACCOUNTS.driver2, make: 'Chevrolet', model: 'Optra', year: 2021, plate: 'RIDE 1002', licenceNumber: 'DEMO-2' },
];

/** The two demo drivers, registered and approved (PF-12b); a second run adds nothing, also after one of them changed. */
export async function seedDispatch(db: Database, dispatch: Dispatch): Promise<void> {
  await inTransaction(systemActor('seed'), db, { traceId: '0'.repeat(32), causationId: 'seed' }, async (tx) => {
    for (const [index, { user, ...car }] of DRIVERS.entries()) {
      if (await driverOfUser(tx.orm, user.id)) continue;
      const driver = await registerDriver(tx, user.id, { ...car, vehicleType: 'ECONOMY', seats: 5 }, driverId(index + 1));
      // Nobody has papers of people who are not.
      await approveDriver(tx, dispatch, driver.id, []);
    }
  });
}
