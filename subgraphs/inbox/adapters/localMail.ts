import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { type AcceptedMail, MailNotAccepted, type MailProvider, type OutgoingMail } from './mailProvider.js';

const keptMailSchema = z.object({
  id: z.uuid(),
  acceptedAt: z.string(),
  from: z.string(),
  to: z.string(),
  subject: z.string(),
  text: z.string(),
  html: z.string(),
  headers: z.record(z.string(), z.string()),
  kind: z.string(),
});
/** One mail as the local provider keeps it. */
export type KeptMail = z.output<typeof keptMailSchema>;

export interface LocalMail extends MailProvider {
  /** The newest first, at most `limit`. */
  list(limit: number): Promise<KeptMail[]>;
  read(id: string): Promise<KeptMail | null>;
}

const MAX_KEPT = 2_000;
/** Looking at the whole directory for every mail would cost more than the mail. */
const TIDY_EVERY = 200;
const MAX_COUNTED = 10_000;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Keeps mails as files in place of sending them (IN-07). Like the real provider it takes one mail per key, also after a crash: the file's name follows
 * from the key, and it appears whole or not at all. Addresses tell it what to do: `mona+fail2@…` fails twice and then works, `mona+fail@…` always
 * fails, `mona+bounce@…` bounces.
 */
export function createLocalMail(options: { dir: string; clock: () => Date }): LocalMail {
  const { dir, clock } = options;
  const failures = new Map<string, number>();
  let sent = 0;

  const fileOf = (id: string) => path.join(dir, `${id}.json`);

  const failIfTold = ({ to, idempotencyKey }: OutgoingMail) => {
    const match = /\+fail(\d{0,4})@/.exec(to);
    if (!match) return;
    const failed = failures.get(idempotencyKey) ?? 0;
    if (match[1] !== '' && failed >= Number(match[1])) return;
    if (failures.size >= MAX_COUNTED) failures.delete(failures.keys().next().value as string);
    failures.set(idempotencyKey, failed + 1);
    throw new MailNotAccepted('503 service_unavailable: told to fail by the address', { final: false });
  };

  const newestFirst = async () => {
    const names = (await readdir(dir).catch(() => [])).filter((name) => name.endsWith('.json'));
    const files = await Promise.all(
      names.map(async (name) => ({ id: name.slice(0, -5), at: (await stat(path.join(dir, name)).catch(() => null))?.mtimeMs ?? 0 })),
    );
    return files.sort((a, b) => b.at - a.at);
  };

  const read = async (id: string): Promise<KeptMail | null> => {
    if (!UUID.test(id)) return null;
    const text = await readFile(fileOf(id), 'utf8').catch(() => null);
    return text === null ? null : (keptMailSchema.safeParse(JSON.parse(text)).data ?? null);
  };

  return {
    name: 'local',
    async send(mail: OutgoingMail): Promise<AcceptedMail> {
      failIfTold(mail);
      const { idempotencyKey, ...content } = mail;
      const id = idOf(idempotencyKey);
      await mkdir(dir, { recursive: true });
      const draft = path.join(dir, `.${randomUUID()}.tmp`);
      await writeFile(draft, JSON.stringify({ id, acceptedAt: clock().toISOString(), ...content }, null, 2));
      try {
        // A hard link appears at once and never replaces: without it a crash could leave half a mail, or a race two.
        await link(draft, fileOf(id));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      } finally {
        await rm(draft, { force: true });
      }
      sent += 1;
      if (sent % TIDY_EVERY === 0) {
        for (const old of (await newestFirst()).slice(MAX_KEPT)) await rm(fileOf(old.id), { force: true });
      }
      return { providerId: id };
    },
    async list(limit) {
      const mails = await Promise.all((await newestFirst()).slice(0, limit).map((file) => read(file.id)));
      return mails.filter((mail) => mail !== null);
    },
    read,
  };
}

/** A UUID that follows from the key. */
function idOf(key: string): string {
  const hex = createHash('sha256').update(key).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** What becomes of a mail that the local provider took. */
export function fateOf(mail: KeptMail): 'email.delivered' | 'email.bounced' {
  return /\+bounce@/.test(mail.to) ? 'email.bounced' : 'email.delivered';
}

/** The webhook that the real provider would call about a mail: same id for the same mail, so that a repeat is known as one. */
export function webhookAbout(mail: KeptMail, now: Date): { eventId: string; body: Buffer } {
  const type = fateOf(mail);
  const bounce = { type: 'Permanent', subType: 'General', message: 'The recipient does not exist.' };
  const data = {
    email_id: mail.id,
    created_at: mail.acceptedAt,
    from: mail.from,
    to: [mail.to],
    subject: mail.subject,
    message_id: mail.headers['Message-ID'],
    ...(type === 'email.bounced' && { bounce }),
  };
  return { eventId: `local_${mail.id}_${type}`, body: Buffer.from(JSON.stringify({ type, created_at: now.toISOString(), data })) };
}
