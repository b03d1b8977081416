import { asc, count, eq, inArray, sql } from 'drizzle-orm';
import { z } from 'zod';
import { parseInput, Refusal } from '../../platform/errors.js';
import type { Orm, Tx } from '../../platform/postgres.js';
import type { Storage } from '../../platform/storage.js';
import { cancelTimer, setTimer } from '../../platform/timers.js';
import { notRegistered } from './driver.js';
import { driverOfUser } from './driverQueries.js';
import { driverDocuments } from './locationTables.js';

/** Papers that a driver shows before he drives (DP-01b). */
export const DOCUMENT_KINDS = ['LICENCE', 'VEHICLE_REGISTRATION', 'INSURANCE'] as const;
export type DocumentKind = (typeof DOCUMENT_KINDS)[number];
export type DocumentRow = typeof driverDocuments.$inferSelect;

/** Takes the file of a document away that never was written down. */
export const DOCUMENT_LEFTOVER = 'driver.documentLeftover';
const UNKEPT_AFTER_MS = 10 * 60_000;
/** Documents of one driver, the old ones too: papers are renewed once a year. */
const MAX_DOCUMENTS = 30;
/** No paper is good for longer. */
const MAX_YEARS_AHEAD = 30;

export const documentKey = ({ id, driverId }: Pick<DocumentRow, 'id' | 'driverId'>): string => `drivers/${driverId}/${id}.webp`;

/** The day of a moment by the city's clock, such as `2027-03-31`. */
export const dayOf = (timeZone: string, at: Date): string => new Intl.DateTimeFormat('en-CA', { timeZone }).format(at);

const expirySchema = z.object({ expiresOn: z.iso.date('must be a day such as 2027-03-31') });

/**
 * Who sends a document, once it is certain that one is welcome.
 * @throws Refusal NOT_FOUND (not registered), TOO_MANY_DOCUMENTS, VALIDATION_ERROR for a paper that is good no longer, or for longer than papers are
 */
export async function driverForDocument(tx: Tx, userId: string, expiresOn: string, today: string): Promise<string> {
  parseInput(expirySchema, { expiresOn });
  const latest = `${Number(today.slice(0, 4)) + MAX_YEARS_AHEAD}${today.slice(4)}`;
  if (expiresOn < today || expiresOn > latest) {
    throw new Refusal('VALIDATION_ERROR', `input.expiresOn: must be from today on, ${MAX_YEARS_AHEAD} years ahead at most. Send the paper that is good now.`, {
      details: { field: 'input.expiresOn', rule: expiresOn < today ? 'expired' : 'too_far', earliest: today, latest },
    });
  }
  const driver = await driverOfUser(tx.orm, userId);
  if (!driver) throw notRegistered();
  await assertRoom(tx, driver.id);
  return driver.id;
}

async function assertRoom(tx: Tx, driverId: string): Promise<void> {
  const [row] = await tx.orm.select({ present: count() }).from(driverDocuments).where(eq(driverDocuments.driverId, driverId));
  if ((row?.present ?? 0) < MAX_DOCUMENTS) return;
  throw new Refusal('TOO_MANY_DOCUMENTS', `You have sent ${MAX_DOCUMENTS} documents, which is the most. Write to us.`, {
    details: { field: 'input.kind', rule: 'max_documents', limit: MAX_DOCUMENTS },
  });
}

/** Says that a file is about to come, before it does: when its row never follows, it is taken away again. */
export async function expectDocument(tx: Tx, { id, driverId }: Pick<DocumentRow, 'id' | 'driverId'>): Promise<void> {
  await setTimer(tx, { kind: DOCUMENT_LEFTOVER, key: `${driverId}:${id}`, dueAt: new Date(tx.now.getTime() + UNKEPT_AFTER_MS) });
}

export async function documentById(orm: Orm, id: string): Promise<DocumentRow | undefined> {
  const [row] = await orm.select().from(driverDocuments).where(eq(driverDocuments.id, id));
  return row;
}

/** Writes a document down whose file lies in the storage. Repeated, it answers with the present state (EV-05). */
export async function keepDocument(tx: Tx, document: Omit<DocumentRow, 'createdAt'>): Promise<DocumentRow> {
  const present = await documentById(tx.orm, document.id);
  if (present) return present;
  // Two uploads at once must not both find the last place.
  await tx.orm.execute(sql`select 1 from drivers where id = ${document.driverId}::uuid for no key update`);
  await assertRoom(tx, document.driverId);
  const [row] = await tx.orm
    .insert(driverDocuments)
    .values({ ...document, createdAt: tx.now })
    .returning();
  if (!row) throw new Error('the document was not inserted');
  await cancelTimer(tx, DOCUMENT_LEFTOVER, `${document.driverId}:${document.id}`);
  return row;
}

/** Takes a file away that no row names. */
export async function removeLeftoverDocument(tx: Tx, storage: Pick<Storage, 'delete'>, key: string): Promise<void> {
  const [driverId = '', id = ''] = key.split(':');
  if (!(await documentById(tx.orm, id))) await storage.delete(documentKey({ id, driverId }));
}

/** Documents of these drivers in the order in which they came; row-level security hides what the actor may not see. */
export async function documentsOf(orm: Orm, driverIds: readonly string[]): Promise<DocumentRow[]> {
  return orm
    .select()
    .from(driverDocuments)
    .where(inArray(driverDocuments.driverId, [...driverIds]))
    .orderBy(asc(driverDocuments.createdAt), asc(driverDocuments.id));
}

/** @throws Refusal DOCUMENTS_MISSING with the kinds of which there is none that is good today */
export async function assertDocuments(tx: Tx, driverId: string, required: readonly DocumentKind[], today: string): Promise<void> {
  if (required.length === 0) return;
  const shown = await documentsOf(tx.orm, [driverId]);
  const missing = required.filter((kind) => !shown.some((document) => document.kind === kind && document.expiresOn >= today));
  if (missing.length === 0) return;
  throw new Refusal('DOCUMENTS_MISSING', `The driver has not shown: ${missing.join(', ')}. Ask for it, and approve then.`, {
    details: { field: 'id', rule: 'required_documents', missing },
  });
}
