const STYLE = `body{font-family:system-ui,sans-serif;background:#f3f5f7;color:#15202b;margin:0;display:grid;grid-template-columns:1fr 22rem;min-height:100vh}
iframe{border:0;width:100%;height:100vh}main{background:#fff;border-left:1px solid #d8dee4;padding:2rem}main.alone{grid-column:1/-1;justify-self:center;align-self:center;border:1px solid #d8dee4;border-radius:12px}
h1{font-size:1.1rem;margin:0 0 1rem}label{display:block;margin:1rem 0}input[name=name]{font:inherit;width:100%;box-sizing:border-box;padding:.6rem;border:1px solid #8c959f;border-radius:8px}
button{font:inherit;width:100%;padding:.75rem;margin-top:.75rem;border-radius:8px;border:1px solid #15202b;background:#fff;cursor:pointer}
button.sign{background:#0f766e;border-color:#0f766e;color:#fff}small{color:#57606a}@media(max-width:50rem){body{display:block}iframe{height:60vh}}`;

/** The page allows its own style, its own form, and the document beside it. */
export const SIGNER_PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; form-action 'self'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
/** Names and titles come from people. */
const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);

function page(title: string, content: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title><style>${STYLE}</style></head><body>${content}</body></html>`;
}

export function signPage(envelope: { title: string; signerName: string }, documentPath: string): string {
  return page(
    'Sign',
    `<iframe src="${escaped(documentPath)}" title="The document"></iframe><main><h1>${escaped(envelope.title)}</h1>
<p>For <bdi>${escaped(envelope.signerName)}</bdi>. <a href="${escaped(documentPath)}">Open the document</a></p>
<form method="post"><label>Your full name <input name="name" autocomplete="name" maxlength="120"></label>
<label><input type="checkbox" name="agreed" value="yes"> I have read the document and agree to it.</label>
<button class="sign" name="decision" value="sign">Sign</button><button name="decision" value="decline">Decline</button></form>
<p><small>A trial signer: what is signed here binds nobody.</small></p></main>`,
  );
}

export function donePage({ title, outcome }: { title: string; outcome: string | null }): string {
  const words = outcome === 'SIGNED' ? 'Signed. You can close this page.' : 'Declined. You can close this page.';
  return page(outcome === 'SIGNED' ? 'Signed' : 'Declined', `<main class="alone"><h1>${escaped(title)}</h1><p>${words}</p></main>`);
}

export function noSuchPage(): string {
  return page('Not found', '<main class="alone"><h1>There is no such document</h1><p>Or its address has expired.</p></main>');
}
