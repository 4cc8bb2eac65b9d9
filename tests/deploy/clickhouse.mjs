// ClickHouse's part of deploy/, with an object store on loopback in the place of S3: server.xml and drill.xml are loaded, old years move to the store,
// backups are made and restored. By the library that the engine is made of, for its own server (rights_test.sh) makes no backups. What needs a
// second replica or a Keeper is not seen here.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import readline from 'node:readline';
import { atEnd, check, equal, main, program, run, temporaryFolder } from '../e2e/boathouse.mjs';
import { environment as ofANode } from './clickhouse_server.mjs';
import { objectStore } from './object_store.mjs';
import { codeOf, forClickHouse, section } from './operators_pages.mjs';

const source = process.env.BOATHOUSE_SOURCE_DIR;
const deploy = path.join(source, 'deploy');
const usersXml = fs.readFileSync(path.join(deploy, 'clickhouse/users.xml'), 'utf8');

// A ClickHouse with deploy/clickhouse/*.xml in `folder`, and how to ask it. The library logs in as `default`, whom a server of ours does not have.
function embedded(folder, endpoint) {
  const place = (text) => text.replaceAll('/var/lib/clickhouse', `${folder}/db`).replaceAll('/etc/clickhouse-server', folder);
  fs.mkdirSync(path.join(folder, 'db'), { recursive: true });
  fs.writeFileSync(path.join(folder, 'users.xml'), usersXml.replace('<users>',
    `<users><default><password/><quota>default</quota><profile>default</profile><networks><ip>::/0</ip></networks><access_management>1</access_management></default>`));
  const config = path.join(folder, 'config.xml');
  fs.writeFileSync(config, place(fs.readFileSync(path.join(deploy, 'clickhouse/server.xml'), 'utf8')));
  const environment = { ...ofANode, BOATHOUSE_HOST: 'clickhouse-1.boathouse.internal', BOATHOUSE_COLD_ENDPOINT: endpoint };
  return { ...load(path.join(folder, 'db'), config, environment), environment };
}

// The embedded ClickHouse with a configuration and its tables in a folder.
function load(tables, config, environment) {
  const library = path.join(source, 'node_modules/@chdb/lib-linux-x64-gnu/libchdb.so');
  const child = spawn('python3', [path.join(source, 'tests/deploy/load_xml.py'), library, tables, config], { env: environment });
  let log = '';
  child.stdin.on('error', () => {});  // it ended; that is said below
  child.stderr.on('data', (piece) => { log = (log + piece).slice(-4000); });
  const waiting = [];
  readline.createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.(JSON.parse(line)));
  const ended = new Promise((resolve) => child.on('exit', () => {
    for (const answer of waiting.splice(0)) answer({ error: `the process ended: ${log}` });
    resolve();
  }));
  const close = async () => { child.stdin.end(); await ended; };
  atEnd(close);
  const ask = (statement) => new Promise((resolve) => {
    waiting.push(resolve);
    child.stdin.write(`${statement.replaceAll('\n', ' ')}\n`, () => {});
  });
  return { ask, close };
}

// What a runbook says, with the bucket and the backup of this test.
const named = (statement, endpoint, backup) => statement.replace('https://BUCKET.s3.REGION.amazonaws.com', endpoint).replace('/NAME\'', `/${backup}'`);

