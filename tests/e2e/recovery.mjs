// Backups of ledger and ClickHouse as a pair: what a restore takes with ClickHouse's part and without, a moment between two backups,
// the part in an object store, and what the doctor says on the way. The drill (drill.mjs) has the devices.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Server, atEnd, check, engineBinary, equal, main, run, runAsync, runJson, temporaryFolder } from './boathouse.mjs';
import { objectStore } from '../deploy/object_store.mjs';

const since = (from) => ((performance.now() - from) / 1000).toFixed(1);
const megabytes = (bytes) => (bytes / 1e6).toFixed(1);

// A crew rows into the server, as fast as it takes it.
function row(server, ergs, seed) {
  const done = run(['simulate', '--ergs', String(ergs), '--hz', '10', '--minutes', '5', '--speed', '0', '--seed', String(seed), '--server', server.url, '--key', server.operatorKey]);
  if (done.code !== 0) throw new Error(`simulate: ${done.err}`);
}

// Of the server's own finding: [result, text].
function doctor(data, ...more) {
  const said = runJson(['doctor', '--data', data, '--json', ...more]);
  return { code: said.code, of: (name) => said.json.checks.find((one) => one.check === name) };
}

// While the object store in here answers.
async function runJsonBeside(...args) {
  const done = await runAsync([...args, '--json']);
  if (!done.out.startsWith('{')) throw new Error(`${args.join(' ')}: ${done.code} ${done.err}`);
  return { code: done.code, json: JSON.parse(done.out) };
}

// The commands of docs/operations/backup.md, against the object store in here. Debian's program.
async function aws(store, ...args) {
  const child = spawn('aws', ['--endpoint-url', store.url, '--no-progress', ...args], { env: { ...process.env, AWS_ACCESS_KEY_ID: 'k', AWS_SECRET_ACCESS_KEY: 's', AWS_DEFAULT_REGION: 'eu-central-1', AWS_EC2_METADATA_DISABLED: 'true' } });
  const said = { out: '', err: '' };
  child.stdout.on('data', (text) => { said.out += text; });
  child.stderr.on('data', (text) => { said.err += text; });
  return new Promise((resolve) => { child.on('close', (code) => resolve({ code, ...said })); });
}

// boathouse-engine as a ClickHouse that is not the server's own.
async function engine(folder) {
  const child = spawn(engineBinary, ['--path', folder, '--listen', '127.0.0.1:0'], { env: { ...process.env, AWS_ACCESS_KEY_ID: 'k', AWS_SECRET_ACCESS_KEY: 's', AWS_EC2_METADATA_DISABLED: 'true' } });
  const ended = new Promise((resolve) => { child.on('exit', resolve); });
  atEnd(async () => { child.kill(); await ended; });
  child.stderr.resume();
  return new Promise((resolve, reject) => {
    child.stdout.on('data', (line) => resolve(/http:\S+/.exec(String(line))[0]));
    ended.then(() => reject(new Error('the engine ended')));
  });
}

