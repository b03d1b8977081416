import { createHmac, timingSafeEqual } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { systemActor } from '../../platform/actor.js';
import { newUuid, publicId, uuidOf } from '../../platform/ids.js';
import { type Database, inTransaction } from '../../platform/postgres.js';
import { traceIdOf } from '../../platform/serveSubgraph.js';
import type { Route } from '../../platform/subgraph.js';
import { findReport, pdfOfReport } from './reportCommands.js';

const PREFIX = '/reports/';
/** Long enough to click on; a link that is passed on soon opens nothing. */
const LINK_LIFETIME_MS = 15 * 60_000;

export const REPORT_FORMATS = ['csv', 'pdf'] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];
const CONTENT_TYPE: Readonly<Record<ReportFormat, string>> = { csv: 'text/csv; charset=utf-8', pdf: 'application/pdf' };

/** A key of its own: a signature of this kind opens nothing else. */
function signatureOf(secret: string, file: string, expires: number): Buffer {
  const key = createHmac('sha256', secret).update('waygraph report links').digest();
  return createHmac('sha256', key).update(`${file}:${expires}`).digest();
}

/** Where a report can be had as a file for the next 15 minutes, by whoever has the address. */
export function reportLink(secret: string, origin: string, reportId: string, format: ReportFormat, now: Date): string {
  const file = `${publicId('rpt', reportId)}.${format}`;
  const expires = Math.floor((now.getTime() + LINK_LIFETIME_MS) / 1000);
  return `${origin}${PREFIX}${file}?expires=${expires}&signature=${signatureOf(secret, file, expires).toString('hex')}`;
}

/** `GET /reports/rpt_….csv|pdf`: 403 for a link that is not ours or is over, 404 for a report that is not DONE. */
export function reportRoute(options: { db: Database; secret: string }): Route {
  const { db, secret } = options;
  return {
    method: 'GET',
    path: `${PREFIX}*`,
    async handle(request, response) {
      const url = new URL(request.url ?? '/', 'http://report');
      const file = url.pathname.slice(PREFIX.length);
      const expires = Number(url.searchParams.get('expires'));
      const given = Buffer.from(url.searchParams.get('signature') ?? '', 'hex');
      const expected = Number.isSafeInteger(expires) ? signatureOf(secret, file, expires) : Buffer.alloc(0);
      const signed = expected.length > 0 && given.length === expected.length && timingSafeEqual(given, expected);
      if (!signed) return refuse(response, 403, 'FORBIDDEN', 'This link is not one of ours. Ask for the report again.');
      if (expires * 1000 <= db.clock().getTime()) return refuse(response, 403, 'FORBIDDEN', 'This link is over. Ask for the report again.');
      const [id = '', format = ''] = file.split('.');
      const uuid = uuidOf('rpt', id);
      const cause = { traceId: traceIdOf(request.headers.traceparent), causationId: newUuid() };
      const found =
        uuid && isFormat(format)
          ? await inTransaction(systemActor('report.download'), db, cause, async (tx) => {
              const row = await findReport(tx, uuid);
              return { row, body: format === 'pdf' ? await pdfOfReport(tx, uuid) : row?.content == null ? null : Buffer.from(row.content) };
            })
          : null;
      if (!found?.row || !found.body || !isFormat(format)) return refuse(response, 404, 'NOT_FOUND', 'There is no such report, or it is not done yet.');
      const { row, body } = found;
      response
        .writeHead(200, {
          'content-type': CONTENT_TYPE[format],
          'content-length': body.length,
          'content-disposition': `attachment; filename="waygraph-report-${row.fromDay}-${row.toDay}.${format}"`,
          'cache-control': 'private, no-store',
          'x-content-type-options': 'nosniff',
        })
        .end(body);
    },
  };
}

const isFormat = (text: string): text is ReportFormat => (REPORT_FORMATS as readonly string[]).includes(text);

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ errors: [{ message, extensions: { code } }] }));
}
