import { type SQL, sql } from 'drizzle-orm';
import { VEHICLE_CATEGORIES } from './vehicle.js';

const DEFAULT_HOURS = 2;
/** Hours to clean and check a car after its return, where a class takes longer than the default. Booking has the same (BK-01); a test compares the two. */
const HOURS: Readonly<Record<string, number>> = { LUXURY: 3, SPORTS: 3 };

/** How long a car of this class is prepared for the next customer, in hours. */
export const preparationHours = (category: string): number => HOURS[category] ?? DEFAULT_HOURS;

/** The same for the category of each row that a statement looks at, as an interval. */
export function preparationOf(category: SQL): SQL {
  const longer = VEHICLE_CATEGORIES.filter((each) => preparationHours(each) !== DEFAULT_HOURS);
  const cases = longer.map((each) => sql`when ${category} = ${each} then make_interval(hours => ${preparationHours(each)}::int)`);
  return sql`case ${sql.join(cases, sql` `)} else make_interval(hours => ${DEFAULT_HOURS}::int) end`;
}
