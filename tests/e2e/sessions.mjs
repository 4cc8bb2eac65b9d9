// The cloud's session rows: their figures; one row for linked recordings, and back; deletion; what people write; tables of the
// version before, with rows in them, that a newer program finds.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Server, atEnd, check, engineBinary, equal, main, run, runJson, temporaryFolder } from './boathouse.mjs';

await main(async () => {
  const folder = temporaryFolder();
  const phone = path.join(folder, 'phone');
  const tablet = path.join(folder, 'tablet');
  const server = await new Server(path.join(folder, 'cloud')).start();
  const key = server.key('Anna');
  const on = (device, command, ...more) => runJson(['device', command, '--json', '--data', device, ...more]).json;
  const sync = (...devices) => {
    for (const device of devices) equal('everything is sent', on(device, 'sync', '--server', server.url, '--key', key).state, 'up_to_date');
  };
  // The rows follow what is acknowledged.
  const until = async (name, good) => {
    let seen;
    for (let i = 0; i < 300; ++i) {
      seen = await server.sessions(key);
      if (good(seen)) return check(name, true);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return check(name, false, seen);
  };
  const one = async (id) => (await server.getJson(`/v1/sessions/${id}`, key)).json;

  // A piece of 2000 m, heard by two devices; each is out of reach for a while.
  const lines = run(['pm5', 'simulate', '--type', '3', '--minutes', '8', '--seed', '11']).out.trimEnd().split('\n');
  const heard = (from, to) => lines.filter((_, i) => i < lines.length * from || i > lines.length * to).join('\n') + '\n';
  const record = (device, text) => {
    const file = path.join(folder, 'capture.jsonl');
    fs.writeFileSync(file, text);
    return on(device, 'replay', '--monitor-serial', '430123456', file).sessions[0];
  };
  const here = record(phone, heard(0.3, 0.4));
  sync(phone);
  await until('the session is there with its figures', (all) => all.length === 1 && all[0].best_times.length > 0 && all[0].sealed);
  const alone = await one(here);
  equal('of one recording', alone.recordings, [here.replace('ses_', 'rec_')]);
  const seconds = (session, metres) => session.best_times.find((best) => best.distance_m === metres)?.time_s;
  check('its totals say whose word they are', alone.sources.work_distance_m === 'monitor' && alone.sources.max_power_w === 'derived', alone.sources);
  check('bests are in order', seconds(alone, 500) > 0 && seconds(alone, 500) * 2 <= seconds(alone, 1000) + 0.1, alone.best_times);
  check('no best is faster than a stroke was strong', alone.max_power_w >= alone.power_curve.power_w[0], alone);
  equal('the power curve is of strokes', [alone.power_curve.from, alone.power_curve.time_s[0], alone.power_curve.time_s.length],
    ['strokes', 1, alone.power_curve.power_w.length]);
  const sum = (numbers) => numbers.reduce((all, each) => all + each, 0);
  check('the paces add up to about the work', Math.abs(sum(alone.pace_histogram.time_s) - alone.work_time_s) < 0.15 * alone.work_time_s,
    [alone.pace_histogram, alone.work_time_s]);
  equal('histograms are columns', alone.heart_rate_histogram.heart_rate_bpm.length, alone.heart_rate_histogram.time_s.length);
  check('nothing is missing, and a gap is told', alone.data_quality.missing_records === 0 && alone.data_quality.has_summary, alone.data_quality);

  const there = record(tablet, heard(0.6, 0.65));
  sync(tablet, phone, tablet);
  const [first, second] = [here, there].sort();
  await until('linked recordings are one session', (all) => all.length === 1 && all[0].recordings.length === 2);
  const merged = await one(first);
  equal('under the smaller id', [merged.id, merged.recordings], [first, [first, second].map((id) => id.replace('ses_', 'rec_'))]);
  equal('the other says where it is', await one(second), { id: second, merged_into: first });
  // The note that a row is written follows the row.
  const trail = async (id, place) => {
    for (let i = 0; ; ++i) {
      const found = (await server.getJson(`/v1/recordings/${id.replace('ses_', 'rec_')}/trail`, key)).json;
      if (found.place === place || i === 300) return found;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  for (const id of [first, second]) {
    const found = await trail(id, 'complete');
    equal('each of them is through, in the session that is left', [found.place, found.session.id, found.session.written], ['complete', first, true]);
  }
  const { where } = await trail(second, 'complete');
  check('which the merged one names', where.includes(`as a part of session ${first}`), where);
  const strokes = await server.getJson(`/v1/sessions/${second}/strokes`, key);
  check('also to who asks for its records', strokes.status === 404 && strokes.json.detail.includes(first), strokes.json);
  equal('its totals are one recording\'s', [merged.work_time_s, merged.work_distance_m], [alone.work_time_s, alone.work_distance_m]);
  const samples = (await server.getJson(`/v1/sessions/${first}/samples?fields=at_s`, key)).json;
  equal('its samples are those that count', samples.original_size, merged.records.sample);
  const csv = await server.csv(first, key, '?stream=sample');
  equal('and so are the exported ones', csv.length, merged.records.sample);
  const reconciled = server.reconcile(key);
  equal('ledger and ClickHouse count the same', [reconciled.code, reconciled.json?.differences, reconciled.err], [0, [], '']);

  on(phone, 'edit', second, '--title', 'Evening', '--notes', 'windy', '--tag', 'race');
  sync(phone);
  await until('what is written for either is the session\'s', ([session]) => session.title === 'Evening' && session.notes === 'windy');
  equal('tags too', (await one(first)).tags, ['race']);

  sync(tablet);
  on(tablet, 'unlink', first, second);
  sync(tablet);
  await until('parted they are two again', (all) => all.length === 2);
  equal('each of one recording', (await server.sessions(key)).map((session) => session.recordings.length), [1, 1]);
  equal('and the title is where it was written: the session\'s id was the first one\'s', [(await one(first)).title, (await one(second)).title],
    ['Evening', null]);

  on(tablet, 'edit', second, '--delete');
  sync(tablet);
  await until('a deleted session is hidden', (all) => all.length === 1 && all[0].id === first);
  equal('also by its id', (await server.get(`/v1/sessions/${second}`, key)).status, 404);
  const gone = await trail(second, 'deleted');
  equal('and its way says why', [gone.place, gone.session.id, gone.session.deleted], ['deleted', second, true]);
  on(tablet, 'edit', second, '--restore');
  sync(tablet);
  await until('restored it is back', (all) => all.length === 2);
  sync(phone);
  on(phone, 'link', first, second);
  sync(phone);
  await until('and linked it is one again', (all) => all.length === 1);

  // Tables as version 1 had them, with the rows in them.
  const before = await server.sessions(key);
  equal('the server ends', (await server.stop()).code, 0);
  const engine = spawn(engineBinary, ['--path', path.join(server.folder, 'clickhouse'), '--listen', '127.0.0.1:0']);
  atEnd(() => engine.kill('SIGKILL'));
  const url = await new Promise((resolve) => engine.stdout.on('data', (text) => resolve(/listening on (\S+)/.exec(String(text))[1])));
  const sql = async (statement) => {
    const reply = await fetch(url, { method: 'POST', body: statement });
    const text = await reply.text();
    if (!reply.ok) throw new Error(`${statement}: ${text}`);
    return text.trim().split('\n');
  };
  const newColumns = (await sql("SELECT name FROM system.columns WHERE table = 'session' AND position > " +
    "(SELECT position FROM system.columns WHERE table = 'session' AND name = 'is_deleted') FORMAT TSV"));
  check('there are columns that version 1 had not', newColumns.includes('recordings') && newColumns.includes('summary_version'), newColumns);
  await sql("ALTER TABLE session MODIFY COMMENT ''");
  await sql('ALTER TABLE session DROP COLUMN packed');  // made of the others
  await sql(`ALTER TABLE session ${newColumns.filter((name) => name !== 'packed').map((name) => `DROP COLUMN ${name}`).join(', ')}`);
  engine.kill('SIGTERM');
  await new Promise((resolve) => engine.on('exit', resolve));
  await server.start();
  while ((await server.get('/readyz')).status !== 200) await new Promise((resolve) => setTimeout(resolve, 100));
  await until('a newer program makes old rows again', (all) => all.length === 1 && all[0].summary_version > 0);
  equal('and they are what they were', await server.sessions(key), before);
  equal('the merged one still says so', await one(second), { id: second, merged_into: first });
  await server.stop();
});
