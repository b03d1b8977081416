import postgres from 'postgres';
import { generateFleet } from '../subgraphs/fleet/generator.js';

// Fills fleet's database for measuring: FLEET_DATABASE_URL=… node --import @swc-node/register/esm-register scripts/generateFleet.ts [vehicles] [bookings]
const [vehicles = '100000', bookings = '1000000'] = process.argv.slice(2);
const url = process.env.FLEET_DATABASE_URL;
if (!url) throw new Error('FLEET_DATABASE_URL names the database to fill; migrate it first');
const sql = postgres(url, { max: 1, onnotice: () => {} });
try {
  await generateFleet(sql, { vehicles: Number(vehicles), bookings: Number(bookings) });
  console.log(`${vehicles} vehicles and ${bookings} bookings generated`);
} finally {
  await sql.end();
}