// The drill's server takes a restore, and asks none of the live Keepers, where its tables would join the live ones. A library has no Keeper in it, so what is
// restored here are tables that are not replicated.
async function checkDrill(folder, endpoint, backup, environment) {
  fs.mkdirSync(path.join(folder, 'tables'), { recursive: true });
  const xml = fs.readFileSync(path.join(deploy, 'clickhouse/drill.xml'), 'utf8');
  equal('drill.xml: its Keeper is its own, and it knows no other host', [[...xml.matchAll(/<host(?:name)?>([^<]*)</g)].map(([, host]) => host), /boathouse\.internal/.test(xml), [...xml.matchAll(/<(?:tcp_)?port>(19181)</g)].length], [['127.0.0.1', '127.0.0.1'], false, 2]);
  equal('drill.xml: nothing of it lies where a replica\'s does', xml.match(/\/var\/lib\/clickhouse/g), null);
  const open = /allow\(this\.monitor, this\.clickhouse, (\d+), 'Drill/.exec(fs.readFileSync(path.join(deploy, 'aws/lib/network.ts'), 'utf8'))[1];
  check('drill.xml: the monitor node reaches it', xml.includes(`<https_port>${open}</https_port>`));
  const config = path.join(folder, 'drill.xml');
  fs.writeFileSync(config, xml.replaceAll('/mnt/drill', path.join(folder, 'tables')).replace('/etc/clickhouse-server', folder)
    .replace('<users>', '<users><default><password/><quota>default</quota><profile>default</profile><networks><ip>::/0</ip></networks><access_management>1</access_management></default>'));
  const { ask, close } = load(path.join(folder, 'tables'), config, { ...environment, BOATHOUSE_DRILL_PASSWORD: 'once' });
  equal('drill.xml: with the machine\'s own rights in S3', await ask("SELECT value FROM system.settings WHERE name = 's3_allow_server_credentials_in_user_queries'"), { result: '1' });
  equal('drill.xml: who may ask it', await ask("SELECT name FROM system.users WHERE name != 'default'"), { result: 'drill' });
  const [, statement] = /(RESTORE DATABASE default FROM S3\('https:\/\/BUCKET[^"`]*)/.exec(section('operations/runbooks.md', 'DrillTooOld'));
  const restored = await ask(named(statement, endpoint, backup));
  equal('drill.xml: the runbook\'s statement restores a backup into it', [restored.error, await ask('SELECT count(), sum(seq) FROM sample FINAL')], [undefined, { result: `5000\t${5 * 999 * 500}` }]);
  await close();
}

// The same as an operator would have it, and a program that stands for boathouse-clickhouse-query.
async function clickhouse(folder, store) {
  const { ask, environment } = embedded(folder, `${store.url}/cold/replica-1/`);
  const door = http.createServer((request, reply) => {
    const pieces = [];
    request.on('data', (piece) => pieces.push(piece));
    request.on('end', async () => {
      let statement = Buffer.concat(pieces).toString();
      for (const [name, value] of new URL(request.url, 'http://x').searchParams) statement = statement.replaceAll(`{${name}:UInt16}`, value);
      const { result, error } = await ask(statement);
      reply.writeHead(error ? 500 : 200);
      reply.end(error ?? (result === '' ? '' : `${result}\n`));
    });
  });
  await new Promise((resolve) => { door.listen(0, '127.0.0.1', resolve); });
  atEnd(() => new Promise((resolve) => { door.closeAllConnections(); door.close(resolve); }));
  const query = program(path.join(folder, 'query'), `#!/bin/sh
parameters=
for one in "$@"; do parameters="$parameters&\${one#--param_}"; done
exec curl -s --fail-with-body --data-binary @- "http://127.0.0.1:${door.address().port}/?$parameters"
`);
  return { ask, query, environment };
}

await main(async () => {
  const folder = temporaryFolder();
  // The backups' bucket deletes what the stack's policy allows the replicas to delete, and no more.
  const deletable = [...fs.readFileSync(path.join(deploy, 'aws/lib/cluster.ts'), 'utf8').matchAll(/\['s3:DeleteObject'\], resources: \[safe\.backups\.arnForObjects\('([^']+)'\)/g)].map(([, pattern]) =>
    new RegExp(`^/backups/${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`));
  const store = await objectStore({ mayDelete: (key) => !key.startsWith('/backups/') || deletable.some((pattern) => pattern.test(key)) });
  atEnd(store.close);
  const { ask, query, environment } = await clickhouse(folder, store);
  const rows = async (statement) => {
    const { result, error } = await ask(statement);
    if (error) throw new Error(`${statement}: ${error}`);
    return result.split('\n').filter((line) => line !== '').map((line) => line.split('\t'));
  };

  equal('server.xml: hot on this disk, cold behind a cache', await rows("SELECT volume_name, disks, move_factor FROM system.storage_policies WHERE policy_name = 'tiered' ORDER BY volume_priority"),
    [['hot', "['default']", '0.1'], ['cold', "['cold']", '0.1']]);
  equal('server.xml: tables are durable, a token is known for 30 days', Object.fromEntries(await rows(`SELECT name, value FROM system.merge_tree_settings WHERE name IN
    ('storage_policy', 'replicated_deduplication_window', 'replicated_deduplication_window_seconds', 'fsync_after_insert', 'fsync_part_directory', 'parts_to_throw_insert')`)),
  { fsync_after_insert: '1', fsync_part_directory: '1', parts_to_throw_insert: '3000', replicated_deduplication_window: '100000',
    replicated_deduplication_window_seconds: '2592000', storage_policy: 'tiered' });
  equal('server.xml: one shard of two replicas over TLS', await rows("SELECT shard_num, replica_num, host_name, port FROM system.clusters WHERE cluster = 'boathouse' ORDER BY replica_num"),
    [['1', '1', 'clickhouse-1.boathouse.internal', '9440'], ['1', '2', 'clickhouse-2.boathouse.internal', '9440']]);
  equal('server.xml: a restore may empty a table of any size', await rows("SELECT name, value FROM system.server_settings WHERE name LIKE '%_size_to_drop' ORDER BY name"),
    [['max_partition_size_to_drop', '0'], ['max_table_size_to_drop', '0']]);
  equal('server.xml: this replica goes by its name', Object.fromEntries(await rows('SELECT macro, substitution FROM system.macros')),
    { replica: 'clickhouse-1.boathouse.internal', shard: '1' });
  // The tables as the service makes them, on this one server: two years of a recording.
  for (const statement of run(['schema']).out.trimEnd().split(';\n')) await rows(statement.replace(/;$/, '').replace('default.', ''));
  const insert = (year) => rows(`INSERT INTO sample (athlete, started, rec_id, seq, ver) SELECT toUUID('00000000-0000-7000-8000-000000000001'), toDateTime64('${year}-05-01 10:00:00', 3, 'UTC'), toUUID('00000000-0000-7000-8000-00000000${year}'), number, 1 FROM numbers(1000)`);
  for (const year of [2023, 2024, 2025, 2026]) await insert(year);
  const places = () => rows("SELECT partition, disk_name, sum(rows) FROM system.parts WHERE active AND table = 'sample' GROUP BY ALL ORDER BY 1");
  equal('new parts lie on this disk', await places(), [2023, 2024, 2025, 2026].map((year) => [String(year), 'default', '1000']));

  const script = (name, env) => new Promise((resolve) => {
    const child = spawn(path.join(deploy, 'clickhouse', name), [], { env: { ...environment, BOATHOUSE_QUERY: query, ...env, PATH: `${folder}:${process.env.PATH}` } });
    let text = '';
    child.stdout.on('data', (piece) => { text += piece; });
    child.stderr.on('data', (piece) => { text += piece; });
    child.on('close', (code) => resolve({ code, text }));
  });
  const moved = await script('move-cold', { BOATHOUSE_YEAR: '2026' });
  equal('move-cold moves the years before the last one', [moved.code, moved.text], [0, 'moving sample 2023 to S3\nmoving sample 2024 to S3\n']);
  equal('and only those', await places(), [['2023', 'cold', '1000'], ['2024', 'cold', '1000'], ['2025', 'default', '1000'], ['2026', 'default', '1000']]);
  check('they are in the object store', [...store.objects.keys()].some((key) => key.startsWith('/cold/replica-1/')), [...store.objects.keys()].slice(0, 3));
  equal('nothing is lost on the way', await rows('SELECT count(), sum(seq) FROM sample FINAL'), [['4000', String(4 * 999 * 500)]]);
  equal('again it has nothing to do', await script('move-cold', { BOATHOUSE_YEAR: '2026' }), { code: 0, text: '' });

  // Backups: a full one, an increment, both restored elsewhere.
  program(path.join(folder, 'boathouse-backup-done'), fs.readFileSync(path.join(deploy, 'cloud-init/backup-done'), 'utf8'));
  const texts = path.join(folder, 'texts');
  fs.mkdirSync(texts);
  const backup = (stamp, day) => script('backup', {
    BOATHOUSE_BACKUP_ENDPOINT: `${store.url}/backups`, BOATHOUSE_TEXTFILES: texts, BOATHOUSE_STATE: path.join(folder, 'last-full'),
    BOATHOUSE_STAMP: stamp, BOATHOUSE_DAY: day, BOATHOUSE_NOW: '1700000000',
  });
  const prom = path.join(texts, 'boathouse_backup_clickhouse.prom');
  const pair = (name) => JSON.parse(store.objects.get(`/backups/clickhouse/pairs/${name}.json`)?.toString() ?? 'null');
  const alone = await backup('20260531T023000Z', '7');
  equal('before the ledger has one it is named together with none', [alone.code, alone.text.includes('named together with none'), pair('20260531T023000Z-full')], [0, true, null]);
  for (const key of [...store.objects.keys()].filter((one) => one.startsWith('/backups/'))) store.objects.delete(key);
  fs.rmSync(path.join(folder, 'last-full'));
  store.objects.set('/backups/clickhouse/newest-ledger.json', Buffer.from('{"ledger":"ledger/2026-W23/complete/backup-a.json","last_seq":7}\n'));
  equal('the first backup is a full one, whatever the day', await backup('20260601T013000Z', '1'), { code: 0, text: '' });
  equal('one object names it together with the ledger\'s', pair('20260601T013000Z-full'), { ledger: 'ledger/2026-W23/complete/backup-a.json', clickhouse: ['clickhouse/20260601T013000Z-full'] });
  check('it says so to Prometheus', fs.readFileSync(prom, 'utf8').includes('{what="clickhouse"} 1700000000\n'));
  // The ledger's word cannot be read any more: what is made stays, but nobody is told that all is well.
  store.objects.delete('/backups/clickhouse/newest-ledger.json');
  fs.rmSync(prom);
  const unnamed = await backup('20260601T023000Z', '1');
  check('a later night without the ledger\'s word is not well done', unnamed.code === 1 && unnamed.text.includes('cannot be read') && !fs.existsSync(prom), unnamed);
  equal('and is in no pair', pair('20260601T023000Z-increment'), null);
  for (const key of [...store.objects.keys()].filter((one) => one.includes('20260601T023000Z'))) store.objects.delete(key);
  await insert(2022);
  store.objects.set('/backups/clickhouse/newest-ledger.json', Buffer.from('{"ledger":"ledger/2026-W23/complete/backup-b.json","last_seq":8}\n'));
  equal('the next day an increment on top of it', await backup('20260602T013000Z', '2'), { code: 0, text: '' });
  equal('with both that it needs', pair('20260602T013000Z-increment'), { ledger: 'ledger/2026-W23/complete/backup-b.json', clickhouse: ['clickhouse/20260601T013000Z-full', 'clickhouse/20260602T013000Z-increment'] });
  const names = new Set([...store.objects.keys()].filter((key) => /^\/backups\/clickhouse\/\d/.test(key)).map((key) => key.split('/').slice(2, 4).join('/')));
  equal('ClickHouse has asked to delete nothing but the locks of these', [deletable.length, store.refusedDeletes, [...store.objects.keys()].filter((key) => key.endsWith('/.lock'))], [1, [], []]);
  equal('both are there', [...names].sort(), ['clickhouse/20260601T013000Z-full', 'clickhouse/20260602T013000Z-increment']);
  await rows(`RESTORE DATABASE default AS drill FROM S3('${store.url}/backups/clickhouse/20260602T013000Z-increment') SETTINGS allow_different_database_def = true`);
  equal('the increment restores everything', await rows('SELECT count(), sum(seq) FROM drill.sample FINAL'), [['5000', String(5 * 999 * 500)]]);
  // "Restore ClickHouse", with the tables of before in the way.
  const [truncate, restore] = forClickHouse(codeOf(section('operations/runbooks.md', 'Restore ClickHouse')));
  const intoThis = () => ask(named(restore, `${store.url}/backups`, '20260602T013000Z-increment'));
  const inTheWay = await intoThis();
  check('rows that are there keep a restore from running', /CANNOT_RESTORE_TABLE/.test(inTheWay.error), inTheWay);
  const tables = (await rows("SELECT name FROM system.tables WHERE database = 'default' ORDER BY name")).flat();
  for (const table of tables) equal(`TRUNCATE TABLE ${table}`, await ask(truncate.replace(/\bsample\b/, table)), { result: '' });
  equal('nothing is left', await rows('SELECT count() FROM sample'), [['0']]);
  check('then it runs', (await intoThis()).error === undefined);
  equal('and everything is there', await rows('SELECT count(), sum(seq) FROM sample FINAL'), [['5000', String(5 * 999 * 500)]]);
  await checkDrill(path.join(folder, 'drill'), `${store.url}/backups`, '20260602T013000Z-increment', environment);
  fs.rmSync(prom);
  store.refuses = true;
  const failing = await backup('20260607T013000Z', '7');
  store.refuses = false;
  check('a backup that fails says nothing to Prometheus and ends with an error', failing.code !== 0 && !fs.existsSync(prom), failing);
  equal('and is in no pair', pair('20260607T013000Z-full'), null);
  equal('the last full one stays the base', fs.readFileSync(path.join(folder, 'last-full'), 'utf8'), '20260601T013000Z-full');
  equal('and is for a week', [(await backup('20260608T013000Z', '1')).code, fs.readFileSync(path.join(folder, 'last-full'), 'utf8')], [0, '20260601T013000Z-full']);
  equal('then the next night makes a full one, Sunday or not', [(await backup('20260609T013000Z', '2')).code, fs.readFileSync(path.join(folder, 'last-full'), 'utf8')], [0, '20260609T013000Z-full']);
});
