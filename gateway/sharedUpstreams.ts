import { openUpstream, type Upstream, type UpstreamRequest, type Watcher } from './upstream.js';

/** Opens upstreams, one for all watchers who ask the same and may see the same (GW-11). */
export interface SharedUpstreams {
  /** @param principal who may share: equal text means equal rights; null means that nobody shares */
  watch(request: UpstreamRequest, principal: string | null, watcher: Watcher): () => void;
  /** Subscriptions that are open to subgraphs right now. */
  count(): number;
  closeAll(): void;
}

interface Live {
  upstream: Upstream;
  watchers: Set<Watcher>;
}

export function createSharedUpstreams(): SharedUpstreams {
  const live = new Map<string, Live>();
  const open = new Set<Upstream>();

  const openCounted = (request: UpstreamRequest, watcher: Watcher): Upstream => {
    let ended = false;
    const upstream = openUpstream(request, {
      next: watcher.next,
      end(errors) {
        ended = true;
        open.delete(counted);
        watcher.end(errors);
      },
    });
    const counted: Upstream = {
      lastSequence: upstream.lastSequence,
      close() {
        open.delete(counted);
        upstream.close();
      },
    };
    if (!ended) open.add(counted);
    return counted;
  };

  const openLive = (key: string, request: UpstreamRequest): Live => {
    const watchers = new Set<Watcher>();
    const entry: Live = {
      watchers,
      upstream: openCounted(request, {
        next: (event) => {
          for (const watcher of [...watchers]) watcher.next(event);
        },
        end: (errors) => {
          if (live.get(key) === entry) live.delete(key);
          for (const watcher of [...watchers]) watcher.end(errors);
          watchers.clear();
        },
      }),
    };
    live.set(key, entry);
    return entry;
  };

  const join = (key: string, entry: Live, watcher: Watcher): (() => void) => {
    entry.watchers.add(watcher);
    return () => {
      if (!entry.watchers.delete(watcher) || entry.watchers.size > 0) return;
      if (live.get(key) === entry) live.delete(key);
      entry.upstream.close();
    };
  };

  return {
    watch(request, principal, watcher) {
      if (principal === null) {
        const upstream = openCounted(request, watcher);
        return () => upstream.close();
      }
      const key = JSON.stringify([request.link.name, request.primary.query, sorted(request.variables), principal]);
      const entry = live.get(key);
      if (!entry) return join(key, openLive(key, request), watcher);
      const sameStart = !request.primary.resumable || request.afterSequence === entry.upstream.lastSequence();
      return sameStart ? join(key, entry, watcher) : catchUp(request, entry, watcher, (silent) => join(key, entry, silent), openCounted);
    },
    count: () => open.size,
    closeAll() {
      for (const upstream of [...open]) upstream.close();
      live.clear();
    },
  };
}

/**
 * Lets a watcher join a live upstream whose past it does not know. It reads an upstream of its own, which begins where the watcher wants
 * to (the missed states, or the present one), until that has come as far as the live one; then it goes over, and nothing is missing and
 * nothing comes twice, because states are numbered. Until then it holds the live one open in silence.
 */
function catchUp(
  request: UpstreamRequest,
  entry: Live,
  watcher: Watcher,
  joinLive: (silent: Watcher) => () => void,
  open: (request: UpstreamRequest, watcher: Watcher) => Upstream,
): () => void {
  let followsLive = false;
  let liveEnded = false;
  let own: Upstream | null = null;
  const goOverWhenLevel = () => {
    const reached = own?.lastSequence() ?? null;
    // Equal, not greater: were the live one behind, it would repeat states that the watcher already has.
    if (followsLive || liveEnded || reached === null || reached !== entry.upstream.lastSequence()) return;
    followsLive = true;
    own?.close();
  };

  const leaveLive = joinLive({
    next(event) {
      if (followsLive) watcher.next(event);
      else goOverWhenLevel();
    },
    end(errors) {
      liveEnded = true;
      if (followsLive) watcher.end(errors);
    },
  });
  own = open(request, {
    next(event) {
      watcher.next(event);
      goOverWhenLevel();
    },
    end(errors) {
      leaveLive();
      watcher.end(errors);
    },
  });
  return () => {
    own?.close();
    leaveLive();
  };
}

/** Variables in an order of their own, so that clients who write them differently still share. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, inner]) => [name, sorted(inner)]),
  );
}
