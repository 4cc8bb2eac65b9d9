// One athlete's day on the device's page, in a real browser against the real programs: rows while the server is down, sees
// it come back and everything go up by itself, presses Sync now, chooses between two titles, meets the storage limit, gets
// room back when the cloud allows it; all of it with the keyboard alone where hands are busy.
import fs from 'node:fs';
import path from 'node:path';
import { RunningDevice, Server, atEnd, check, equal, main, run, runJson, temporaryFolder } from './boathouse.mjs';
import { Browser, checkAccess, pill, pillSays } from './browser.mjs';

// Gives a monitor's lines to the device, many times as fast as it would speak, until all are given or stop().
function row(device, lines) {
  let next = 0;
  const timer = setInterval(() => {
    device.input.write(lines.slice(next, next + 40).join(''));
    next += 40;
    if (next >= lines.length) clearInterval(timer);
  }, 100);
  atEnd(() => clearInterval(timer));
  return { finish: () => { clearInterval(timer); device.input.end(lines.slice(next).join('')); } };
}

// Tab by Tab, until `locator` has the focus; false when it never gets it.
async function tabTo(page, locator) {
  for (let i = 0; i < 60; ++i) {
    await page.keyboard.press('Tab');
    if (await locator.evaluate((element) => element === document.activeElement)) return true;
  }
  return false;
}

