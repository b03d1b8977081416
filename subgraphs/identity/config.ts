import { z } from 'zod';

/** Environment of identity: who the tokens say they are from and for. The gateway has to be told the same. */
export const identityConfig = z.object({
  TOKEN_ISSUER: z.string().default('waygraph'),
  TOKEN_AUDIENCE: z.string().default('waygraph'),
});
export type IdentityConfig = z.output<typeof identityConfig>;
