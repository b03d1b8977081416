import { type DocumentNode, type FragmentDefinitionNode, Kind, type OperationDefinitionNode, type SelectionSetNode } from 'graphql';

/** So many operations in any stretch of this length. */
export interface Rate {
  limit: number;
  windowMs: number;
}

const perMinute = (limit: number): Rate => ({ limit, windowMs: 60_000 });

/**
 * What is counted, and how much of it is allowed (GW-22). The first three count every operation, of an address, a person or a machine's key; the others
 * count root fields besides, each time they stand in an operation. A key's own contract is named `key:<name of the key>`.
 */
export const DEFAULT_RATES = {
  anonymous: perMinute(60),
  signedIn: perMinute(120),
  key: perMinute(600),
  signIn: perMinute(10),
  signUp: perMinute(5),
  booking: { limit: 10, windowMs: 3_600_000 },
  tripRequest: perMinute(5),
  driverResponse: perMinute(30),
  quote: perMinute(30),
  location: perMinute(30),
} as const satisfies Record<string, Rate>;

export type RateName = keyof typeof DEFAULT_RATES;
export type Rates = Readonly<Record<string, Rate>>;

/** Root fields by what they count as. */
const CLASSES: Readonly<Record<string, RateName>> = {
  signIn: 'signIn',
  signUp: 'signUp',
  createBooking: 'booking',
  requestTrip: 'tripRequest',
  acceptOffer: 'driverResponse',
  declineOffer: 'driverResponse',
  quoteTrip: 'quote',
  quoteRental: 'quote',
  updateLocation: 'location',
  updateLocations: 'location',
};

/** These are counted by address also for people who are signed in: they are how one becomes somebody else. */
export const BY_ADDRESS: ReadonlySet<RateName> = new Set(['anonymous', 'signIn', 'signUp']);

/** How often each class stands in an operation; under aliases and in fragments too, or ten thousand passwords would fit into one request. */
export function classesOf(document: DocumentNode, operation: OperationDefinitionNode): Map<RateName, number> {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const part of document.definitions) if (part.kind === Kind.FRAGMENT_DEFINITION) fragments.set(part.name.value, part);
  // Each fragment is counted once, however often it is spread: fragments that spread fragments multiply.
  const known = new Map<string, ReadonlyMap<RateName, number>>();
  const countFragment = (name: string): ReadonlyMap<RateName, number> => {
    const counted = known.get(name);
    if (counted) return counted;
    known.set(name, new Map());
    const fragment = fragments.get(name);
    const counts = fragment ? count(fragment.selectionSet) : new Map<RateName, number>();
    known.set(name, counts);
    return counts;
  };
  const count = ({ selections }: SelectionSetNode): Map<RateName, number> => {
    const counts = new Map<RateName, number>();
    const add = (name: RateName, times: number) => counts.set(name, (counts.get(name) ?? 0) + times);
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) {
        const name = CLASSES[selection.name.value];
        if (name) add(name, 1);
        continue;
      }
      const inner = selection.kind === Kind.FRAGMENT_SPREAD ? countFragment(selection.name.value) : count(selection.selectionSet);
      for (const [name, times] of inner) add(name, times);
    }
    return counts;
  };
  return count(operation.selectionSet);
}
