import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sanitiseHtml, textOf } from './safeHtml.js';

const ATTACKS = [
  '<script>alert(1)</script>',
  '<scr<script>ipt>alert(1)</script>',
  '<SCRIPT SRC=//evil.test/x.js></SCRIPT>',
  '<script>"</scr" + "ipt>";alert(1)',
  '<img src=x onerror=alert(1)>',
  '<img/src="x"/onerror=alert(1)>',
  '<p onclick="alert(1)" onmouseover=alert(1)>x</p>',
  '<a href="javascript:alert(1)">x</a>',
  '<a href="JaVaScRiPt:alert(1)">x</a>',
  '<a href="java&#x09;script:alert(1)">x</a>',
  '<a href="&#106;avascript:alert(1)">x</a>',
  '<a href="&#0000106avascript&colon;alert(1)">x</a>',
  "<a href='\u0001javascript:alert(1)'>x</a>",
  '<a href="data:text/html,<script>alert(1)</script>">x</a>',
  '<a href="vbscript:msgbox(1)">x</a>',
  '<a href="https://ok.test/" onclick="alert(1)">x</a>',
  '<a title=">" href="https://ok.test/" onclick=alert(1)>x</a>',
  '<a href="https://ok.test/&quot; onclick=&quot;alert(1)">x</a>',
  '<p style="background:url(javascript:alert(1))">x</p>',
  '<style>@import "//evil.test/x.css"; p { color: red }</style>',
  '<link rel=stylesheet href="//evil.test/x.css">',
  '<meta http-equiv=refresh content="0;url=javascript:alert(1)">',
  '<base href="//evil.test/">',
  '<iframe src="javascript:alert(1)"></iframe>',
  '<iframe srcdoc="<script>alert(1)</script>">',
  '<object data="x.swf"><embed src="x.swf"></object>',
  '<svg onload=alert(1)><script>alert(1)</script></svg>',
  '<svg><style><img src=x onerror=alert(1)></style></svg>',
  '<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>',
  '<form action="//evil.test"><input name=password><button formaction=javascript:alert(1)>x</button></form>',
  '<!--[if IE]><script>alert(1)</script><![endif]-->',
  '<!--><img src=x onerror=alert(1)>-->',
  '<![CDATA[<script>alert(1)</script>]]>',
  '<?xml-stylesheet href="javascript:alert(1)"?>',
  '<noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript>',
  '<textarea><img src=x onerror=alert(1)></textarea>',
  '<template><script>alert(1)</script></template>',
  '<p\u0000 onclick=alert(1)>x</p>',
  '<<script>alert(1)//<</script>',
  '&lt;script&gt;alert(1)&lt;/script&gt;',
  '<td colspan="1 onclick=alert(1)">x</td>',
  '<p id=x class=y name=z contenteditable autofocus onfocus=alert(1)>x</p>',
];

/** Everything that the output may be made of: text without markup, and these tags exactly. */
const PLAIN = 'p|div|span|b|strong|i|em|u|s|small|sub|sup|blockquote|pre|code|ul|ol|li|h[1-6]|table|thead|tbody|tfoot|tr|caption|a';
const CELL = '<t[dh](?: colspan="[1-9]\\d?")?(?: rowspan="[1-9]\\d?")?>';
const LINK = `<a href="(?:https?://|mailto:)[^<>"']*" rel="noopener noreferrer nofollow" target="_blank">`;
const HARMLESS = new RegExp(`^(?:[^<>"']|</?(?:${PLAIN})>|<(?:br|hr)>|</t[dh]>|${CELL}|${LINK})*$`, 'i');

test('IN-03: no attack is left in a sanitised mail', () => {
  for (const attack of ATTACKS) {
    expect(sanitiseHtml(attack), attack).toMatch(HARMLESS);
    expect(sanitiseHtml(`<div>${attack}</div>after`), attack).toMatch(HARMLESS);
  }
});

test('IN-03: whatever comes in, only harmless markup goes out, and every tag is closed', () => {
  const piece = fc.oneof(
    fc.constantFrom(...ATTACKS, '<p>', '</p>', '<a href="', "'", '"', '>', '<', '&', '&#', '<!--', '-->', '</', 'on', '=', '<td colspan=2>'),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const output = sanitiseHtml(pieces.join(''));
      expect(output).toMatch(HARMLESS);
      const opened = (output.match(/<[a-z]/gi)?.length ?? 0) - (output.match(/<(br|hr)>/gi)?.length ?? 0);
      expect(output.match(/<\//g)?.length ?? 0).toBe(opened);
    }),
    { numRuns: 500 },
  );
});

test('IN-03: what people write stays readable', () => {
  expect(sanitiseHtml('<p>Hello <b>Mona</b>,<br>see <a href="https://ok.test/?a=1&amp;b=2">this</a></p>')).toBe(
    '<p>Hello <b>Mona</b>,<br>see <a href="https://ok.test/?a=1&amp;b=2" rel="noopener noreferrer nofollow" target="_blank">this</a></p>',
  );
  expect(sanitiseHtml('<font color=red>1 < 2 &amp; &eacute; عربي</font>')).toBe('1 &lt; 2 &amp; &amp;eacute; عربي');
  expect(sanitiseHtml('<table><tr><td colspan="2">x</table>')).toBe('<table><tr><td colspan="2">x</td></tr></table>');
  expect(textOf('<head><title>t</title></head><p>One</p><p>Two &amp; three<br>four</p><script>no</script>')).toBe('One\n\nTwo & three\nfour');
});

test('IN-03: a hostile mail takes no long time', () => {
  const started = performance.now();
  for (const evil of [
    '<'.repeat(200_000),
    '<a '.repeat(100_000),
    '<p>'.repeat(100_000),
    `<a ${'x="'.repeat(100_000)}`,
    '<!--'.repeat(100_000),
    '&#'.repeat(200_000),
    ' \n'.repeat(200_000),
  ]) {
    sanitiseHtml(evil);
    textOf(evil);
  }
  expect(performance.now() - started).toBeLessThan(5_000);
});
