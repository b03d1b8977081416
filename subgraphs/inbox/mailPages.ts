import type { ServerResponse } from 'node:http';
import type { Route } from '../../platform/subgraph.js';
import { fateOf, type KeptMail, type LocalMail } from './adapters/localMail.js';
import { escapeHtml } from './safeHtml.js';

const LISTED = 200;
/** Nothing runs and nothing is fetched on these pages, whatever a mail says. */
const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; form-action 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

/** `/mail`: what the local provider keeps, in the browser. Add `.json` to a mail, or ask for `/mail/all.json`, to read it with a program. */
export function mailPages(local: LocalMail): readonly Route[] {
  const list: Route['handle'] = async (_request, response) => send(response, 200, page('Mail', listOf(await local.list(LISTED))));
  return [
    { method: 'GET', path: '/mail', handle: list },
    {
      method: 'GET',
      path: '/mail/*',
      async handle(request, response) {
        const name = (request.url ?? '').split('?')[0]?.slice('/mail/'.length) ?? '';
        if (name === '') return list(request, response);
        if (name === 'all.json') return sendJson(response, await local.list(LISTED));
        const mail = await local.read(name.replace(/\.json$/, ''));
        if (!mail) return send(response, 404, page('Mail', '<p>There is no such mail.</p>'));
        if (name.endsWith('.json')) return sendJson(response, mail);
        send(response, 200, page(mail.subject, mailOf(mail)));
      },
    },
  ];
}

function listOf(mails: readonly KeptMail[]): string {
  if (mails.length === 0) return '<p>No mail yet.</p>';
  const rows = mails.map((mail) => {
    const cells = [mail.acceptedAt, mail.to, mail.kind, fateOf(mail) === 'email.bounced' ? 'bounced' : 'delivered'].map(
      (text) => `<td>${escapeHtml(text)}</td>`,
    );
    return `<tr>${cells.join('')}<td><a href="/mail/${mail.id}">${escapeHtml(mail.subject)}</a></td></tr>`;
  });
  return `<table><tr><th>At</th><th>To</th><th>Kind</th><th>Fate</th><th>Subject</th></tr>${rows.join('\n')}</table>`;
}

function mailOf(mail: KeptMail): string {
  const facts = { From: mail.from, To: mail.to, At: mail.acceptedAt, Kind: mail.kind, ...mail.headers };
  const rows = Object.entries(facts).map(([name, value]) => `<tr><th>${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`);
  return `<p><a href="/mail">All mail</a></p><table>${rows.join('\n')}</table>
<h2>HTML</h2><iframe sandbox title="The mail" srcdoc="${escapeHtml(mail.html)}"></iframe>
<h2>Text</h2><pre>${escapeHtml(mail.text)}</pre>`;
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(title)}</title>
<style>body { font: 15px sans-serif; margin: 2em; } th { text-align: left; } th, td { padding: 2px 12px 2px 0; vertical-align: top; }
iframe { width: 100%; height: 24em; border: 1px solid #ccc; } pre { white-space: pre-wrap; }</style></head>
<body><h1>${escapeHtml(title)}</h1>${body}</body></html>`;
}

function send(response: ServerResponse, status: number, html: string): void {
  response.writeHead(status, HEADERS);
  response.end(html);
}

function sendJson(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}
