import postgres from 'postgres';
import { cityClock } from '../../subgraphs/dispatch/cityClock.js';
import { nextSeasons, QUARTER_MS, quarterOf, type Season, slotOf } from '../../subgraphs/dispatch/demand.js';
import { cellOf } from '../../subgraphs/dispatch/surge.js';
import { planRequests } from './requests.js';
import { toPoint } from './streets.js';

const WEEKS = 4;

/**
 * Teaches a system what four earlier weeks would have taught it about the quarter hours that a simulation runs in: requests of the same city by other seeds,
 * counted and learnt from as the system itself does it.
 * @param databaseUrl the owner's, of dispatch
 */
export async function teachEarlierWeeks(databaseUrl: string, { seed, riders, minutes }: { seed: number; riders: number; minutes: number }): Promise<void> {
  const cityTime = cityClock('Africa/Cairo');
  const first = quarterOf(new Date()).getTime();
  // A hint looks a quarter hour ahead.
  const quarters = Math.ceil((minutes * 60_000) / QUARTER_MS) + 2;
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  try {
    for (let quarter = 0; quarter < quarters; quarter += 1) {
      let seasons = new Map<string, Season>();
      for (let week = 0; week < WEEKS; week += 1) {
        const counts = new Map<string, number>();
        for (const { pickup } of planRequests({ seed: seed + 10_000 + 100 * week + quarter, ridersPerMinute: riders, minutes: QUARTER_MS / 60_000 })) {
          const cell = cellOf(toPoint(pickup));
          counts.set(cell, (counts.get(cell) ?? 0) + 1);
        }
        seasons = nextSeasons(seasons, counts, week);
      }
      const slot = slotOf(new Date(first + quarter * QUARTER_MS), cityTime);
      const rows = [...seasons].map(([cell, { level, meanError, weeks }]) => ({ cell, slot, level, mean_error: meanError, weeks, updated_at: new Date() }));
      await sql`insert into demand_seasons ${sql(rows)} on conflict (cell, slot) do nothing`;
    }
  } finally {
    await sql.end({ timeout: 5 });
  }
}
