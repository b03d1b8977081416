import { randomUUID } from 'node:crypto';
import { createLog } from '../../platform/log.js';
import { appUrl, databaseUrl } from '../../platform/migrate.js';
import { connectDatabase } from '../../platform/postgres.js';
import { identityConfig } from '../../subgraphs/identity/config.js';
import { createTokenIssuer } from '../../subgraphs/identity/tokens.js';

/** Access tokens of riders who have no account: a thousand sign-ups, each with its slow hash, are not what is measured. */
export async function riderTokens(serverUrl: string, secret: string, userIds: readonly string[]): Promise<string[]> {
  const url = appUrl(databaseUrl('identity', serverUrl, undefined), 'identity', secret);
  const db = connectDatabase({ url, log: createLog({ service: 'bench', level: 'fatal' }), clock: () => new Date(), poolSize: 1, applicationName: 'bench' });
  try {
    const { TOKEN_ISSUER: issuer, TOKEN_AUDIENCE: audience } = identityConfig.parse({});
    const tokens = await createTokenIssuer(db, { issuer, audience, secret });
    return await Promise.all(userIds.map((userId) => tokens.sign({ userId, roles: ['CUSTOMER'], sessionId: randomUUID() }, new Date())));
  } finally {
    await db.close();
  }
}
