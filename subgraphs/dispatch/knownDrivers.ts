/** Who drives for us, as far as this process has heard: a driver's id never changes, so that a position needs no Postgres to know whose it is. */
export interface KnownDrivers {
  /** The driver that a person is, or null. @throws Refusal DEPENDENCY_UNAVAILABLE when Postgres has to be asked and does not answer */
  idOf(userId: string): Promise<string | null>;
  /** Notes drivers that exist. */
  note(driverIds: readonly string[]): void;
  /** Those of the ids that exist. @throws Refusal DEPENDENCY_UNAVAILABLE when Postgres has to be asked and does not answer */
  existing(driverIds: readonly string[]): Promise<Set<string>>;
}

/** Beyond this many the ones noted first are forgotten, and asked for again. */
const MAX_REMEMBERED = 200_000;

export function rememberDrivers(options: {
  driverOfUser: (userId: string) => Promise<string | null>;
  readExisting: (driverIds: readonly string[]) => Promise<string[]>;
}): KnownDrivers {
  const byUser = new Map<string, string>();
  const known = new Set<string>();
  const note = (driverIds: readonly string[]) => {
    for (const id of driverIds) {
      if (known.has(id)) continue;
      if (known.size >= MAX_REMEMBERED) known.delete(known.values().next().value as string);
      known.add(id);
    }
  };
  return {
    idOf: async (userId) => {
      const remembered = byUser.get(userId);
      if (remembered) return remembered;
      const driverId = await options.driverOfUser(userId);
      if (driverId === null) return null;
      if (byUser.size >= MAX_REMEMBERED) byUser.delete(byUser.keys().next().value as string);
      byUser.set(userId, driverId);
      note([driverId]);
      return driverId;
    },
    note,
    existing: async (driverIds) => {
      const asked = driverIds.filter((id) => !known.has(id));
      if (asked.length > 0) note(await options.readExisting(asked));
      return new Set(driverIds.filter((id) => known.has(id)));
    },
  };
}
