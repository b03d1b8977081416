/** One mail, ready to go. Equal for every call with the same key: a provider may refuse a key that comes back with another content. */
export interface OutgoingMail {
  /** A provider sends one mail per key, however often it is called (for at least 24 hours). */
  idempotencyKey: string;
  /** `Waygraph <hello@example.com>` */
  from: string;
  to: string;
  subject: string;
  text: string;
  html: string;
  /** Message-ID, In-Reply-To, References, Auto-Submitted. */
  headers: Readonly<Record<string, string>>;
  /** What the mail is, for the provider's statistics. */
  kind: string;
}

/** The provider took the mail over: from here on its webhooks say what becomes of it. */
export interface AcceptedMail {
  providerId: string;
}

/** Body and headers of a received mail, where a webhook does not bring them. */
export interface ReceivedBody {
  text: string | null;
  html: string | null;
  headers: Readonly<Record<string, string>>;
  messageId: string | null;
}

/** Who carries mail (IN-07). Every call ends within ten seconds. */
export interface MailProvider {
  readonly name: 'resend' | 'local';
  /** @throws MailNotAccepted */
  send(mail: OutgoingMail): Promise<AcceptedMail>;
  /** Only where webhooks leave the body out. @throws MailNotAccepted */
  fetchReceived?(emailId: string): Promise<ReceivedBody>;
}

export const PROVIDER_TIMEOUT_MS = 10_000;

/** The provider did not take the mail, or did not answer. When it is not `final`, another call with the same key makes sense. */
export class MailNotAccepted extends Error {
  override name = 'MailNotAccepted';
  readonly final: boolean;
  readonly retryAfterMs: number | null;

  constructor(message: string, options: { final: boolean; retryAfterMs?: number | null; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.final = options.final;
    this.retryAfterMs = options.retryAfterMs ?? null;
  }
}
