import { Field, ID, InputType, ObjectType, registerEnumType } from 'type-graphql';
import { CalendarDate, DateTime } from '../../platform/graphqlTypes.js';
import { DOCUMENT_KINDS } from './documentCommands.js';
import { enumOf } from './types.js';

export const DriverDocumentKind = enumOf(DOCUMENT_KINDS);
registerEnumType(DriverDocumentKind, {
  name: 'DriverDocumentKind',
  description: 'What a paper is: the licence to drive, the papers of the car, its insurance.',
});

@ObjectType({ description: "A picture of a driver's paper. For that driver and admins." })
export class DriverDocument {
  @Field(() => ID, { description: 'Id of the document: `doc_…`.' })
  id!: string;

  @Field(() => DriverDocumentKind, { description: 'What it is.' })
  kind!: keyof typeof DriverDocumentKind;

  @Field(() => CalendarDate, { description: 'The last day on which it is good.' })
  expiresOn!: string;

  @Field({ description: 'Whether it is good today.' })
  isGood!: boolean;

  @Field({ description: 'Where it can be looked at, for a quarter of an hour. Keep the address to yourself.' })
  url!: string;

  @Field(() => DateTime, { description: 'When it came.' })
  uploadedAt!: Date;
}

@InputType({ description: 'A paper that a driver is about to send a picture of.' })
export class RequestDriverDocumentInput {
  @Field(() => DriverDocumentKind, { description: 'What it is.' })
  kind!: keyof typeof DriverDocumentKind;

  @Field(() => CalendarDate, { description: 'The last day on which it is good, as it says on it.' })
  expiresOn!: string;

  @Field({ description: 'Name of the file; its extension has to fit the content-type.' })
  fileName!: string;

  @Field({ description: '`image/jpeg`, `image/png`, `image/webp` or `image/avif`.' })
  contentType!: string;
}
