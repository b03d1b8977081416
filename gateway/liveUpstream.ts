import type { GraphQLFormattedError } from 'graphql';
import type { Caller } from '../platform/subgraph.js';
import { isReplaceable, MAX_UNDELIVERED, type UpstreamEvent } from './delivery.js';
import { isVerdict, UNREACHABLE, type Upstream, type UpstreamRequest, type Watcher } from './upstream.js';

/** Milliseconds after which a person is asked about again though no state has changed, before the next position is shown to them. */
const CHECK_AGAIN_MS = 15_000;

type Errors = readonly GraphQLFormattedError[] | null;

/** An upstream that people with rights of their own watch together. */
export interface LiveUpstream {
  /** Of the last state that was seen. */
  lastSequence(): number | null;
  /** Whether the subgraph has let this person in already, so that nobody has to ask for another watcher of theirs. */
  hasAdmitted(principal: string): boolean;
  /** Adds a watcher, whose person is admitted or who listens in silence until `admit`. @returns what takes the watcher away again */
  join(principal: string, caller: Caller, watcher: Watcher): () => void;
  /** The subgraph has let this person in, on an upstream of their own. */
  admit(principal: string): void;
}

/** One person, however often they watch. */
interface Member {
  caller: Caller;
  watchers: Set<Watcher>;
  /** When the subgraph last said that they may see it; null before it did. */
  admittedAt: number | null;
  /** What came while the subgraph is being asked about them; null when it is not. */
  held: UpstreamEvent[] | null;
  /** The stream is over for them as soon as they were shown what is held. */
  ending: { errors: Errors } | null;
  cancelCheck(): void;
}

/** The subgraph ends its own stream without a word when somebody may see it no more: so does this, for those who were shown it. */
function asShownOut(errors: Errors): Errors {
  return errors?.[0]?.extensions?.code === 'NOT_FOUND' ? null : errors;
}

/** How the one before went: who is told in their own name that there is nothing more, twice in a row, settles it for all. */
type Before = 'NOBODY' | 'LEFT' | 'COMPLETED';

/**
 * Keeps one subscription to a subgraph for everybody who was let in to watch the same (GW-11). It runs in the name of one of them, whom the subgraph
 * checks as it always does. Each of the others is asked about by a short subscription in their own name: before each new state is shown to them, and
 * before a position when the last answer is older than 15 s. So whoever loses the right, as a driver who is taken off a trip does, sees nothing that came
 * after. When the one in whose name it runs leaves or is shut out, it goes on in the name of another, from the last sequence.
 */
export function createLive(
  request: UpstreamRequest,
  options: { open(request: UpstreamRequest, watcher: Watcher): Upstream; onEnd(): void },
): LiveUpstream & { start(): void } {
  const members = new Map<string, Member>();
  let upstream: Upstream | null = null;
  /** In whose name it runs; null while nobody who may can be found. */
  let owner: string | null = null;
  let before: Before = 'NOBODY';
  let lastSequence = request.afterSequence;
  let isOver = false;

  const settle = () => {
    if (isOver) return;
    if (members.size === 0) {
      isOver = true;
      upstream?.close();
      options.onEnd();
    } else if (owner === null) succeed();
  };
  const remove = (principal: string): Member | undefined => {
    const member = members.get(principal);
    members.delete(principal);
    member?.cancelCheck();
    return member;
  };
  const end = (principal: string, errors: Errors) => {
    for (const watcher of [...(remove(principal)?.watchers ?? [])]) watcher.end(errors);
  };
  const endAll = (errors: Errors) => {
    for (const [principal, member] of [...members]) {
      if (member.held === null) end(principal, errors);
      else member.ending = { errors };
    }
  };
  const deliver = (member: Member, event: UpstreamEvent) => {
    for (const watcher of [...member.watchers]) watcher.next(event);
  };

  const check = (principal: string, member: Member) => {
    let decided = false;
    let probe: Upstream | null = null;
    const decide = (): boolean => {
      if (decided) return false;
      decided = true;
      probe?.close();
      return true;
    };
    member.held = [];
    member.cancelCheck = () => void decide();
    probe = options.open(
      { ...request, caller: member.caller, afterSequence: null, wasServed: true },
      {
        next() {
          if (!decide()) return;
          const held = member.held ?? [];
          member.held = null;
          member.admittedAt = Date.now();
          for (const event of held) deliver(member, event);
          if (member.ending) end(principal, member.ending.errors);
          settle();
        },
        end(errors) {
          if (!decide()) return;
          end(principal, asShownOut(errors));
          settle();
        },
      },
    );
    if (decided) probe.close();
  };

  const receive = (principal: string, member: Member, event: UpstreamEvent) => {
    if (principal === owner) member.admittedAt = Date.now();
    // Whoever is not admitted yet takes nothing from here.
    else if (member.admittedAt !== null) {
      const isDue = !isReplaceable(request.primary.rootField, event.kind) || Date.now() - member.admittedAt > CHECK_AGAIN_MS;
      if (member.held === null && isDue) check(principal, member);
      if (member.held !== null) {
        member.held.push(event);
        if (member.held.length > MAX_UNDELIVERED) end(principal, [UNREACHABLE]);
        return;
      }
    }
    deliver(member, event);
  };

  const runAs = (principal: string, member: Member) => {
    owner = principal;
    const after = before;
    let heardAnything = false;
    let hasEnded = false;
    let own: Upstream | null = null;
    own = options.open(
      { ...request, caller: member.caller, afterSequence: lastSequence, wasServed: member.admittedAt !== null },
      {
        next(event) {
          heardAnything = true;
          lastSequence = own?.lastSequence() ?? lastSequence;
          for (const [name, each] of [...members]) if (members.get(name) === each) receive(name, each, event);
        },
        end(errors) {
          hasEnded = true;
          upstream = null;
          owner = null;
          before = errors === null ? 'COMPLETED' : 'LEFT';
          end(principal, member.admittedAt === null ? errors : asShownOut(errors));
          // Nobody can be reached, or two people were told one after the other that there is nothing more: it is over for all.
          if (errors === null ? after === 'COMPLETED' && !heardAnything : !isVerdict(errors)) endAll(errors);
          settle();
        },
      },
    );
    if (!hasEnded) upstream = own;
  };
  const succeed = () => {
    const waiting = [...members].filter(([, member]) => member.held === null);
    // Who is being asked about may be shut out: they are not taken until that is known, and what they have not been shown is kept.
    const next = waiting.find(([, member]) => member.admittedAt !== null) ?? (waiting.length === members.size ? waiting[0] : undefined);
    if (next) runAs(...next);
  };

  return {
    start: settle,
    lastSequence: () => lastSequence,
    hasAdmitted: (principal) => principal === owner || (members.get(principal)?.admittedAt ?? null) !== null,
    join(principal, caller, watcher) {
      const member = members.get(principal) ?? { caller, watchers: new Set<Watcher>(), admittedAt: null, held: null, ending: null, cancelCheck() {} };
      members.set(principal, member);
      member.watchers.add(watcher);
      return () => {
        if (!member.watchers.delete(watcher) || member.watchers.size > 0 || members.get(principal) !== member) return;
        remove(principal);
        if (principal !== owner || members.size === 0) return settle();
        const left = upstream;
        upstream = null;
        owner = null;
        before = 'LEFT';
        settle();
        left?.close();
      };
    },
    admit(principal) {
      const member = members.get(principal);
      if (member) member.admittedAt ??= Date.now();
    },
  };
}
