import { formatAmount, type Money } from '../../../platform/money.js';

const STYLE = `body{font-family:system-ui,sans-serif;background:#f3f5f7;color:#15202b;display:grid;place-items:center;min-height:100vh;margin:0}
main{background:#fff;border:1px solid #d8dee4;border-radius:12px;padding:2rem;width:20rem;text-align:center}
h1{font-size:1rem;font-weight:600;margin:0 0 1rem}p{margin:.5rem 0}.amount{font-size:2rem;font-weight:700}
button{font:inherit;width:100%;padding:.75rem;margin-top:.75rem;border-radius:8px;border:1px solid #15202b;background:#fff;cursor:pointer}
button.pay{background:#15202b;color:#fff}small{color:#57606a}`;

/** The page allows nothing but its own style and its own form. */
export const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

function page(title: string, content: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title><style>${STYLE}</style></head>
<body><main><h1>Sandbox payments</h1>${content}<p><small>A trial gateway: no card, no money.</small></p></main></body></html>`;
}

/** Everything shown is a checked amount: nothing that a visitor could have written into the address. */
export function payPage(amount: Money): string {
  return page(
    'Pay',
    `<p class="amount">${formatAmount(amount)} ${amount.currency}</p>
<form method="post"><button class="pay" name="outcome" value="pay">Pay</button><button name="outcome" value="decline">Decline</button></form>`,
  );
}

export function outcomePage(outcome: string, amount: Money): string {
  return page(
    outcome === 'PAID' ? 'Paid' : 'Declined',
    `<p class="amount">${formatAmount(amount)} ${amount.currency}</p>
<p>${outcome === 'PAID' ? 'Paid. You can close this page.' : 'Declined. Nothing was taken.'}</p>`,
  );
}

export function noSuchPage(): string {
  return page('Not found', '<p>There is no such payment.</p>');
}
