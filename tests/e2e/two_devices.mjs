// Two devices of one athlete: what one records and writes reaches the other, summaries first and the rest on demand; room is
// freed only of what the server verified and backed up; a server that was restored from nothing gets everything again.
import fs from 'node:fs';
import path from 'node:path';
import { Server, check, equal, main, run, runJson, temporaryFolder } from './boathouse.mjs';

await main(async () => {
  const folder = temporaryFolder();
  const phone = path.join(folder, 'phone');
  const tablet = path.join(folder, 'tablet');
  const cloud = path.join(folder, 'cloud');
  let server = await new Server(cloud).start();
  let key = server.key('Anna');
  const on = (device, command, ...more) => runJson(['device', command, '--json', '--data', device, ...more]);
  const sync = (device) => on(device, 'sync', '--server', server.url, '--key', key);
  const session = (device, id) => on(device, 'sessions').json.find((one) => one.id === id);
  // Queries count what was stored a moment later; then verify says so.
  const syncUntilVerified = async (device, id) => {
    for (let tries = 0; tries < 50; ++tries) {
      const { json } = sync(device);
      if (session(device, id).safety === 'verified') return json;
      await new Promise((resolve) => { setTimeout(resolve, 200); });
    }
    throw new Error('never verified');
  };

  const capture = path.join(folder, 'capture.jsonl');
  fs.writeFileSync(capture, run(['pm5', 'simulate', '--type', '3', '--minutes', '2', '--seed', '11']).out);
  const id = on(phone, 'replay', capture).json.sessions[0];
  equal('before any sync it is on this device alone', session(phone, id).safety, 'on_this_device');
  const edited = on(phone, 'edit', id, '--title', 'Früh am See', '--tag', 'race', '--tag', 'wind').json;
  equal('a title and tags are kept', [edited.title, edited.tags], ['Früh am See', ['race', 'wind']]);

  const first = sync(phone).json;
  equal('the first sync brings everything', [first.state, first.pending_items], ['up_to_date', 0]);
  check('in at most five requests', first.requests <= 5, first);
  await syncUntilVerified(phone, id);
  equal('and the server verifies it', session(phone, id).safety, 'verified');

  // Without a backup nothing may go, and the device says why.
  const room = on(phone, 'storage', '--free', '1GB');
  equal('nothing is removed that no backup has', [room.code, room.json.freed, room.json.freeable], [1, 0, 0]);
  check('the reason is named', room.json.not_backed_up > 0, room.json);

  // The second device: a summary first, the rest on demand.
  sync(tablet);
  const seen = session(tablet, id);
  check('the other device knows the session', seen && seen.away_items > 0, seen);
  equal('with the same counts', seen.records, session(phone, id).records);
  equal('and what was written about it', on(tablet, 'edit', id).json.title, 'Früh am See');
  const wanted = on(tablet, 'fetch', id).json.wanted_chunks;
  equal('its data come on demand', sync(tablet).json.fetched_chunks, wanted);
  equal('all of them', session(tablet, id).away_items, 0);
  equal('and are whole', run(['device', 'verify', '--data', tablet]).code, 0);

  // Both write the same field without knowing of each other: one wins everywhere, the other is kept and shown.
  on(phone, 'edit', id, '--title', 'from the phone');
  on(tablet, 'edit', id, '--title', 'from the tablet', '--untag', 'wind');
  for (const device of [phone, tablet, phone]) sync(device);
  const [here, there] = [phone, tablet].map((device) => on(device, 'edit', id).json);
  equal('both devices show the same', here, there);
  equal('the later title', here.title, 'from the tablet');
  equal('and the other version', here.other_title, 'from the phone');
  equal('the tag is gone on both', here.tags, ['race']);
  on(phone, 'edit', id, '--delete');
  sync(phone);
  sync(tablet);
  equal('a deletion reaches the other device', on(tablet, 'edit', id).json.deleted, true);
  on(tablet, 'edit', id, '--restore');
  sync(tablet);
  sync(phone);
  equal('and can be taken back there', on(phone, 'edit', id).json.deleted, false);

  // The operator's explicit word; then room can be freed and the data come back.
  await server.stop();
  server = await new Server(cloud, { extra: ['--purge-without-backup'] }).start();
  sync(phone);
  const freed = on(phone, 'storage', '--free', '1kB');
  check('with the operator\'s word room is freed', freed.code === 0 && freed.json.freed >= 1000, freed.json);
  check('what is gone is known', session(phone, id).away_items > 0);
  equal('the session is as safe as before', session(phone, id).safety, 'verified');
  on(phone, 'fetch', id);
  sync(phone);
  equal('and comes back', session(phone, id).away_items, 0);
  equal('whole', run(['device', 'verify', '--data', phone]).code, 0);

  // The server's disk is lost. Everything comes again from the devices, edits too.
  const before = server.reconcile(key);
  equal('counts are equal before', before.code, 0);
  await server.stop();
  fs.rmSync(cloud, { recursive: true });
  server = await new Server(cloud).start();
  key = server.key('Anna');
  const refused = sync(phone);
  check('another server\'s athlete is not taken for the old one', refused.code === 1 && /another athlete/.test(refused.json.last_error), refused.json);
  equal('and nothing is lost here', session(phone, id).records, seen.records);
  const again = on(phone, 'sync', '--other-athlete', '--server', server.url, '--key', key).json;
  equal('with that said everything goes there', [again.state, again.pending_items], ['up_to_date', 0]);
  sync(phone);
  const counted = server.reconcile(key);
  equal('and is counted as before', [counted.code, counted.json.recordings], [0, before.json.recordings]);
  await server.stop();
});
