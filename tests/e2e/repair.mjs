// What is lost behind the ledger comes back by itself: rows of ClickHouse from the bodies in their segments, a segment that is gone from a
// backup.
import fs from 'node:fs';
import path from 'node:path';
import { Server, check, equal, main, run, temporaryFolder, until } from './boathouse.mjs';
import { startEngine } from './cloud.mjs';

await main(async () => {
  const folder = temporaryFolder();
  const device = path.join(folder, 'device');
  const data = path.join(folder, 'cloud');
  const { url, ask } = await startEngine(path.join(folder, 'engine'));
  const server = await new Server(data, { extra: ['--clickhouse', url, '--reconcile-every', '1s', '--segment-bytes', '500', '--segments-every', '1s',
    '--backup-to', path.join(folder, 'backups')] }).start();
  const key = server.key('Anna');
  run(['device', 'record', '--data', device], { input: run(['pm5', 'simulate', '--type', '3', '--minutes', '3', '--seed', '1']).out });
  equal('a workout is synced', run(['device', 'sync', '--data', device, '--server', server.url, '--key', key]).code, 0);
  const metric = async (name) => {
    const text = await (await server.get('/metrics', server.operatorKey)).text();
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  };
  const samples = Number(await ask('SELECT count() FROM sample FINAL'));

  // Until ClickHouse has merged what was loaded again there are several versions of a record: the newest is shown, and each once.
  const session = (await server.getJson('/v1/sessions', key)).json.data[0].id;
  const rates = async () => (await server.getJson(`/v1/sessions/${session}/samples?fields=stroke_rate_spm`, key)).json.data.stroke_rate_spm;
  const before = await rates();
  equal('all samples', before.length, samples);
  await ask('SYSTEM STOP MERGES sample');
  const version = (from, to, ver, rate) => ask(`INSERT INTO sample SELECT * REPLACE (ver + ${ver} AS ver, ${rate} AS stroke_rate_spm) FROM sample
    WHERE seq >= ${from} AND seq < ${to}`);
  await version(30, 50, 1, 77);
  await version(60, 70, -1, 88);
  equal('each sample once, in its newest version', await rates(), before.map((rate, seq) => (seq >= 30 && seq < 50 ? 77 : rate)));
  await ask('SYSTEM START MERGES sample');
  await ask('ALTER TABLE sample DELETE WHERE (seq >= 30 AND seq < 50 AND stroke_rate_spm = 77) OR stroke_rate_spm = 88 SETTINGS mutations_sync = 2');
  await ask('OPTIMIZE TABLE sample FINAL');
  equal('as it was', await rates(), before);

  await until('bodies lie in segments', async () => await metric('boathouse_segments') > 0);
  await until('a pass of the reconciler', async () => await metric('boathouse_reconciler_passes_total') > 1);
  equal('nothing differs', await metric('boathouse_reconciler_differences_total'), 0);

  await ask('ALTER TABLE sample DELETE WHERE seq < 50 SETTINGS mutations_sync = 2');
  check('rows are gone', Number(await ask('SELECT count() FROM sample FINAL')) < samples);
  await until('they are back', async () => Number(await ask('SELECT count() FROM sample FINAL')) === samples);
  await until('the service knows it', async () => await metric('boathouse_reconciler_repaired_total') === 1);
  equal('one stream differed, none is left', [await metric('boathouse_reconciler_differences_total'), await metric('boathouse_reconciler_not_repairable')], [1, 0]);

  // The segments go, too: what was in them is in the backup of today only if that came after the sync, so one is made.
  const made = run(['backup', 'create', '--data', data, '--to', path.join(folder, 'backups')]);
  equal('a backup has bodies from segments', [made.code, made.out.includes('DIFFERENCE')], [0, false]);
  const segments = path.join(data, 'segments');
  const files = fs.readdirSync(segments, { recursive: true }).filter((file) => file.endsWith('.seg'));
  for (const file of files) fs.rmSync(path.join(segments, file));
  check('there were some', files.length > 0);
  await ask('ALTER TABLE sample DELETE WHERE seq < 50 SETTINGS mutations_sync = 2');
  await until('lost bodies are back', async () => /[1-9]\d* lost bodies are back/.test(server.log));
  await until('rows are back again', async () => Number(await ask('SELECT count() FROM sample FINAL')) === samples);
  await until('no body is lost, and loading works', async () => await metric('boathouse_lost_bodies') === 0 && (await server.getJson('/readyz')).status === 200);
  const counted = server.reconcile(key);
  equal('ledger and ClickHouse are equal', [counted.code, counted.json?.differences], [0, []]);
  // What nobody has read yet is found missing later, and the reconciler may have looked while bodies were lost: its next look ends the alarm.
  check('and /readyz says so', await until('the alarm is over', async () => {
    const { status, json } = await server.getJson('/readyz');
    return status === 200 && json.status === 'ready' && json.differences === 0 && json.lost_bodies === 0;
  }));
});
