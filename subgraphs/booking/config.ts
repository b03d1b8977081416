import { z } from 'zod';
import { parseEnvironment } from '../../platform/config.js';
import { type FilesConfig, readFilesConfig } from '../../platform/storage.js';

const schema = z.object({
  NODE_ENV: z.string().optional(),
  /** `local`: agreements are signed at a page of ours, which binds nobody. `desk`: they are ready to be signed on paper. */
  SIGNATURES: z.enum(['local', 'desk'], 'must be local or desk').optional(),
});

export interface BookingConfig extends FilesConfig {
  signer: 'local' | null;
}

/** Booking's own environment. @throws ConfigError that names the variable */
export function readBookingConfig(env: NodeJS.ProcessEnv): BookingConfig {
  const { NODE_ENV, SIGNATURES } = parseEnvironment(schema, env);
  const signatures = SIGNATURES ?? (NODE_ENV === 'production' ? 'desk' : 'local');
  return { ...readFilesConfig(env), signer: signatures === 'local' ? 'local' : null };
}
