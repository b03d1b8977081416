import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/**
 * A new directory for servers of our own. Others may pass through it, though not look around: root hands Postgres to another user, whose files would
 * lie elsewhere if this were closed to it, and stay there when this is removed.
 */
export async function temporaryDirectory(prefix: string): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), prefix));
  await chmod(directory, 0o711);
  return directory;
}
