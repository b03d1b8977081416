import { Refusal } from '../../platform/errors.js';
import type { Tx } from '../../platform/postgres.js';
import type { Dispatch } from './context.js';
import { type MatchingSettings, settingsOf } from './matchingQueries.js';
import { matchingSettings } from './matchingTables.js';

/**
 * How the city matches from now on; searches that run go on as they began. What is not given stays.
 * @throws Refusal VALIDATION_ERROR for SCHEDULED, which trips for later take by themselves
 */
export async function setMatchingStrategy(tx: Tx, dispatch: Dispatch, adminId: string, changes: Partial<MatchingSettings>): Promise<MatchingSettings> {
  if (changes.strategy === 'SCHEDULED') {
    throw new Refusal('VALIDATION_ERROR', 'input.strategy: SCHEDULED is what trips with `departAt` take by themselves. Choose another.', {
      details: { field: 'input.strategy', rule: 'not_for_cities' },
    });
  }
  const { city } = dispatch.config;
  const settings = { ...(await settingsOf(tx.orm, city)), ...changes };
  const row = { ...settings, updatedBy: adminId, updatedAt: tx.now };
  await tx.orm
    .insert(matchingSettings)
    .values({ city, ...row })
    .onConflictDoUpdate({ target: matchingSettings.city, set: row });
  tx.log.info({ city, ...settings }, 'matching settings changed');
  return settings;
}
