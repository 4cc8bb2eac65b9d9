// A real Chromium for the tests of pages: every page in it is watched for requests to other hosts, for errors and, on
// demand, with axe for what keeps people out.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { atEnd, check } from './boathouse.mjs';

const chromiumPath = '/usr/bin/chromium';
if (!fs.existsSync(chromiumPath)) {
  console.log(`skip: no ${chromiumPath} (apt-get install chromium)`);
  process.exit(77);
}
const { chromium } = await import('playwright-core');
const axeSource = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const axeTags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

export class Browser {
  constructor() {
    this.foreign = new Set();  // requests that left the host
    this.errors = [];
  }

  async start() {
    this.browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] });
    atEnd(() => this.browser.close());
    return this;
  }

  async open(url, { width = 1280, height = 900, colorScheme = 'light' } = {}) {
    const context = await this.browser.newContext({ viewport: { width, height }, colorScheme });
    context.setDefaultTimeout(60_000);
    await context.addInitScript(axeSource);  // the page's own policy lets no script in from elsewhere
    const page = await context.newPage();
    page.on('request', (request) => {
      if (new URL(request.url()).host !== new URL(url).host) this.foreign.add(request.url());
    });
    page.on('pageerror', (error) => this.errors.push(String(error)));
    page.on('console', (message) => {
      // A program that has been stopped is part of the tests.
      if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) this.errors.push(message.text());
    });
    await page.goto(url);
    return page;
  }

  finish() {
    check('no request left this host', this.foreign.size === 0, [...this.foreign]);
    check('the pages ran without an error', this.errors.length === 0, this.errors);
  }
}

export async function checkAccess(page, name) {
  const found = await page.evaluate(async (tags) => {
    const { violations } = await axe.run(document, { runOnly: tags });
    return violations.map((one) => `${one.id}: ${one.nodes.map((node) => `${node.target} ${node.failureSummary}`).join('; ')}`);
  }, axeTags);
  check(`axe finds nothing: ${name}`, found.length === 0, found);
}

export const pill = (page) => page.locator('.pill');

// Until the pill says it; false when it does not come.
export async function pillSays(page, text, timeout = 60_000) {
  try {
    await page.waitForFunction((wanted) => document.querySelector('.pill')?.textContent === wanted, text, { timeout });
    return true;
  } catch {
    return false;
  }
}
