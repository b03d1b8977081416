import { fairnessOf, nearness, scoreOf, SHARE_OF_NEARNESS } from './matching.js';
import type { MatchingRequest, Plan } from './strategy.js';
import {
  DEFAULT_WEIGHTS,
  MAX_PICKUP_S,
  pickupSeconds,
  type RoundInputs,
  type RoundOutcome,
  type TickInputs,
  type TickPair,
  type TickRider,
  type TickWeights,
} from './tick.js';
import type { VehicleType } from './vehicleType.js';

/** As many digits as keep the order of any two drivers that are not equal. */
const toNineDigits = (value: number) => Math.round(value * 1e9) / 1e9;

/** What the open searches of a city look like to a tick, and whose number is whose. */
export function tickInputsOf(
  requests: readonly MatchingRequest[],
  now: Date,
  speedKmh: number,
  weights = DEFAULT_WEIGHTS,
): { inputs: TickInputs; driverIds: string[] } {
  const numbers = new Map<string, number>();
  const drivers: VehicleType[] = [];
  const riders = requests.map(({ search, candidates }): TickRider => {
    const options = candidates.flatMap(({ driverId, vehicleType, distanceM }) => {
      const number = numbers.get(driverId) ?? drivers.push(vehicleType) - 1;
      numbers.set(driverId, number);
      return [number, Math.round(distanceM)];
    });
    const since = search.requestedAt.getTime();
    return { vehicleType: search.vehicleType, waitedS: Math.max(0, Math.round((now.getTime() - since) / 1000)), options };
  });
  return { inputs: { riders, drivers, speedKmh, maxPickupS: MAX_PICKUP_S, weights }, driverIds: [...numbers.keys()] };
}

/** What requests looked like, with who is who. Candidates are kept in their order, which decides between equals. */
export function roundInputsOf(requests: readonly MatchingRequest[], now: Date, speedKmh: number, weights?: TickWeights): RoundInputs {
  const { inputs, driverIds } = tickInputsOf(requests, now, speedKmh, weights);
  return {
    ...inputs,
    trips: requests.map(({ search }) => search.tripId),
    driverIds,
    radiiM: requests.map(({ radiusKm }) => radiusKm * 1000),
    rounds: requests.map(({ search }) => search.round),
    merits: requests.map(({ search, radiusKm, candidates }) => {
      const wanted = { vehicleType: search.vehicleType, radiusKm };
      return candidates.map((candidate) => {
        const near = SHARE_OF_NEARNESS * nearness(candidate.distanceM, radiusKm * 1000);
        return toNineDigits(scoreOf(candidate, wanted) + fairnessOf(candidate, now) - near);
      });
    }),
  };
}

/** What happened, from what was planned and who was asked in the end. */
export function roundOutcomeOf(inputs: RoundInputs, plans: readonly Plan[], asked: readonly (readonly string[])[]): RoundOutcome {
  const numbers = new Map(inputs.driverIds.map((id, number) => [id, number]));
  const numbersOf = (ids: readonly string[]) => ids.flatMap((id) => numbers.get(id) ?? []);
  const seconds = pickupSeconds(inputs);
  const pairs = asked.flatMap((ids, rider) =>
    numbersOf(ids).map((driver): TickPair => ({ rider, driver, pickupS: seconds[rider * inputs.driverIds.length + driver] as number })),
  );
  const passedOver = plans.flatMap(({ ranked, atMost }, rider) => {
    const got = asked[rider] ?? [];
    // All before the last one who was asked; all of them when there were too few.
    const reached = got.length < atMost ? ranked : ranked.slice(0, ranked.indexOf(got.at(-1) ?? ''));
    return numbersOf(reached.filter((id) => !got.includes(id))).map((driver): [number, number] => [rider, driver]);
  });
  return { pairs, passedOver };
}
