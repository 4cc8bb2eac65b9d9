// One workout, recorded by two devices that each missed some of it: it is found, is one session everywhere, is parted for good
// by one word, and what two people wrote at once is settled on one device for both.
import fs from 'node:fs';
import path from 'node:path';
import { Server, check, equal, main, run, runJson, temporaryFolder } from './boathouse.mjs';

await main(async () => {
  const folder = temporaryFolder();
  const phone = path.join(folder, 'phone');
  const tablet = path.join(folder, 'tablet');
  const server = await new Server(path.join(folder, 'cloud')).start();
  const key = server.key('Anna');
  const on = (device, command, ...more) => runJson(['device', command, '--json', '--data', device, ...more]);
  const sync = (...devices) => {
    for (const device of devices) {
      const { json } = on(device, 'sync', '--server', server.url, '--key', key);
      equal('everything is sent', [json.state, json.pending_items], ['up_to_date', 0]);
    }
  };
  const sessions = (device) => on(device, 'sessions').json;
  const ids = (device) => sessions(device).map((one) => [one.id, ...one.recordings]);

  // The same notifications; each device is out of reach for a while.
  const lines = run(['pm5', 'simulate', '--type', '3', '--minutes', '2', '--seed', '11']).out.trimEnd().split('\n');
  const heard = (from, to) => lines.filter((_, i) => i < lines.length * from || i > lines.length * to).join('\n') + '\n';
  const record = (device, text) => {
    const file = path.join(folder, 'capture.jsonl');
    fs.writeFileSync(file, text);
    return on(device, 'replay', '--monitor-serial', '430123456', file).json.sessions[0];
  };
  const here = record(phone, heard(0.3, 0.4));
  const there = record(tablet, heard(0.6, 0.65));
  const other = record(phone, run(['pm5', 'simulate', '--type', '3', '--minutes', '2', '--seed', '12']).out);
  sync(phone, tablet, phone, tablet);

  equal('both devices show the same sessions', ids(phone), ids(tablet));
  const merged = sessions(phone).find((one) => one.recordings.length === 2);
  check('the workout is one of two, the other piece of the evening is its own', merged && sessions(phone).length === 2, ids(phone));
  equal('made of both recordings', [...merged.recordings].sort(), [here, there].sort());
  equal('under the smaller id', merged.id, [here, there].sort()[0]);
  const own = sessions(tablet).find((one) => one.id === merged.id);
  equal('its totals are one recording\'s', [merged.elapsed_s, merged.distance_m], [own.elapsed_s, own.distance_m]);
  check('and not a sum', merged.elapsed_s < 150 && merged.distance_m > 0, merged);
  equal('nothing is sent twice for it', on(phone, 'sync', '--server', server.url, '--key', key).json.sent_items, 0);
  equal('every recording is still whole', run(['device', 'verify', '--data', phone]).code, 0);

  // An edit of the one that was merged is an edit of the session.
  const late = merged.recordings[1];
  on(phone, 'edit', late, '--title', 'Evening');
  equal('the session has it', sessions(phone).find((one) => one.id === merged.id).title, 'Evening');

  const parted = on(tablet, 'unlink', merged.id, late).json;
  equal('parted, one recording stays', parted.recordings, [merged.id]);
  sync(tablet, phone, tablet);
  equal('both are there again', sessions(phone).length, 3);
  equal('on both devices', ids(phone), ids(tablet));
  on(phone, 'fetch', there);
  sync(phone, tablet, phone);
  equal('and stay apart, whatever is found', sessions(phone).length, 3);
  equal('a person may link them', on(phone, 'link', merged.id, late).json.recordings.length, 2);
  const wrong = run(['device', 'unlink', '--data', phone, other, late]);
  check('what is not linked is named', wrong.code === 1 && /is not linked to/.test(wrong.err), wrong.err);
  sync(phone, tablet);
  equal('and the other device follows', sessions(tablet).length, 2);

  // Deleting it hides all of it.
  on(tablet, 'edit', merged.id, '--delete');
  equal('a deleted session does not come back as its other recording', on(tablet, 'edit', late).json.deleted, true);
  for (const id of merged.recordings) on(tablet, 'edit', id, '--restore');
  equal('restored it is one again', sessions(tablet).length, 2);

  // Two titles at once: one answer is enough.
  sync(tablet, phone);
  on(phone, 'edit', other, '--title', 'from the phone');
  on(tablet, 'edit', other, '--title', 'from the tablet');
  sync(phone, tablet, phone);
  equal('it waits for a choice on both', [phone, tablet].map((device) => on(device, 'status').json.open_conflicts), [1, 1]);
  const conflict = on(phone, 'conflicts').json.conflicts[0];
  equal('both versions are shown', [conflict.kind, conflict.mine.text, conflict.theirs.text], ['title', 'from the phone', 'from the tablet']);
  check('also to read', /from the phone/.test(run(['device', 'conflicts', '--data', phone]).out));
  equal('one answers', on(phone, 'answer', conflict.id, 'both').json.open, 0);
  equal('no answer is taken that is none', run(['device', 'answer', '--data', phone, conflict.id, 'maybe']).code, 2);
  sync(phone, tablet);
  const settled = on(tablet, 'conflicts').json;
  equal('it is settled on the other device, too', [settled.open, settled.conflicts[0].answered], [0, 'both']);
  equal('with both texts', on(tablet, 'edit', other).json.title, 'from the phone / from the tablet');

  equal('the cloud counts each recording once', server.reconcile(key).code, 0);
  await server.stop();
});
