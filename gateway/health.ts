import type { Readiness } from '../platform/subgraph.js';
import type { SubgraphLink } from './links.js';

/** Milliseconds that one subgraph may take to say how it is. */
const CHECK_TIMEOUT_MS = 2_500;

export interface Health {
  ready(): Promise<Readiness>;
  /** From now on not ready, so that load balancers look elsewhere. */
  drain(): void;
}

/**
 * Whether requests should come here. At first all subgraphs have to be ready; after that a subgraph that is down is named in the checks,
 * but does not take the gateway with it: the rest of the graph still answers.
 */
export function createHealth(links: readonly SubgraphLink[]): Health {
  const everReady = new Set<string>();
  let draining = false;
  return {
    drain() {
      draining = true;
    },
    async ready() {
      if (draining) return { ok: false, checks: { gateway: 'draining' } };
      const answers = await Promise.all(links.map(async (link) => ({ name: link.name, readiness: await readinessOf(link) })));
      const checks: Record<string, string> = {};
      for (const { name, readiness } of answers) {
        if (readiness.ok) everReady.add(name);
        checks[name] = readiness.ok ? 'ok' : 'not ready';
        for (const [part, state] of Object.entries(readiness.checks)) checks[`${name}.${part}`] = state;
      }
      return { ok: links.every(({ name }) => everReady.has(name)), checks };
    },
  };
}

async function readinessOf(link: SubgraphLink): Promise<Readiness> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Readiness>((resolve) => {
    timer = setTimeout(() => resolve({ ok: false, checks: { answer: 'too slow' } }), CHECK_TIMEOUT_MS);
  });
  try {
    return await Promise.race([link.ready(), late]);
  } catch {
    return { ok: false, checks: { answer: 'failed' } };
  } finally {
    clearTimeout(timer);
  }
}
