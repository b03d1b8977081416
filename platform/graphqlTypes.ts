import 'reflect-metadata';
import { GraphQLError, GraphQLScalarType, Kind } from 'graphql';
import { type ClassType, Directive, Field, Float, ID, InputType, Int, ObjectType } from 'type-graphql';
import { parseAmount, parsePositiveAmount, type Money as MoneyValue, toDecimalMoney } from './money.js';

const RFC_3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/i;

function parseDateTime(value: unknown): Date {
  const date = typeof value === 'string' && RFC_3339.test(value) ? new Date(value) : null;
  if (date && !Number.isNaN(date.getTime())) return date;
  throw new GraphQLError('DateTime must be RFC 3339 with an offset, such as "2027-03-01T10:00:00+02:00".');
}

export const DateTime = new GraphQLScalarType<Date, string>({
  name: 'DateTime',
  description: 'A moment in RFC 3339 with an offset, such as `2027-03-01T10:00:00+02:00`. Answers are in UTC.',
  serialize: (value) => (value instanceof Date ? value : new Date(value as string)).toISOString(),
  parseValue: parseDateTime,
  parseLiteral: (node) => parseDateTime(node.kind === Kind.STRING ? node.value : undefined),
});

function parseDay(value: unknown): string {
  if (typeof value === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(value)) {
    const date = new Date(`${value}T00:00:00Z`);
    if (!Number.isNaN(date.getTime()) && date.toISOString().startsWith(value)) return value;
  }
  throw new GraphQLError('Date must be a calendar day such as "2027-03-01".');
}

export const CalendarDate = new GraphQLScalarType<string, string>({
  name: 'Date',
  description: 'A calendar day, such as `2027-03-01`, without a time zone.',
  serialize: (value) => String(value),
  parseValue: parseDay,
  parseLiteral: (node) => parseDay(node.kind === Kind.STRING ? node.value : undefined),
});

function parseDecimal(value: unknown): string {
  if (typeof value === 'string' && /^-?\d{1,15}(\.\d{1,15})?$/.test(value)) return value;
  throw new GraphQLError('Decimal must be a text such as "12.50": plain digits, no exponent. A number would lose digits.');
}

export const Decimal = new GraphQLScalarType<string, string>({
  name: 'Decimal',
  description: 'An exact decimal as text, such as `"12.50"`. Never a float.',
  serialize: (value) => String(value),
  parseValue: parseDecimal,
  parseLiteral: (node) => parseDecimal(node.kind === Kind.STRING ? node.value : undefined),
});

@Directive('@shareable')
@ObjectType({ description: 'An amount of money: exact, and always with its currency.' })
export class Money {
  @Field(() => Decimal, { description: "The amount with the currency's full number of digits, such as `12.50`." })
  amount!: string;

  @Field({ description: 'ISO 4217 code, such as `EGP`.' })
  currency!: string;
}

@InputType({ description: 'An amount of money.' })
export class MoneyInput {
  @Field(() => Decimal, { description: 'Such as `"12.50"`; no more digits after the point than the currency has.' })
  amount!: string;

  @Field({ description: 'ISO 4217 code, such as `EGP`.' })
  currency!: string;
}

/** The public shape of an amount. */
export function moneyType(value: MoneyValue): Money {
  return Object.assign(new Money(), toDecimalMoney(value));
}

/** @throws Refusal VALIDATION_ERROR for an unknown currency, too many digits, zero or below */
export function positiveMoney(input: MoneyInput, field: string): MoneyValue {
  return parsePositiveAmount(input.amount, input.currency, field);
}

/** @throws Refusal VALIDATION_ERROR for an unknown currency or too many digits */
export function anyMoney(input: MoneyInput, field: string): MoneyValue {
  return parseAmount(input.amount, input.currency, field);
}

@Directive('@shareable')
@ObjectType({ description: 'A place on earth (WGS 84).' })
export class Point {
  @Field(() => Float, { description: 'Latitude in degrees, -90 to 90.' })
  lat!: number;

  @Field(() => Float, { description: 'Longitude in degrees, -180 to 180.' })
  lng!: number;
}

@InputType({ description: 'A place on earth (WGS 84).' })
export class PointInput {
  @Field(() => Float, { description: 'Latitude in degrees, -90 to 90.' })
  lat!: number;

  @Field(() => Float, { description: 'Longitude in degrees, -180 to 180.' })
  lng!: number;
}

@Directive('@shareable')
@ObjectType({ description: 'Permission to upload one file. Nothing is kept of it when no file comes.' })
export class UploadTicket {
  @Field(() => ID, { description: 'Id that the picture will have once the file has been sent: `img_…`.' })
  id!: string;

  @Field({
    description: 'Where to send the file, by HTTP PUT, with `contentType` as its content-type. Whoever has this address may use it, so keep it to yourself.',
  })
  url!: string;

  @Field({ description: 'Content-type to send.' })
  contentType!: string;

  @Field(() => Int, { description: 'Bytes that the file may have.' })
  maxBytes!: number;

  @Field(() => DateTime, { description: 'Until when the address works.' })
  expiresAt!: Date;
}

@Directive('@shareable')
@ObjectType({ description: 'Where a page lies in its list.' })
export class PageInfo {
  @Field({ description: 'Whether there is more after this page.' })
  hasNextPage!: boolean;

  @Field({ description: 'Whether this page was asked for with a cursor, so that there is something before it.' })
  hasPreviousPage!: boolean;

  @Field(() => String, { nullable: true, description: 'Cursor of the first node; null for an empty page.' })
  startCursor!: string | null;

  @Field(() => String, { nullable: true, description: 'Cursor of the last node: pass it as `after` for the next page. Null for an empty page.' })
  endCursor!: string | null;
}

/** What a resolver returns for a connection; `totalCount` is a function so that it is counted only when it is selected. */
export interface ConnectionSource<T> {
  edges: { cursor: string; node: T }[];
  nodes: T[];
  pageInfo: PageInfo;
  totalCount: () => Promise<number>;
}

/**
 * Makes `XConnection` and `XEdge` for a node class: `@ObjectType` class names are `<name>Connection` and `<name>Edge`.
 * `totalCount` is exact up to 10,000.
 */
export function connectionOf<T extends object>(name: string, node: () => ClassType<T>): ClassType<ConnectionSource<T>> {
  @ObjectType(`${name}Edge`, { description: `One ${name} and its place in the list.` })
  class Edge {
    @Field({ description: 'Opaque: pass it as `after` to go on behind this node.' })
    cursor!: string;

    @Field(node, { description: `The ${name}.` })
    node!: T;
  }

  @ObjectType(`${name}Connection`, { description: `A page of ${name} in a stable order.` })
  class Connection {
    @Field(() => [Edge], { description: 'The nodes with their cursors.' })
    edges!: Edge[];

    @Field(() => [node()], { description: 'The nodes alone.' })
    nodes!: T[];

    @Field(() => PageInfo, { description: 'Whether there is more, and where to go on.' })
    pageInfo!: PageInfo;

    @Field(() => Int, { description: 'How many there are in all pages; counted only when it is selected, and no further than 10,000.' })
    totalCount!: () => Promise<number>;
  }
  return Connection as unknown as ClassType<ConnectionSource<T>>;
}

@Directive('@shareable')
@ObjectType({ description: 'Something that should never be, found by a check that runs all the time.' })
export class Violation {
  @Field({ description: 'Which rule is broken, such as `EVENT_NOT_DELIVERED`.' })
  kind!: string;

  @Field({ description: 'What it is about: an id.' })
  reference!: string;

  @Field(() => DateTime, { description: 'Since when.' })
  since!: Date;
}
