// The device's page in every state of its pill, light and dark, on a phone and on a desktop: the words and the role, no
// violation that axe finds, nothing wider than the screen; its size, its headers, and who is let in.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { RunningDevice, check, equal, main, run, runJson, temporaryFolder } from './boathouse.mjs';
import { Browser, checkAccess, pill, pillSays } from './browser.mjs';

const MOST_BYTES = 60_000;  // of a first load, compressed

// One request, as it goes over the wire: {status, headers, bytes}.
function request(url, { method = 'GET', headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const asked = http.request(url, { method, headers }, (reply) => {
      const pieces = [];
      reply.on('data', (piece) => pieces.push(piece));
      reply.on('end', () => resolve({ status: reply.statusCode, headers: reply.headers, bytes: Buffer.concat(pieces) }));
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

// The 13 words of the pill as the page is told of them: what differs from a quiet status, then what it shows.
const states = [
  ['synced', { sessions: 2, last_success_at: '2026-01-10T09:58:00Z' }, 'All synced', 'Last sync 2 min ago'],
  ['saved_locally', { pending_recordings: 1 }, 'Saved on this phone', '1 session will upload when you are online'],
  ['pending_online', { pending_recordings: 3, pending_items: 9, next_try_at: '2026-01-10T10:00:40Z' }, '3 waiting to upload', 'Next try in 40 s'],
  ['syncing', { pending_recordings: 4, pending_items: 9, progress: { done: 1, total: 5, done_bytes: 20_000, total_bytes: 90_000 } },
    'Syncing 2 of 5', '20 kB of 90 kB sent'],
  ['offline', { pending_recordings: 3 }, 'Offline - you can keep rowing', '3 sessions saved here; not synced since the start'],
  ['server_away', { next_try_at: '2026-01-10T10:05:00Z' }, "Can't reach the server", 'You are online; we retry at 10:05'],
  ['sign_in_needed', { state: 'needs_auth' }, 'Sign in to sync', 'Your data is safe on this phone'],
  ['limited', { next_try_at: '2026-01-10T10:02:00Z' }, 'Server busy, slowing down', 'Next try in 2 min'],
  ['partial', { sessions: 5, pending_recordings: 1, reason: 'one is too large' }, '4 synced, 1 failed', 'one is too large'],
  ['conflict', { conflicts: 1 }, '1 needs your choice', 'Two devices wrote different things; both are kept until you choose Choose'],
  ['rejected', { refused_sessions: 1 }, '1 session not accepted', 'Kept on this phone; the reason is in the list of what waits See why'],
  ['storage_low', { space: { used: 88e6, cap: 100e6, freeable: 5e6, unsent: 1e6, unverified: 2e6, running: 0, not_backed_up: 3e6, no_backup: 1e6, disk_low: true, disk_free: 1e12 } },
    'Phone storage almost full', '12 MB left, oldest synced data can be removed See storage'],
  ['paused', { state: 'paused', paused_at: '2026-01-10T09:10:00Z' }, 'Sync paused', 'You paused it at 09:10'],
];
const looks = [{ width: 390, colorScheme: 'light' }, { width: 1280, colorScheme: 'dark' }];

await main(async () => {
  const folder = temporaryFolder();
  const phone = path.join(folder, 'phone');
  const rows = run(['pm5', 'simulate', '--type', '3', '--minutes', '2', '--seed', '5']).out;
  const capture = run(['device', 'record', '--data', phone], { input: rows });
  equal('a session was recorded', capture.code, 0);
  const [session] = runJson(['device', 'sessions', '--json', '--data', phone]).json;
  const device = await new RunningDevice(phone, 'http://127.0.0.1:1', 'nobody').start();
  const ask = (place, options) => request(device.url + place, options);

  // The first load, as a browser makes it.
  const gzip = { 'Accept-Encoding': 'gzip' };
  const html = await ask('/');
  const assets = [...html.bytes.toString().matchAll(/(?:href|src)="([^"]+)"/g)].map((found) => found[1]);
  let size = (await ask('/', { headers: gzip })).bytes.length;
  for (const asset of assets) {
    const reply = await ask(asset, { headers: gzip });
    size += reply.bytes.length;
    if (asset.startsWith('/assets/')) {
      check(`${asset.replace(/-.*\./, '-HASH.')} may be kept for ever`, /immutable/.test(reply.headers['cache-control']), reply.headers);
    }
  }
  check(`a first load takes ${size} bytes, under ${MOST_BYTES}`, size < MOST_BYTES && assets.length === 3, assets);
  equal('the policy lets nothing in from elsewhere', html.headers['content-security-policy'],
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
  equal('nobody elsewhere may read an answer', (await ask('/api/status')).headers['access-control-allow-origin'], undefined);

  // Who is let in.
  const json = { 'Content-Type': 'application/json' };
  const post = (headers, body = '{}') => ask('/api/pause', { method: 'POST', headers, body });
  const problem = (reply) => [reply.status, JSON.parse(reply.bytes).type];
  const forbidden = [403, 'urn:boathouse:problem:forbidden'];
  equal('a name that may be rebound is refused', problem(await ask('/api/sessions', { headers: { Host: 'evil.example' } })), forbidden);
  equal('another page is refused', problem(await post({ ...json, Origin: 'http://evil.example' })), forbidden);
  equal('another site is refused', problem(await post({ ...json, 'Sec-Fetch-Site': 'cross-site' })), forbidden);
  equal('what a form can send is refused', problem(await post({ 'Content-Type': 'text/plain' })), [422, 'urn:boathouse:problem:unsupported']);
  equal('nothing is changed by GET', problem(await ask('/api/pause')), [405, 'urn:boathouse:problem:method-not-allowed']);
  equal('a body too large is refused', problem(await post(json, `{"x":"${'x'.repeat(5000)}"}`)), [413, 'urn:boathouse:problem:too-large']);
  equal('nonsense is refused', problem(await post(json, '{')), [400, 'urn:boathouse:problem:invalid-input']);
  equal('what is not there is said', (await ask('/api/nothing')).status, 404);
  equal('and none of them paused it', JSON.parse((await ask('/api/status')).bytes).paused_at, null);

  // A page elsewhere, in the same browser.
  const browser = await new Browser().start();
  const stranger = http.createServer((_, reply) => reply.end('<!doctype html><title>elsewhere</title>')).listen(0, '127.0.0.1');
  await new Promise((resolve) => { stranger.on('listening', resolve); });
  const elsewhere = await browser.browser.newPage();
  await elsewhere.goto(`http://127.0.0.1:${stranger.address().port}`);
  const stolen = await elsewhere.evaluate(async (url) => {
    const tries = [fetch(`${url}/api/sessions`), fetch(`${url}/api/pause`, { method: 'POST', body: '{}', mode: 'no-cors' })];
    const [read, written] = await Promise.allSettled(tries);
    return [read.status, written.value?.type];
  }, device.url);
  equal('a page elsewhere can read nothing', stolen, ['rejected', 'opaque']);
  equal('and change nothing', JSON.parse((await ask('/api/status')).bytes).paused_at, null);
  await elsewhere.close();
  stranger.close();

  // Every state.
  const real = JSON.parse((await ask('/api/status')).bytes);
  const quiet = { ...real, state: 'waiting', reason: '', last_error: '', now: '2026-01-10T10:00:00Z', sessions: 2, pending_recordings: 0, pending_items: 0,
    pending_bytes: 0, oldest_pending_s: 0, conflicts: 0, refused_sessions: 0, tries: 0, next_try_at: null, last_success_at: null, paused_at: null,
    progress: { done: 0, total: 0, done_bytes: 0, total_bytes: 0 } };
  const [listed] = JSON.parse((await ask('/api/sessions')).bytes);
  const kinds = [listed, { ...listed, id: 'ses_b', title: 'Partly there', safety: 'partly', tags: ['wind'] },
    { ...listed, id: 'ses_c', safety: 'safe', away_items: 3, pending_items: 0 }, { ...listed, id: 'ses_d', safety: 'verified' },
    { ...listed, id: 'ses_e', problem: 'its first chunk has another hash' }, { ...listed, id: 'ses_f', refused_items: 1, refusal: 'too long ago' }];
  const conflict = { id: 'x', kind: 'title', session: listed.id, title: 'One', reason: '', since: listed.started_at, answered: null,
    mine: { text: 'One' }, theirs: { text: 'Another' } };
  const answered = { ...conflict, id: 'y', answered: 'both' };
  for (const look of looks) {
    const page = await browser.open(device.url, look);
    let told = quiet;
    const answer = (place, value) => page.route(place, (route) => route.fulfill({ json: value() }));
    await answer('**/api/status', () => told);
    await answer('**/api/sessions?*', () => kinds);
    await answer('**/api/pending', () => (told.word === 'synced' ? [] : kinds.filter((one) => one.pending_items > 0)));
    await answer('**/api/conflicts', () => (told.conflicts > 0 ? { open: 1, conflicts: [conflict, answered] } : { open: 0, conflicts: [] }));
    let first = true;
    for (const [word, change, text, detail] of states) {
      told = { ...quiet, ...change, word, list: word };
      const name = `${word}, ${look.colorScheme}, ${look.width} px`;
      if (!check(`says it: ${name}`, await pillSays(page, text), await pill(page).textContent())) continue;
      equal(`its detail: ${name}`, (await page.locator('.detail').innerText()).trim(), detail);
      equal(`its role: ${name}`, await pill(page).getAttribute('role'), word === 'sign_in_needed' ? 'alert' : 'status');
      equal(`its icon: ${name}`, await pill(page).locator('svg path').count(), 1);
      await page.waitForFunction((shown) => document.querySelectorAll('#conflicts').length === shown, change.conflicts ?? 0);
      const full = await page.getByRole('region', { name: 'Storage' }).getByRole('alert').allInnerTexts();
      check(`a full disk is said where it is: ${name}`, full.some((one) => one.startsWith('The disk of this device is nearly full')) === (word === 'storage_low'), full);
      if (first) {
        await page.locator('.session .head').first().click();  // a chart, its table and a form too
        await page.locator('summary').click();
        first = false;
      }
      await checkAccess(page, name);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      equal(`nothing is wider than the screen: ${name}`, wide, 0);
      if (word === 'syncing') {
        const bar = page.getByRole('progressbar');
        equal(`the bar has its number: ${name}`, [await bar.getAttribute('aria-valuenow'), await bar.getAttribute('aria-valuetext')],
          ['22', '1 of 5 sessions, 20 kB of 90 kB']);
      }
    }
    await page.locator('.session .head').last().scrollIntoViewIfNeeded();
    const box = await pill(page).boundingBox();
    check(`the pill stays in view: ${look.width} px`, box.y >= 0 && box.y < 120, box);
    told = { ...quiet, word: 'paused', state: 'paused', oldest_pending_s: 3 * 86400, pending_items: 1, list: 'late' };
    await page.getByText('has waited 3 days').waitFor();
    await checkAccess(page, `a warning after a day, ${look.colorScheme}`);
    await page.close();
  }

  // Its folder is gone.
  for (const look of looks) {
    const page = await browser.open(device.url, look);
    await page.getByText('Rowing session').first().waitFor();
    fs.renameSync(phone, `${phone}.away`);
    const name = `without its folder, ${look.colorScheme}, ${look.width} px`;
    check(`says it: ${name}`, await pillSays(page, 'Nothing can be saved'), await pill(page).textContent());
    equal(`its role: ${name}`, await pill(page).getAttribute('role'), 'alert');
    const detail = await page.locator('.detail').innerText();
    check(`it names the folder and what to do: ${name}`, detail.includes(phone) && detail.includes('put the folder back'), detail);
    await checkAccess(page, name);
    fs.renameSync(`${phone}.away`, phone);
    const gone = page.getByText('Nothing can be saved').first().waitFor({ state: 'detached' });
    check(`and it works again: ${name}`, await gone.then(() => true, () => false), await pill(page).textContent());
    await page.close();
  }

  // The program is gone.
  const page = await browser.open(device.url);
  await page.getByText('Rowing session').first().waitFor();
  equal('it ends well', await device.stop(), { code: 0, signal: null });
  check('a page without its program says so', await pillSays(page, 'This page has lost its program'));
  await checkAccess(page, 'without its program');
  check('and still shows what it knew', (await page.locator('.session').count()) === 1, session.id);
  browser.finish();
});
