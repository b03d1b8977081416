import { unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Log } from '../platform/log.js';

/** Milliseconds between looks at the file. By looking, because file events do not tell when a mounted volume swaps a link. */
const LOOK_EVERY_MS = 1_000;

/** Hands over a supergraph file's text whenever it changes. A broken one is logged, and the gateway keeps what it has (GW-03). @returns what ends it */
export function watchSupergraph(path: string, apply: (supergraphSdl: string) => void, log: Log, lookEveryMs = LOOK_EVERY_MS): () => void {
  let served: string | null = null;
  const look = async () => {
    try {
      const text = await readFile(path, 'utf8');
      // Touched, or written again as it was; or caught between its emptying and its writing, and then there is another change to come.
      if (text === served || text === '') return;
      apply(text);
      served = text;
      log.info({ path }, 'supergraph changed');
    } catch (err) {
      log.error({ err, path }, 'the changed supergraph was refused; the old one goes on serving');
    }
  };
  const onChange = () => void look();
  watchFile(path, { interval: lookEveryMs, persistent: false }, onChange);
  return () => unwatchFile(path, onChange);
}
