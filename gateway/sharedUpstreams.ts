import { isReplaceable } from './delivery.js';
import { createLive, type LiveUpstream } from './liveUpstream.js';
import { openUpstream, type Upstream, type UpstreamRequest, type Watcher } from './upstream.js';

/** Who watches, and whether everybody who may watch this may watch it together (GW-11). */
export interface Audience {
  /** Equal text means equal rights; null means that nobody shares. */
  principal: string | null;
  /** The subgraph gives everybody whom it lets in the same events. Only for numbered events: whoever joins has to be brought level. */
  together: boolean;
}

/** Opens upstreams, one for all watchers who ask the same and may see the same (GW-11). */
export interface SharedUpstreams {
  watch(request: UpstreamRequest, audience: Audience, watcher: Watcher): () => void;
  /** Subscriptions that are open to subgraphs right now. */
  count(): number;
  closeAll(): void;
}

export function createSharedUpstreams(): SharedUpstreams {
  const live = new Map<string, LiveUpstream>();
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

  return {
    watch(request, { principal, together }, watcher) {
      if (principal === null) {
        const upstream = openCounted(request, watcher);
        return () => upstream.close();
      }
      const key = JSON.stringify([request.link.name, request.primary.query, sorted(request.variables), together ? null : principal]);
      const present = live.get(key);
      if (present) {
        const sameStart = !request.primary.resumable || request.afterSequence === present.lastSequence();
        if (!sameStart || !present.hasAdmitted(principal)) return catchUp(request, present, principal, watcher, openCounted);
        return present.join(principal, request.caller, behind(watcher, request, request.afterSequence));
      }
      const begun = createLive(request, {
        open: openCounted,
        onEnd: () => {
          if (live.get(key) === begun) live.delete(key);
        },
      });
      live.set(key, begun);
      const leave = begun.join(principal, request.caller, watcher);
      begun.start();
      return leave;
    },
    count: () => open.size,
    closeAll() {
      for (const upstream of [...open]) upstream.close();
      live.clear();
    },
  };
}

/**
 * Lets a watcher join a live upstream whose past it does not know, or which has not let its person in. It reads an upstream of its own, in its own name,
 * which begins where the watcher wants to (the missed states, or the present one), until that has come as far as the live one; then it goes over, and
 * nothing is missing and nothing comes twice, because states are numbered. Until then it holds the live one open in silence.
 */
function catchUp(
  request: UpstreamRequest,
  live: LiveUpstream,
  principal: string,
  watcher: Watcher,
  open: (request: UpstreamRequest, watcher: Watcher) => Upstream,
): () => void {
  let following: Watcher | null = null;
  let liveEnded = false;
  // What the subgraph has sent something to it has let in.
  let isAdmitted = live.hasAdmitted(principal);
  let own: Upstream | null = null;
  const goOverWhenLevel = () => {
    const reached = own?.lastSequence() ?? null;
    // Equal, not greater: were the live one behind, it would repeat states that the watcher already has.
    if (following || liveEnded || !isAdmitted || reached === null || reached !== live.lastSequence()) return;
    following = behind(watcher, request, reached);
    live.admit(principal);
    own?.close();
  };

  const leaveLive = live.join(principal, request.caller, {
    next(event) {
      if (following) following.next(event);
      else goOverWhenLevel();
    },
    end(errors) {
      liveEnded = true;
      following?.end(errors);
    },
  });
  own = open(request, {
    next(event) {
      isAdmitted = true;
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

/** A watcher that has all states up to one already: what comes late, because its person was being asked about, is not shown twice. */
function behind(watcher: Watcher, { primary }: UpstreamRequest, reached: number | null): Watcher {
  if (reached === null) return watcher;
  return {
    next(event) {
      const isOld = event.sequence !== null && (isReplaceable(primary.rootField, event.kind) ? event.sequence < reached : event.sequence <= reached);
      if (!isOld) watcher.next(event);
    },
    end: watcher.end,
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
