import { Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { DateTime, Point, PointInput } from '../../platform/graphqlTypes.js';
import { ZONE_KINDS } from './zone.js';

export const ZoneKindType = Object.fromEntries(ZONE_KINDS.map((kind) => [kind, kind])) as { [K in (typeof ZONE_KINDS)[number]]: K };
registerEnumType(ZoneKindType, {
  name: 'ZoneKind',
  description: 'What holds in an area of the map.',
  valuesConfig: {
    SERVICE_AREA: { description: 'Trips begin and end only in one of these. While there is none, a circle around the city counts.' },
    RESTRICTED: { description: 'Nobody is picked up here.' },
    AIRPORT_QUEUE: { description: 'Drivers wait in line here: pickups in it go to who has waited longest.' },
  },
});

@ObjectType({ description: 'An area of the map with a rule.' })
export class Zone {
  @Field(() => ID, { description: 'Id of the zone: `zon_…`.' })
  id!: string;

  @Field(() => ZoneKindType, { description: 'What holds there.' })
  kind!: keyof typeof ZoneKindType;

  @Field({ description: 'What people call it.' })
  name!: string;

  @Field(() => [Point], { description: 'Its corners in order; the first is repeated as the last.' })
  polygon!: Point[];

  @Field(() => DateTime, { description: 'Since when it is in force.' })
  createdAt!: Date;

  @Field(() => DateTime, { nullable: true, description: 'Since when it is no longer in force; null while it is.' })
  retiredAt!: Date | null;

  /** For the resolvers; not part of the schema. */
  uuid!: string;
}

@ObjectType({ description: "A driver's place in line at an airport. Visible to that driver and to admins." })
export class AirportQueuePlace {
  @Field(() => Zone, { description: 'Where the line is.' })
  zone!: Zone;

  @Field(() => Int, { description: 'Place in the line; 1 gets the next pickup there.' })
  position!: number;

  @Field(() => DateTime, { description: 'Since when the driver waits.' })
  enteredAt!: Date;
}

@InputType({ description: 'An area to be drawn on the map.' })
export class CreateZoneInput {
  @Field(() => ZoneKindType, { description: 'What is to hold there.' })
  kind!: keyof typeof ZoneKindType;

  @Field({ description: 'What people call it, in up to 100 characters.' })
  name!: string;

  @Field(() => [PointInput], {
    description: 'Its corners in order, 3 to 500 of them, the first one again as the last. It must not cross itself, nor reach further than 300 km.',
  })
  polygon!: PointInput[];
}
