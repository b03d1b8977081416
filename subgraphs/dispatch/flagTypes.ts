import { Field, Float, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import { connectionOf, DateTime, Point } from '../../platform/graphqlTypes.js';
import { STANDINGS, SUSPICIONS } from './spoofing.js';
import { Driver } from './types.js';

const enumOf = <T extends string>(values: readonly T[]) => Object.fromEntries(values.map((value) => [value, value])) as { [K in T]: K };
export const LocationSuspicion = enumOf(SUSPICIONS);
export const DriverStanding = enumOf(STANDINGS);

registerEnumType(LocationSuspicion, {
  name: 'LocationSuspicion',
  description: 'Why a point was not believed.',
  valuesConfig: {
    IMPOSSIBLE_SPEED: { description: 'Further from the last believed point than a car can drive in that time.' },
    TELEPORT: { description: 'More than 50 km from the last believed point, in no time.' },
    MOCKED: { description: 'The device says that an app invents its positions.' },
    FROZEN: { description: 'Exactly the same place many times, while the device says that it moves.' },
  },
});
registerEnumType(DriverStanding, {
  name: 'DriverStanding',
  description: 'GOOD, or POOR for a day after repeated points that cannot be true: no offers then.',
});

@ObjectType({ description: 'Points of a driver that cannot be true: of one kind, within ten minutes. They moved nobody. For admins.' })
export class LocationFlag {
  @Field(() => ID, { description: 'Id of the flag: `lfl_…`.' })
  id!: string;

  @Field(() => LocationSuspicion, { description: 'What is wrong with them.' })
  kind!: keyof typeof LocationSuspicion;

  @Field(() => Int, { description: 'How many there were.' })
  count!: number;

  @Field(() => Point, { nullable: true, description: 'The last believed place before the first of them; null when none was known.' })
  from!: Point | null;

  @Field(() => DateTime, { nullable: true, description: "When the driver was there, by the device's clock." })
  fromAt!: Date | null;

  @Field(() => Point, { description: 'Where the first of them was.' })
  to!: Point;

  @Field(() => DateTime, { description: "When that was, by the device's clock." })
  toAt!: Date;

  @Field(() => Float, { nullable: true, description: 'Speed between the two in km/h, on a straight line; null when there is no time between them.' })
  speedKmh!: number | null;

  @Field(() => DateTime, { description: 'When the first of them came in.' })
  firstAt!: Date;

  @Field(() => DateTime, { description: 'When the last of them came in.' })
  lastAt!: Date;

  /** For the resolvers; not part of the schema. */
  driverUuid!: string;
  driver?: Driver | null;
}

export const LocationFlagConnection = connectionOf('LocationFlag', () => LocationFlag);
