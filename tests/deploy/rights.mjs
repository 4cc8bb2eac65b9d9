// The users of deploy/clickhouse/users.xml on ClickHouse's own server: the service does all that it does with the rights that it has there, and may do no
// more; its reader reads; the operator alone has the machine's own rights in S3.
import fs from 'node:fs';
import path from 'node:path';
import { Server, check, equal, main, run, runAsync, temporaryFolder, until } from '../e2e/boathouse.mjs';
import { sqlite } from '../e2e/cloud.mjs';
import { ClickHouse, doorTo, passwords } from './clickhouse_server.mjs';

// A workout comes in, is asked for, counted, priced by retention, erased; then the operator loads it all again: by a service that has the
// rights of users.xml.
async function checkService(folder, clickhouse) {
  const { url, sent } = await doorTo(clickhouse);
  const passwordFile = path.join(folder, 'password');
  fs.writeFileSync(passwordFile, `${passwords.boathouse}\n`, { mode: 0o600 });
  const asService = ['--clickhouse', url, '--clickhouse-user', 'boathouse', '--clickhouse-password-file', passwordFile];
  const data = path.join(folder, 'cloud');
  const server = await new Server(data, { extra: [...asService, '--clickhouse-cluster', 'boathouse', '--clickhouse-read-user', 'boathouse-reader'] }).start();
  const ask = async (...words) => {
    const done = await runAsync([...words, '--server', server.url, '--key', server.operatorKey]);
    return done.code === 0 ? 0 : `${words.join(' ')}: ${done.err}`;
  };
  const key = (await runAsync(['key', 'create', '--athlete', 'Anna', '--server', server.url, '--key', server.operatorKey])).out.trim();
  const device = path.join(folder, 'device');
  run(['device', 'record', '--data', device], { input: run(['pm5', 'simulate', '--type', '2', '--minutes', '1']).out });
  const codes = [(await runAsync(['device', 'sync', '--data', device, '--server', server.url, '--key', key])).code, await ask('reconcile', '--wait', '60')];
  const [session] = await server.sessions(key);
  for (const target of ['', '/samples', '/strokes', '/export.csv']) codes.push((await server.get(`/v1/sessions/${session.id}${target}`, key)).status);
  codes.push((await server.get(`/v1/recordings/${session.id.replace('ses_', 'rec_')}/trail`, key)).status, await ask('retention', 'set', '--grain', 'sample', '--years', '1'));
  await server.stop();
  for (const [table, column] of [['recording', 'started_ms'], ['recording', 'received_ms'], ['seal', 'received_ms'], ['chunk', 'received_ms']]) {
    sqlite(path.join(data, 'ledger.db'), `UPDATE ${table} SET ${column} = ${column} - ${2 * 366 * 86_400_000}`);
  }
  await server.start();
  codes.push(await ask('retention', 'plan'), await ask('athlete', 'erase', session.athlete_id, '--yes'));
  await server.stop();
  sqlite(path.join(data, 'ledger.db'), 'UPDATE erasure SET due_ms = 0');
  sqlite(path.join(data, 'jobs.db'), "UPDATE job SET due_ms = 0 WHERE kind = 'athlete.erase'");
  await server.start();
  codes.push(await until('the erasure is proved', async () => (await ask('athlete', 'erase', session.athlete_id, '--proof')) === 0));
  await server.stop();
  codes.push((await runAsync(['reload', '--data', data, ...asService])).code);
  equal('rights: the service does what it does', codes, [0, 0, 200, 200, 200, 200, 200, 0, 0, 0, true, 0]);

  for (const [what, user, form] of [['tables', 'boathouse', /^CREATE TABLE/], ['inserts', 'boathouse', /^INSERT INTO sample/], ['session rows', 'boathouse', /^INSERT INTO session/],
    ['questions', 'boathouse-reader', /FROM sample/], ['deletions', 'boathouse', /^ALTER TABLE sample DELETE/], ['all replicas', 'boathouse', /clusterAllReplicas\(`boathouse`, currentDatabase\(\), session\)/],
    ['mutations', 'boathouse', /clusterAllReplicas\(`boathouse`, system\.mutations\)/], ['parts', 'boathouse', /FROM system\.parts/], ['parts of each shard', 'boathouse', /FROM cluster\(`boathouse`, system\.parts\)/]]) {
    check(`rights: ${what} are among what it sends`, sent.some((one) => one.user === user && form.test(one.sql)), [...new Set(sent.map((one) => `${one.user}: ${one.sql.slice(0, 100)}`))]);
  }
  const unsaid = sent.filter(({ sql, settings }) => sql.startsWith('INSERT') && settings.insert_quorum !== 'auto');
  equal('each insert says its quorum', unsaid.map(({ sql }) => sql), []);
  const refused = sent.filter(({ status }) => status !== 200);
  check('users.xml: the service may do all that it does', sent.length > 50 && refused.length === 0, [sent.length, refused]);
  for (const statement of ['CREATE USER other', "SELECT * FROM file('/etc/passwd', LineAsString)", "SELECT * FROM s3('http://127.0.0.1:1/bucket/x.csv')", 'CREATE DATABASE other',
    "INSERT INTO FUNCTION file('x.csv') SELECT 1"]) {
    const { error } = await clickhouse.ask(statement, 'boathouse');
    check(`and not ${statement}`, /ACCESS_DENIED/.test(error), error);
  }
}