await main(async () => {
  const folder = temporaryFolder();
  const phone = path.join(folder, 'phone');
  const tablet = path.join(folder, 'tablet');
  let server = await new Server(path.join(folder, 'cloud')).start();
  const key = server.key('Anna');
  await server.stop();

  // Offline, and rowing.
  const device = await new RunningDevice(phone, server.url, key).start();
  const browser = await new Browser().start();
  const page = await browser.open(device.url);
  const button = (name) => page.getByRole('button', { name, exact: true });
  const lines = run(['pm5', 'simulate', '--type', '3', '--minutes', '4', '--seed', '21']).out.split(/(?<=\n)/);
  const rowing = row(device, lines);
  check('with the server down the page says that rowing goes on', await pillSays(page, 'Offline - you can keep rowing'));
  const now = page.locator('section', { has: page.locator('#now') });
  await now.locator('canvas').waitFor();
  const distance = async () => Number.parseInt(await now.locator('.numbers div', { hasText: 'Distance' }).locator('dd').innerText(), 10);
  const before = await distance();
  await page.waitForFunction((metres) => Number.parseInt(document.querySelectorAll('#now ~ .chart dd')[1].textContent, 10) > metres, before);
  check('the live chart goes on', (await distance()) > before);
  await now.locator('summary').click();
  const cells = await now.locator('tbody tr').last().locator('th, td').allInnerTexts();
  check('the table behind it has the same', cells.length === 6 && /^\d+:\d\d$/.test(cells[0]) && /^\d:\d\d\.\d$/.test(cells[2]) && Number(cells[3]) > 50, cells);
  await checkAccess(page, 'while rowing');
  rowing.finish();
  await page.getByText('On this device only').waitFor();
  check('afterwards the session is there, on this device only', (await page.locator('.session').count()) === 1);
  await now.waitFor({ state: 'detached' });
  const waits = page.locator('section', { has: page.locator('#pending') }).getByText('Rowing session');
  await waits.first().waitFor();
  equal('it waits in the list of what waits', await waits.count(), 1);

  // The server comes back; nobody does anything.
  server = await new Server(path.join(folder, 'cloud'), { listen: server.listen }).start();
  check('the page syncs by itself', await pillSays(page, 'All synced', 100_000), await pill(page).textContent());
  await page.getByText('In the cloud and checked').waitFor();
  check('the session is in the cloud, and checked there', (await server.sessions(key)).length === 1);

  await page.locator('.session .head').click();
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'strokes' }).click()]);
  const copy = fs.readFileSync(await download.path(), 'utf8').split('\r\n');
  check('a copy of it can be saved', /^seq,at_s,/.test(copy[0]) && copy.length > 50, copy.slice(0, 3));
  await page.locator('.session .head').click();

  // Two devices write a title without knowing of each other.
  const id = runJson(['device', 'sessions', '--json', '--data', phone]).json[0].id;
  const onTablet = (command, ...more) => runJson(['device', command, '--json', '--data', tablet, ...more]).json;
  const syncTablet = () => onTablet('sync', '--server', server.url, '--key', key);
  syncTablet();
  await button('Pause').click();
  check('pausing is said', await pillSays(page, 'Sync paused'));
  await page.locator('.session .head').click();
  await page.getByLabel('Title').fill('From the phone');
  await button('Save').click();
  await page.getByText('Saved on this device; your other devices').waitFor();
  onTablet('edit', id, '--title', 'From the tablet');
  syncTablet();
  await button('Resume').click();
  await button('Sync now').click();
  check('a conflict is said', await pillSays(page, '1 needs your choice'), await pill(page).textContent());
  await page.locator('.conflict').waitFor();
  const versions = await page.locator('.conflict dd').allInnerTexts();
  equal('both versions are shown', [...versions].sort(), ['From the phone', 'From the tablet']);
  await checkAccess(page, 'a conflict');
  await page.getByRole('button', { name: /^Keep theirs/ }).click();
  check('an answer ends it', await pillSays(page, 'All synced'), await pill(page).textContent());
  await page.locator('.session .title', { hasText: versions[1] }).waitFor();
  syncTablet();
  equal('and reaches the other device', onTablet('edit', id).title, versions[1]);
  equal('where nothing is left to choose', onTablet('edit', id).other_title, null);

  // The storage limit: nothing may go that no backup holds.
  const tooSmall = run(['device', 'storage', '--data', phone, '--cap', '1KB']);
  check('a cap that nothing could keep is wrong use, also when `device run` is asked',
    tooSmall.code === 2 && tooSmall.err.includes('the smallest cap that makes sense is '), tooSmall);
  await page.getByLabel('Limit in MB').fill(String(runJson(['device', 'storage', '--json', '--data', phone]).json.used / 1e6));
  await button('Set limit').click();
  check('the limit is reached', await pillSays(page, 'Phone storage almost full'), await pill(page).textContent());
  const storage = page.locator('section', { has: page.locator('#storage') });
  check('what must stay is said', /must stay: in the cloud, but there is no checked backup there yet/.test(await storage.innerText()), await storage.innerText());
  check('nothing can be freed', await button('Free up space').isDisabled());
  await checkAccess(page, 'the limit reached');

  // With the operator's word the cloud's copy is enough.
  await server.stop();
  server = await new Server(path.join(folder, 'cloud'), { listen: server.listen, extra: ['--purge-without-backup'] }).start();
  await button('Sync now').click();
  check('then room can be made', await pillSays(page, 'All synced'), await pill(page).textContent());
  await button('Free up space').click();
  await page.getByText('removed from this device').waitFor();
  await page.getByText('details only in the cloud').waitFor();
  check('a session that is away can be fetched', await button('Get them back').isVisible());
  await button('No limit').click();
  await page.getByText('no limit set').waitFor();

  // The keyboard alone.
  await page.reload();
  await page.locator('.session').waitFor();
  const reached = [];
  for (const wanted of [button('Sync now'), button('Pause'), page.locator('.session .head')]) reached.push(await tabTo(page, wanted));
  equal('Tab reaches what can be done, in order', reached, [true, true, true]);
  await page.keyboard.press('Enter');
  check('Enter opens a session', (await page.locator('.session .head').getAttribute('aria-expanded')) === 'true');
  check('its button is next', await tabTo(page, button('Get them back')));
  const focused = await page.evaluate(() => {
    const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
    const box = document.activeElement.getBoundingClientRect();
    const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return { outlineStyle, outlineWidth, seen: document.activeElement.contains(top) };
  });
  equal('the focus is seen, under nothing', focused, { outlineStyle: 'solid', outlineWidth: '3px', seen: true });
  await page.keyboard.press('Space');
  await page.locator('.session canvas').waitFor();
  check('and brings the data back', !/only in the cloud/.test(await page.locator('.session .head').innerText()));
  check('to a form that the keyboard fills', await tabTo(page, page.getByLabel('Notes')));
  await page.keyboard.type('Wind from the west');
  check('and saves', await tabTo(page, button('Save')));
  await page.keyboard.press('Enter');
  await page.getByText('Saved on this device; your other devices').waitFor();
  check('and it goes up', await pillSays(page, 'All synced'));
  const targets = await page.evaluate(() => [...document.querySelectorAll('button, a, input, textarea, summary')]
    .map((element) => element.getBoundingClientRect()).filter((box) => box.width > 0 && (box.width < 24 || box.height < 24)).length);
  equal('nothing to press is smaller than 24 x 24', targets, 0);

  browser.finish();
  equal('the device ends well', await device.stop(), { code: 0, signal: null });
  equal('and everything on it is whole', run(['device', 'verify', '--data', phone]).code, 0);
  equal('ledger and ClickHouse count the same', server.reconcile(server.operatorKey).code, 0);
  await server.stop();
});
