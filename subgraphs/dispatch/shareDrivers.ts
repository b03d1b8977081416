import type { Plan } from './strategy.js';

/**
 * Gives drivers to plans that name the same ones: each plan its best that nobody has yet, then each its second, and so on, so that nobody gets five before
 * everybody has one. Of equals the first plan comes first. `claim` says which of some drivers are free indeed, and keeps them; for those who are not, the
 * next ones of the plan are asked. Answers who was claimed for each plan; each driver once.
 */
export async function shareDrivers(
  plans: readonly Pick<Plan, 'ranked' | 'atMost'>[],
  claim: (driverIds: readonly string[]) => Promise<readonly string[]>,
): Promise<string[][]> {
  const got = plans.map((): string[] => []);
  const nextOf = plans.map(() => 0);
  const named = new Set<string>();
  for (;;) {
    const wanted = wantedOf(plans, got, nextOf, named);
    if (wanted.length === 0) return got;
    const claimed = new Set(await claim(wanted.map(({ driverId }) => driverId)));
    for (const { plan, driverId } of wanted) if (claimed.has(driverId)) got[plan]?.push(driverId);
  }
}

/** Whom each plan that has too few yet would ask next. Moves on in its list, so that this comes to an end. */
function wantedOf(plans: readonly Pick<Plan, 'ranked' | 'atMost'>[], got: readonly string[][], nextOf: number[], named: Set<string>) {
  const wanted: { plan: number; driverId: string }[] = [];
  const missing = plans.map(({ atMost }, plan) => atMost - (got[plan]?.length ?? 0));
  for (let found = true; found; ) {
    found = false;
    for (const [plan, { ranked }] of plans.entries()) {
      if ((missing[plan] ?? 0) <= 0) continue;
      let at = nextOf[plan] ?? 0;
      while (at < ranked.length && named.has(ranked[at] as string)) at += 1;
      nextOf[plan] = at + 1;
      const driverId = ranked[at];
      if (driverId === undefined) continue;
      named.add(driverId);
      wanted.push({ plan, driverId });
      missing[plan] = (missing[plan] ?? 0) - 1;
      found = true;
    }
  }
  return wanted;
}