// Who asks what athletes ask, of the tables that the service made: he reads, and that is all, for as long and as much as one question may.
async function checkReader(clickhouse) {
  const ask = (statement) => clickhouse.ask(statement, 'boathouse-reader');
  const select = 'SELECT count() FROM sample FINAL WHERE seq < 10';
  equal('users.xml: the reader reads, and may say how long it may take', [await ask(select), await ask(`${select} SETTINGS max_execution_time = 85, distributed_product_mode = 'local'`)],
    [{ result: '0' }, { result: '0' }]);
  for (const [statement, why] of [
    ["INSERT INTO sample (athlete, started, rec_id, seq, ver) SELECT generateUUIDv4(), now64(3), generateUUIDv4(), 1, 1", /READONLY|ACCESS_DENIED/],
    ['ALTER TABLE sample DELETE WHERE 1', /READONLY|ACCESS_DENIED/], ['TRUNCATE TABLE sample', /READONLY|ACCESS_DENIED/], ['DROP TABLE sample', /READONLY|ACCESS_DENIED/],
    ['CREATE TABLE other (n UInt8) ENGINE = Memory', /READONLY|ACCESS_DENIED/], ['SET readonly = 0', /READONLY/],
    ["SELECT * FROM file('/etc/passwd', LineAsString)", /READONLY|ACCESS_DENIED/], ['SELECT * FROM system.users', /ACCESS_DENIED/],
    [`${select} SETTINGS max_execution_time = 86`, /SETTING_CONSTRAINT_VIOLATION/], [`${select} SETTINGS max_execution_time = 0`, /SETTING_CONSTRAINT_VIOLATION/], [`${select} SETTINGS max_rows_to_read = 0`, /SETTING_CONSTRAINT_VIOLATION/],
    [`${select} SETTINGS max_memory_usage = 2000000000`, /SETTING_CONSTRAINT_VIOLATION/]]) {
    const { error } = await ask(statement);
    check(`the reader may not ${statement}`, why.test(error), error);
  }
}

await main(async () => {
  const folder = temporaryFolder();
  const clickhouse = await new ClickHouse(path.join(folder, 'clickhouse')).start();
  await checkService(folder, clickhouse);
  await checkReader(clickhouse);
  equal('users.xml: the service, the service as a reader, and the operator', (await clickhouse.rows("SELECT name, host_ip, host_names FROM system.users WHERE name NOT IN ('default', 'owner') ORDER BY name")).map((row) => row.join(' ')),
    ["boathouse [] ['localhost']", "boathouse-reader [] ['localhost']", "operator [] ['localhost']"]);
  const users = fs.readFileSync(path.join(process.env.BOATHOUSE_SOURCE_DIR, 'deploy/clickhouse/users.xml'), 'utf8');
  equal('users.xml: from the VPC, the operator from the node itself', users.match(/<ip.*>/g), ['<ip from_env="BOATHOUSE_VPC_CIDR"/>', '<ip from_env="BOATHOUSE_VPC_CIDR"/>', '<ip>127.0.0.1</ip>', '<ip>::1</ip>']);
  const grants = (await clickhouse.rows('SHOW GRANTS FOR boathouse')).join(' ');
  check('users.xml: the service may do with its tables what it must, and no more', /SELECT.* ON default\.\*/.test(grants) && !/ALL ON|ACCESS MANAGEMENT|CREATE USER|S3|FILE/.test(grants), grants);
  const profile = Object.fromEntries(await clickhouse.rows("SELECT setting_name, value FROM system.settings_profile_elements WHERE profile_name = 'default'"));
  const ownRights = (user) => clickhouse.rows("SELECT value FROM system.settings WHERE name = 's3_allow_server_credentials_in_user_queries'", user);
  equal('users.xml: the operator alone makes backups with the machine\'s own rights in S3', await Promise.all(['operator', 'boathouse', 'boathouse-reader'].map(ownRights)), [[['1']], [['0']], [['0']]]);
  equal('users.xml: no insert is acknowledged before it is on the disk', profile.async_insert, '0');
  for (const user of ['boathouse', 'boathouse-reader', 'operator']) check(`${user} needs its password`, /AUTHENTICATION_FAILED/.test((await clickhouse.ask('SELECT 1', user, 'other')).error));
});
