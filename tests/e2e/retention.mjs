// What is removed after years, and who is erased: planned, priced, refused without a backup, carried out, proved.
import fs from 'node:fs';
import path from 'node:path';
import { Server, check, equal, main, run, runJson, temporaryFolder } from './boathouse.mjs';
import { sqlite } from './cloud.mjs';

const kDay = 86_400_000;
const workout = (seed) => run(['pm5', 'simulate', '--type', '2', '--minutes', '1', '--seed', String(seed)]).out;

async function until(what, holds) {
  for (let i = 0; i < 300; ++i) {
    if (await holds()) return check(what, true);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return check(what, false, 'not within a minute');
}

await main(async () => {
  const folder = temporaryFolder();
  const backups = path.join(folder, 'backups');
  const server = await new Server(path.join(folder, 'cloud'), { extra: ['--backup-to', backups, '--backup-every', '31d'] }).start();
  const ask = (...words) => run([...words, '--server', server.url, '--key', server.operatorKey]);
  const plan = () => JSON.parse(ask('retention', 'plan', '--json').out);
  const backup = () => run(['backup', 'create', '--data', server.folder, '--to', backups]);

  await until('the service makes its own backup, before anybody has rowed',
    () => fs.existsSync(backups) && fs.readdirSync(backups).some((name) => name.startsWith('backup-')));

  const people = {};
  for (const [name, seed] of [['Anna', 1], ['Ben', 2]]) {
    const device = path.join(folder, name);
    const key = server.key(name);
    runJson(['device', 'record', '--data', device], { input: workout(seed) });
    run(['device', 'sync', '--data', device, '--server', server.url, '--key', key]);
    people[name] = { device, key, sync: () => runJson(['device', 'sync', '--json', '--data', device, '--server', server.url, '--key', key]) };
  }
  const { Anna: anna, Ben: ben } = people;
  equal('both are counted', server.reconcile(server.operatorKey).code, 0);
  const [annas] = await server.sessions(anna.key);
  const [bens] = await server.sessions(ben.key);
  const benId = bens.athlete_id;

  // ---- the default keeps all, a rule waits for its years ----
  check('without a rule all is kept', /^without a rule: kept for ever/.test(ask('retention', 'show').out));
  equal('and nothing is due', plan().plan, null);
  const wrong = (...words) => ask('retention', 'set', ...words).code;
  equal('no years, no such grain, summaries, a team that there is not: refused',
    [wrong('--grain', 'sample', '--years', '0'), wrong('--grain', 'samples', '--years', '3'), wrong('--grain', 'summary', '--years', '3'),
      wrong('--grain', 'sample', '--years', '3', '--scope', 'team:team_018bcfe5-6800-7abc-8def-0123456789ab')], [2, 1, 1, 1]);
  equal('a rule', ask('retention', 'set', '--grain', 'sample', '--grain', 'force_curve', '--years', '3').code, 0);
  equal('what is young is not due', plan().plan, null);

  // ---- four years later ----
  const older = (table, ms) => `UPDATE ${table} SET received_ms = received_ms - ${ms}`;
  const age = async (ms, chunks = true) => {
    await server.stop();
    sqlite(path.join(server.folder, 'ledger.db'), `UPDATE recording SET started_ms = started_ms - ${ms}`, older('recording', ms), older('seal', ms),
      older('chunk', chunks ? ms : 0));
    await server.start();
    server.reconcile(server.operatorKey);  // waits for ClickHouse
  };
  await age(2 * 366 * kDay);
  equal('two years are not three', plan().plan, null);
  await age(2 * 366 * kDay, false);
  equal('nor is what came later of a session of four years ago', plan().plan, null);
  await server.stop();
  sqlite(path.join(server.folder, 'ledger.db'), older('chunk', 2 * 366 * kDay));
  await server.start();
  server.reconcile(server.operatorKey);

  const unsafe = plan();
  check('what no backup has is said', unsafe.recordings === 2 && unsafe.not_backed_up.recordings === 2, unsafe);
  const refused = ask('retention', 'apply', '--plan', unsafe.plan);
  check('and is not removed; the next step is named', refused.code === 1 && /backup create/.test(refused.err) && /backup verify/.test(refused.err),
    refused);
  const as = (person, ...words) => run([...words, '--server', server.url, '--key', person.key]).out.trim();
  const team = as(ben, 'team', 'create', 'Eight');
  equal('a rule of a team that anna joins', [as(anna, 'team', 'join', as(ben, 'team', 'invite', team)) !== '',
    ask('retention', 'set', '--grain', 'sample', '--grain', 'force_curve', '--for-ever', '--scope', `team:${team}`).code], [true, 0]);
  equal('keeps what that of all would remove', plan().recordings, 1);
  as(anna, 'team', 'leave', team);
  equal('as long as she is in it', plan().plan, unsafe.plan);
  equal('a backup', backup().code, 0);

  equal('a hold', ask('retention', 'hold', '--scope', `athlete:${benId}`, '--reason', 'a dispute about doping').code, 0);
  equal('one without a reason is none', ask('retention', 'hold', '--scope', 'all').code, 2);
  const now = plan();
  check('what is held is left out and listed', now.recordings === 1 && now.held.recordings === 1 && now.holds[0].reason === 'a dispute about doping', now);
  check('bytes of both sides', now.streams.sample.ledger_bytes > 0 && now.streams.sample.clickhouse_bytes > 0 &&
    now.streams.sample.records === annas.records.sample && now.clickhouse_bytes > 0, now);
  const { prices, measured } = JSON.parse(fs.readFileSync(path.join(process.env.BOATHOUSE_SOURCE_DIR ?? '.', 'deploy/prices.json')));
  equal('rows of four years ago lie in S3 on AWS', now.clickhouse_cold_bytes, now.clickhouse_bytes);
  const usd = (now.clickhouse_cold_bytes * 2 * prices.s3.usd + (now.clickhouse_bytes - now.clickhouse_cold_bytes) * 2 * prices.gp3.usd + now.ledger_bytes * measured.ledgerOverhead.factor * prices['rds-gp3'].usd) / 1e9;
  check('money, by the prices of deploy/prices.json', Math.abs(now.usd_a_month - usd) <= 0.00006, [now.usd_a_month, usd]);
  check('that a disk stays as large as it is', /do not become smaller by themselves/.test(ask('retention', 'plan').out));
  check('as text too', /^plan ret_[0-9a-f]{16}: 1 recordings lose$/m.test(ask('retention', 'plan').out), ask('retention', 'plan').out);
  equal('another plan than the one that was shown is refused', ask('retention', 'apply', '--plan', unsafe.plan).code, 1);

  // ---- applied, and the service is killed ----
  const kept = await server.getJson(`/v1/sessions/${annas.id}/strokes`, anna.key);
  equal('applied', ask('retention', 'apply', '--plan', now.plan).code, 0);
  await server.stop('SIGKILL');
  await server.start();
  const streamOf = (reconciled, name) => reconciled.json.streams.find((one) => one.stream === name);
  await until('the removal is carried out', () => {
    const shown = JSON.parse(ask('retention', 'show', '--json').out);
    return shown.streams_to_remove === 0 && shown.removals_to_erase === 0;
  });
  const after = server.reconcile(server.operatorKey);
  const samples = streamOf(after, 'sample');
  check('it is gone, not lost, and ledger and ClickHouse are equal', after.code === 0 && after.json.differences.length === 0 &&
    samples.removed === annas.records.sample && samples.ledger === bens.records.sample && samples.clickhouse === samples.ledger, after);
  const thinned = (await server.getJson(`/v1/sessions/${annas.id}`, anna.key)).json;
  equal('what is gone is marked', [thinned.removed_streams, thinned.records.sample, thinned.records.force_curve, thinned.data_quality.missing_records],
    [['sample', 'force_curve'], 0, 0, 0]);
  const figures = ({ records, removed_streams: removed, ...rest }) => rest;
  equal('every figure stays as it was', figures(thinned), figures(annas));
  equal('strokes stay', (await server.getJson(`/v1/sessions/${annas.id}/strokes`, anna.key)).json, kept.json);
  equal('who is held keeps all', (await server.getJson(`/v1/sessions/${bens.id}`, ben.key)).json, bens);
  const rec = annas.id.slice('ses_'.length);
  const chunk = await server.get(`/v1/recordings/${rec}/sample/0-${annas.records.sample}`, anna.key, { 'Boathouse-Replica': rec });
  const why = await chunk.json();
  check('a chunk says that and why it is gone', chunk.status === 410 && /retention policy/.test(why.detail), why);

  // ---- the device ----
  const before = runJson(['device', 'verify', '--json', '--data', anna.device]).json;
  const synced = anna.sync();
  equal('the device sends nothing again and is content',
    [synced.code, synced.json.state, synced.json.sent_items, synced.json.refused_items], [0, 'up_to_date', 0, 0]);
  const shown = runJson(['device', 'sessions', '--json', '--data', anna.device]).json;
  const [mine] = Array.isArray(shown) ? shown : shown.sessions;
  check('it says what is gone there, and keeps its own', mine.removed_from_cloud > 0 && mine.away_items === 0 && mine.refused_items === 0, mine);
  run(['device', 'storage', '--data', anna.device, '--free', '1GB']);
  equal('for good', runJson(['device', 'verify', '--json', '--data', anna.device]).json.records, before.records);

  // ---- the erasure of Ben ----
  const erase = (...words) => ask('athlete', 'erase', benId, ...words);
  equal('not without --yes', erase().code, 2);
  const held = erase('--yes');
  check('not under a hold', held.code === 1 && /retention release/.test(held.err), held);
  equal('the hold ends', ask('retention', 'release', '--scope', `athlete:${benId}`).code, 0);
  equal('erased', erase('--yes').code, 0);
  equal('his key is good for nothing, at once', (await server.get('/v1/sessions', ben.key)).status, 403);
  equal('again changes nothing', erase('--yes').code, 0);
  await until('his sessions are in no list', () => server.reconcile(server.operatorKey).json?.sessions === 1);
  equal('taken back', ask('athlete', 'restore', benId).code, 0);
  await until('he is back', async () => JSON.stringify(await server.sessions(ben.key)) === JSON.stringify([bens]));

  equal('erased again', erase('--yes').code, 0);
  const hidden = JSON.parse(erase('--proof', '--json').out);
  check('the proof says what is left until then', hidden.state === 'hidden' && !hidden.nothing_left && hidden.tables['ledger.recording'] === 1 &&
    hidden.tables['accounts.athlete'] === 1, hidden);
  await server.stop();
  sqlite(path.join(server.folder, 'ledger.db'), 'UPDATE erasure SET due_ms = 0');
  sqlite(path.join(server.folder, 'jobs.db'), "UPDATE job SET due_ms = 0 WHERE kind = 'athlete.erase'");
  await server.start();
  let proof;
  await until('30 days later nothing is left in any table', () => {
    proof = erase('--proof', '--json');
    return proof.code === 0;
  });
  const found = JSON.parse(proof.out);
  check('each table was counted', found.state === 'erased' && Object.values(found.tables).every((rows) => rows === 0) &&
    ['ledger.chunk_body', 'clickhouse.sample', 'clickhouse.session', 'accounts.api_key', 'webhooks.delivery'].every((name) => name in found.tables), found);
  check('the backups that have him still are named', found.backups.length >= 1 && found.backups.every((name) => name.startsWith('backup-')), found);
  equal('his key is unknown', (await server.get('/v1/sessions', ben.key)).status, 401);
  check('it is too late to take it back', /too late|not there|no athlete|begun/.test(ask('athlete', 'restore', benId).err));
  const stopped = run(['device', 'sync', '--data', ben.device, '--server', server.url, '--key', ben.key]);
  check('his device is refused and keeps what it has', stopped.code !== 0 &&
    runJson(['device', 'verify', '--json', '--data', ben.device]).json.problems === 0, stopped);
  const records = ask('audit', 'show', '--json', '--athlete', benId).out.trim().split('\n').map((line) => JSON.parse(line).kind);
  check('the audit tells of it, by ids', ['erasure.ask', 'erasure.restore', 'erasure.begin', 'erasure.done'].every((kind) => records.includes(kind)), records);
  equal('and is whole', ask('audit', 'verify').code, 0);
  const last = server.reconcile(server.operatorKey);
  equal('ledger and ClickHouse are equal', [last.code, last.json?.differences, last.json?.recordings], [0, [], 1]);

  // The next backup leans on nothing of before; the old ones go with time.
  equal('the next backup', run(['backup', 'create', '--data', server.folder, '--to', backups]).code, 0);
  const newest = fs.readdirSync(backups).filter((name) => name.startsWith('backup-')).sort().at(-1);
  check('has nothing of him', !JSON.parse(erase('--proof', '--json').out).backups.includes(newest));

  // Copies that no folder shows: in S3 until the bucket's lifecycle removes them, and backups that others make. Never "none".
  const erased = Date.parse(found.erased_at);
  const days = (n) => new Date(erased + n * 86_400_000).toISOString();
  fs.writeFileSync(path.join(backups, 'clickhouse-in-s3.json'), JSON.stringify([{ place: 'https://bucket/clickhouse/a-full', made_ms: erased }, { place: 'https://bucket/clickhouse/b-full', made_ms: erased + 1 }]));
  const proofWith = async (...extra) => {
    await server.stop();
    server.extra = extra;
    await server.start();
    await until('ClickHouse can be counted', () => erase('--proof').code === 0);
    return { json: JSON.parse(erase('--proof', '--json').out), text: erase('--proof').out };
  };
  const inS3 = await proofWith('--backup-to', backups, '--backup-every', '31d', '--clickhouse-backup-days', '400');
  equal('a copy in S3 is named with its day', [inS3.json.clickhouse_copies, inS3.text.includes(`copy https://bucket/clickhouse/a-full, until its bucket removes it: ${days(400)}`)],
    [[{ place: 'https://bucket/clickhouse/a-full', until: days(400) }], true]);
  const forEver = await proofWith('--backup-to', backups, '--backup-every', '31d');
  check('and for ever when nobody has said which', forEver.json.clickhouse_copies[0].until === null && forEver.text.includes('a-full, until its bucket removes it: nobody has said'), forEver);
  const elsewhere = await proofWith('--backups-elsewhere-days', '47');
  equal('what others keep is said', [elsewhere.json.backups, elsewhere.json.backups_elsewhere, /others make and keep for 47 days at most: gone by (\S+)/.exec(elsewhere.text)?.[1], elsewhere.text.includes('makes none')],
    [null, { kept_days: 47, until: days(47) }, days(47), false]);
  check('else that this server was told of none', (await proofWith()).text.includes('was not told of others'));
});