await main(async () => {
  const folder = temporaryFolder();
  const data = path.join(folder, 'cloud');
  const backups = path.join(folder, 'backups');
  const withEngine = ['--engine', engineBinary];
  const create = (...more) => runJson(['backup', 'create', '--data', data, '--to', backups, '--json', ...withEngine, ...more]).json;

  let server = await new Server(data).start();
  row(server, 6, 1);
  equal('a crew has rowed', server.reconcile(server.operatorKey).code, 0);
  const full = create();
  equal('the first backup has a full copy of ClickHouse', [full.clickhouse.files.length, full.clickhouse_trouble], [1, '']);
  row(server, 1, 2);
  server.reconcile(server.operatorKey);
  const moment = new Date().toISOString();
  const atMoment = server.reconcile(server.operatorKey).json;
  const increment = create();
  equal('the next one an increment', increment.clickhouse.files.map((name) => /full|increment/.exec(name)[0]), ['full', 'increment']);
  check('which is smaller', increment.clickhouse.bytes - full.clickhouse.bytes < full.clickhouse.bytes / 2, [full.clickhouse, increment.clickhouse]);

  // Rows beyond the last backup's ledger, in ClickHouse of the next one: a later ledger is not restored with them.
  row(server, 1, 3);
  const before = server.reconcile(server.operatorKey).json;
  create();
  const healthy = doctor(data, '--server', server.url, '--backup-to', backups);
  for (const name of ['server', 'engine', 'ledger', 'loader', 'counts', 'backup', 'backup folder', 'permissions', 'jobs', 'webhooks', 'schema of ledger']) {
    equal(`doctor: ${name} is well`, healthy.of(name)?.result, 'ok');
  }
  const costs = runJson(['cost', '--data', data, '--backup-to', backups, '--json', ...withEngine]).json;
  const samples = costs.measured.ledger.sample;
  check('cost: the box is measured', samples.records > 10000 && costs.measured.used.includes('clickhouse: sample') && costs.measured.used.includes('ledger: sample') && costs.measured.backupBytes > 0, costs.measured);
  check('cost: and reckoned with', Math.abs(costs.months[0].bytesOfAnHour.ledger.sample - (7200 * samples.bytes) / samples.records) < 1e-6, costs.months[0]);
  equal('cost: five years', costs.months.map((one) => one.years), [1, 2, 3, 4, 5]);
  await server.stop();
  const stopped = doctor(data, '--server', server.url);
  equal('doctor: a server that is gone is a failure', [stopped.code, stopped.of('server').result, stopped.of('engine').result], [1, 'fail', 'skipped']);

  // Both ways back, onto machines with nothing on them.
  const recover = async (name, ...more) => {
    const began = performance.now();
    const to = path.join(folder, name);
    const done = runJson(['restore', '--from', backups, '--data', to, '--json', ...withEngine, ...more]);
    const restored = since(began);
    const fresh = await new Server(to).start();
    const serving = since(began);
    const counted = fresh.reconcile(fresh.operatorKey);
    return { ...done, fresh, counted, line: `restored after ${restored} s, serving after ${serving} s, everything in ClickHouse after ${since(began)} s` };
  };
  const pair = await recover('pair');
  equal('restore of the pair', [pair.code, pair.json.clickhouse, pair.json.clickhouse_trouble], [0, true, '']);
  equal('it has nothing left to load', pair.json.chunks_to_load, 0);
  equal('ledger and ClickHouse count the same, as before', [pair.counted.code, pair.counted.json.streams], [0, before.streams]);
  await pair.fresh.stop();
  const alone = await recover('alone', '--without-clickhouse');
  equal('restore without ClickHouse loads everything', [alone.code, alone.json.clickhouse, alone.json.chunks_to_load], [0, false, alone.json.chunks]);
  equal('and counts the same', [alone.counted.code, alone.counted.json.streams], [0, before.streams]);
  await alone.fresh.stop();
  const records = before.streams.reduce((all, one) => all + one.ledger, 0);
  console.log(`# ${records} records, ${pair.json.chunks} chunks; ClickHouse's part ${megabytes(increment.clickhouse.bytes)} MB`);
  console.log(`# RTO with ClickHouse's part: ${pair.line}`);
  console.log(`# RTO without: ${alone.line}`);

  // A moment between two backups.
  const then = await recover('then', '--at', moment);
  equal('--at: as it was then', [then.code, then.counted.code, then.counted.json.streams], [0, 0, atMoment.streams]);
  await then.fresh.stop();
  const bySeq = runJson(['restore', '--from', backups, '--data', path.join(folder, 'by-seq'), '--json', ...withEngine, '--seq', String(then.json.last_seq)]);
  equal('--seq: the same', [bySeq.code, bySeq.json.chunks, bySeq.json.chunks_to_load], [0, then.json.chunks, then.json.chunks_to_load]);
  for (const [what, args, code] of [['the future', ['--at', '2999-01-01T00:00:00Z'], 1], ['a time without a zone', ['--at', '2026-01-01T00:00:00'], 2], ['both', ['--at', moment, '--seq', '1'], 2]]) {
    const to = path.join(folder, 'never');
    equal(`restore to ${what} is refused`, [run(['restore', '--from', backups, '--data', to, ...args]).code, fs.existsSync(to)], [code, false]);
  }

  // Damage.
  const part = path.join(backups, 'clickhouse', increment.clickhouse.files[0]);
  const bytes = fs.readFileSync(part);
  bytes[bytes.length >> 1] ^= 1;
  fs.writeFileSync(part, bytes);
  const verified = runJson(['backup', 'verify', '--from', backups, '--json']);
  equal('verify finds the damage in ClickHouse\'s part alone', [verified.code, verified.json.differences, verified.json.clickhouse_differences.map((one) => one.file)], [1, [], [path.basename(part)]]);
  const healed = await recover('healed');
  check('restore names it, and loads from the ledger', healed.code === 0 && !healed.json.clickhouse && healed.json.clickhouse_trouble.includes(path.basename(part)), healed.json);
  equal('nothing is missing', [healed.counted.code, healed.counted.json.streams], [0, before.streams]);
  await healed.fresh.stop();
  server = await new Server(data).start();
  equal('and the server that lives counts as before', server.reconcile(server.operatorKey).json.streams, before.streams);
  equal('the next backup leans on it no more', create().clickhouse.files.length, 1);

  // Old ones: first what would go, then gone.
  const list = () => run(['backup', 'list', '--to', backups, '--json']).out.split('\n').filter(Boolean);
  const keep = ['--to', backups, '--keep-daily', '1', '--keep-weekly', '1', '--keep-monthly', '1', '--json'];
  // One more when an increment was tried first: its verification finds the damage, and a full one follows.
  const all = list().length;
  const plan = runJson(['backup', 'prune', ...keep]).json;
  check('prune says what it would remove', !plan.applied && plan.bytes > bytes.length && plan.paths.includes(path.basename(part)), plan);
  check('and has removed nothing', all >= 4 && list().length === all, [all, list().length]);
  const pruned = runJson(['backup', 'prune', ...keep, '--apply']).json;
  equal('prune --apply removes just that', [pruned.applied, pruned.bytes, pruned.paths], [true, plan.bytes, plan.paths]);
  equal('one stays, and is whole', [list().length, run(['backup', 'verify', '--from', backups]).code, fs.existsSync(part)], [1, 0, false]);
  await server.stop();

  // A ClickHouse server writes its part into an object store.
  const store = await objectStore();
  atEnd(store.close);
  const clickhouse = await engine(path.join(folder, 'clickhouse-1'));
  const far = path.join(folder, 'far');
  server = await new Server(far, { extra: ['--clickhouse', clickhouse] }).start();
  row(server, 1, 4);
  const farCounts = server.reconcile(server.operatorKey);
  const s3 = ['--clickhouse', clickhouse, '--clickhouse-backup-to', `${store.url}/bucket/clickhouse`];
  const toS3 = async () => (await runJsonBeside('backup', 'create', '--data', far, '--to', path.join(folder, 'far-backups'), ...s3)).json;
  equal('a full one in the object store', [(await toS3()).clickhouse?.files.length, [...store.objects.keys()].some((key) => key.startsWith('/bucket/clickhouse/clickhouse-'))], [1, true]);
  const second = await toS3();
  equal('and an increment, looked at there', [second.clickhouse?.files.length, second.clickhouse_not_looked_at, second.clickhouse_trouble], [2, '', '']);

  // S3 is asked for every object of the full one and of the increment, or the word is that nobody asked.
  const listed = () => JSON.parse(run(['backup', 'list', '--to', path.join(folder, 'far-backups'), '--json']).out.split('\n')[0]);
  const verify = async (...more) => {
    const { code, json } = await runJsonBeside('backup', 'verify', '--from', path.join(folder, 'far-backups'), ...more);
    return [code, json.differences.length, json.clickhouse_differences.map((one) => one.file), json.clickhouse_not_looked_at !== '', listed().verified !== null, listed().clickhouse_verified];
  };
  const [whole, added] = second.clickhouse.files;
  equal('its part is as it was written', [listed().clickhouse_verified, await verify('--clickhouse', clickhouse)], [true, [0, 0, [], false, true, true]]);
  equal('without a server to ask nobody says so', await verify(), [1, 0, [], true, true, false]);
  check('and the list neither', run(['backup', 'list', '--to', path.join(folder, 'far-backups')]).out.split('\n')[0].endsWith("(ClickHouse's part not)"));
  equal('unless that part is left', await verify('--without-clickhouse'), [0, 0, [], true, true, false]);
  const objects = (name) => [...store.objects.keys()].filter((key) => key.startsWith(`/bucket/clickhouse/${name}/`));
  const spoiled = async (name, spoil) => {
    const key = objects(name).find((one) => one.endsWith('.bin') || one.endsWith('.backup'));
    const kept = store.objects.get(key);
    spoil(key, kept);
    const said = await verify('--clickhouse', clickhouse);
    store.objects.set(key, kept);
    return said;
  };
  for (const name of [whole, added]) {
    equal(`an object of ${name === whole ? 'the full one' : 'the increment'} is gone`, await spoiled(name, (key) => store.objects.delete(key)), [1, 0, [name], false, true, false]);
    equal('or has other bytes of the same length', await spoiled(name, (key, kept) => store.objects.set(key, Buffer.alloc(kept.length, 7))), [1, 0, [name], false, true, false]);
  }
  store.refuses = true;
  equal('S3 refuses: nobody has looked', await verify('--clickhouse', clickhouse), [1, 0, [], true, true, false]);
  store.refuses = false;
  const lost = new Map(objects(whole).map((key) => [key, store.objects.get(key)]));
  for (const key of lost.keys()) store.objects.delete(key);
  equal('a full one that is gone bears no increment', (await toS3()).clickhouse?.files.length, 1);
  for (const [key, object] of lost) store.objects.set(key, object);
  await server.stop();

  // The ledger's part goes there too, and all of it comes from there: the folder is lost with the machine.
  const backupsFar = path.join(folder, 'far-backups');
  const stored = () => [...store.objects.keys()].filter((key) => key.startsWith('/bucket/backups/'));
  const upload = () => aws(store, 's3', 'sync', backupsFar, 's3://bucket/backups', '--exclude', '.*', '--exclude', 'lock');
  const sent = await upload();
  check('copied into the object store', sent.code === 0 && stored().length > 0, sent);
  equal('a copy of the copy sends nothing', [(await upload()).out.includes('upload:'), sent.out.includes('upload:')], [false, true]);
  fs.rmSync(backupsFar, { recursive: true });
  fs.rmSync(far, { recursive: true });
  const fetched = await aws(store, 's3', 'sync', 's3://bucket/backups', backupsFar);
  equal('and fetched from there', [fetched.code, await verify('--clickhouse', clickhouse)], [0, [0, 0, [], false, true, true]]);

  const other = await engine(path.join(folder, 'clickhouse-2'));
  const near = path.join(folder, 'near');
  const back = await runJsonBeside('restore', '--from', path.join(folder, 'far-backups'), '--data', near, '--clickhouse', other);
  equal('restored into another ClickHouse server', [back.code, back.json.clickhouse, back.json.clickhouse_trouble, back.json.chunks_to_load], [0, true, '', 0]);
  server = await new Server(near, { extra: ['--clickhouse', other] }).start();
  const nearCounts = server.reconcile(server.operatorKey);
  equal('it counts the same', [nearCounts.code, nearCounts.json.streams], [0, farCounts.json.streams]);
  await server.stop();
  const onto = await runJsonBeside('restore', '--from', path.join(folder, 'far-backups'), '--data', path.join(folder, 'near-2'), '--clickhouse', other);
  check('a ClickHouse with data is not touched', onto.code === 0 && !onto.json.clickhouse && onto.json.clickhouse_trouble.includes('restore onto data'), onto.json);
  store.refuses = true;
  const refused = await runJsonBeside('backup', 'create', '--data', near, '--to', path.join(folder, 'refused'), '--clickhouse', other, '--clickhouse-backup-to', `${store.url}/bucket/clickhouse`);
  check('an object store that refuses costs only ClickHouse\'s part', refused.code === 0 && refused.json.clickhouse === null && refused.json.clickhouse_trouble !== '', refused.json);
});
