import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGraph, type TestGraph } from './graphHarness.js';

const BROWSER = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((place) => existsSync(place));

let graph: TestGraph;
let browser: Browser;
beforeAll(async () => {
  if (!BROWSER) return;
  graph = await startGraph('one');
  browser = await chromium.launch({
    executablePath: BROWSER,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
});
afterAll(async () => {
  await browser?.close();
  await graph?.[Symbol.asyncDispose]();
});

test.skipIf(!BROWSER)(
  'GW-50: the playground signs in, runs a query, and sees a subscription event, with nothing from elsewhere (needs Chromium)',
  async () => {
    const page = await browser.newPage();
    const foreign: string[] = [];
    const problems: string[] = [];
    page.on('request', (request) => {
      if (!request.url().startsWith(graph.url) && !request.url().startsWith('data:')) foreign.push(request.url());
    });
    page.on('pageerror', (error) => problems.push(error.message));
    await page.goto(graph.url);

    await page.click('button:has-text("customer") >> nth=0');
    await page.waitForSelector('text=signed in as customer@demo.test');
    const result = page.locator('.result-window');
    const choose = async (name: string) => {
      await page.selectOption('#operations', name);
      await page.locator('.graphiql-query-editor').getByText(`# ${name}`).waitFor();
      await page.click('.graphiql-execute-button');
    };
    await choose('Account 4 me and my wallet');
    await result.getByText('20000.00').first().waitFor();

    await page.click('#plan');
    const plan = page.locator('.plan');
    await plan.getByText('2 fetches from 2 subgraph(s)').waitFor();
    expect((await plan.locator('.service').allInnerTexts()).sort(), 'which subgraphs it came from').toEqual(['identity', 'payments-ledger']);
    await plan.locator('summary').first().click();
    expect(await plan.locator('pre').first().innerText(), 'and what they were asked').toMatch(/^query .*\{\n {2}me/);
    expect(await result.innerText()).not.toContain('timings');

    await choose('Office 11 watch my wallet');
    await page.waitForSelector('.graphiql-execute-button[aria-label*="Stop"]');
    const customer = await graph.as('customer');
    let events = 0;
    // Until the first event shows: the socket may still be on its way when the first deposit arrives.
    while (events === 0) {
      const { initiateDeposit } = await customer.InitiateDeposit({ input: { amount: { amount: '11.00', currency: 'EGP' }, idempotencyKey: randomUUID() } });
      await fetch(initiateDeposit.paymentUrl, { method: 'POST', body: new URLSearchParams({ outcome: 'pay' }) });
      events = await result
        .getByText('walletUpdated')
        .waitFor({ timeout: 2_000 })
        .then(
          () => 1,
          () => 0,
        );
    }
    expect(await result.innerText()).toContain('walletUpdated');
    expect(foreign).toEqual([]);
    expect(problems).toEqual([]);
  },
  60_000,
);
