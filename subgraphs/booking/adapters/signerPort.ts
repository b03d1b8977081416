import type { IncomingHttpHeaders } from 'node:http';

/** A document that somebody is asked to sign. */
export interface SigningRequest {
  /** The same key is the same request: it is made once, however often it is sent. */
  key: string;
  title: string;
  pdf: Buffer;
  signer: { name: string; email: string | null };
}

export interface SigningOutcome {
  key: string;
  outcome: 'SIGNED' | 'DECLINED';
  at: Date;
  /** Of the document that was signed, hex. */
  sha256: string;
}

/** Somebody who has documents signed (BK-11). */
export interface SignerPort {
  name: string;
  /** @throws Error when the signer does not answer or does not take it: it is sent again */
  send(request: SigningRequest): Promise<{ signUrl: string }>;
  /** Null for a message that does not carry the signer's signature. */
  readWebhook(headers: IncomingHttpHeaders, body: Buffer, now: Date): SigningOutcome | 'malformed' | null;
}
