// What the runbooks have an operator type besides `boathouse`: each statement for ClickHouse is parsed by it, those for PostgreSQL are carried
// out on a ledger in the order of the restore that they belong to.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Server, atEnd, check, engineBinary, equal, main, run, temporaryFolder } from '../e2e/boathouse.mjs';
import { startPostgres } from '../e2e/postgres.mjs';
import { codeOf, page } from './operators_pages.mjs';

const forClickHouse = (code) => code.flatMap(({ text }) => [...text.matchAll(/echo (?:"([^"]*)"|'([^']*)')\s*\|\s*boathouse-clickhouse-query/g)].map(([, one, other]) => one ?? other));
const forPostgres = (code) => [
  ...code.filter(({ language }) => language === 'sql').flatMap(({ text }) => text.split(';').map((one) => one.trim()).filter((one) => one !== '')),
  ...code.flatMap(({ text }) => [...text.matchAll(/psql [^`]*--command "([^"]+)"/g)].map(([, one]) => one)),
];

async function engine(folder, ...more) {
  const child = spawn(engineBinary, ['--path', folder, '--listen', '127.0.0.1:0', '--stop-with-parent', ...more]);
  const ended = new Promise((resolve) => { child.on('exit', resolve); });
  atEnd(async () => { child.kill(); await ended; });
  child.stderr.resume();
  const url = await new Promise((resolve, reject) => {
    child.stdout.on('data', (line) => resolve(/http:\S+/.exec(String(line))[0]));
    ended.then(() => reject(new Error('the engine ended')));
  });
  const ask = async (body) => {
    const reply = await fetch(url, { method: 'POST', body });
    return { status: reply.status, text: await reply.text() };
  };
  return { ask, url, stop: async () => { child.kill(); await ended; } };
}

await main(async () => {
  const folder = temporaryFolder();
  const code = codeOf(page('operations/runbooks.md'));

  const { ask } = await engine(path.join(folder, 'engine'));
  const parse = async (statement) => {
    const said = await ask(`EXPLAIN AST ${statement}`);
    return said.status === 200 ? '' : `${statement}: ${said.text.slice(0, 300)}`;
  };
  check('a statement that is none does not parse', (await parse('SELEC 1')).includes('SYNTAX_ERROR'));
  const statements = forClickHouse(code);
  const unparsed = [];
  for (const statement of statements) unparsed.push(await parse(statement));
  check(`${statements.length} statements for ClickHouse parse`, statements.length >= 20 && unparsed.every((one) => one === ''), unparsed.filter((one) => one !== ''));
  // And those that ask what a single server has, too, run on the service's tables.
  for (const statement of run(['schema']).out.trimEnd().split(';\n')) await ask(statement.replace(/;$/, ''));
  const elsewhere = /query_log|replication_queue|zookeeper|detached_parts/;
  const asked = statements.filter((one) => one.startsWith('SELECT') && !elsewhere.test(one));
  const failed = [];
  for (const statement of asked) {
    const said = await ask(statement);
    if (said.status !== 200) failed.push(`${statement}: ${said.text.slice(0, 300)}`);
  }
  check(`${asked.length} of them run`, asked.length >= 6 && failed.length === 0, failed);

  // "Rebuild a replica": what is printed there makes the same tables again, with all that migrations made of them.
  const described = async () => [await ask('SELECT name, comment, engine_full FROM system.tables WHERE database = currentDatabase() ORDER BY name FORMAT TSV'),
    await ask('SELECT table, name, type, default_expression, compression_codec FROM system.columns WHERE database = currentDatabase() ORDER BY table, position FORMAT TSV')];
  const tables = await described();
  const [rebuild] = statements.filter((one) => one.includes('create_table_query'));
  const made = (await ask(rebuild.replace("LIKE 'Replicated%'", "LIKE '%MergeTree'"))).text.trimEnd().split(';\n').map((one) => one.replace(/;$/, ''));
  for (const table of tables[0].text.trimEnd().split('\n').map((line) => line.split('\t')[0])) await ask(`DROP TABLE ${table} SYNC`);
  equal('the tables are gone', (await described()).map(({ text }) => text), ['', '']);
  const again = [];
  for (const statement of made) again.push((await ask(statement)).status);
  equal('and are there again as they were', [again, await described()], [made.map(() => 200), tables]);
  check('seven of them', made.length === 7, made);

  // What nobody can run here says so where it stands.
  const sections = page('operations/runbooks.md').split(/^(?=##)/m).filter((one) => /SYSTEM (?:DROP|SYNC|RESTORE|RESTART) REPLICA|ON CLUSTER boathouse|--force-recovery/.test(one));
  equal('statements that are only parsed say so', sections.filter((one) => !/not run here|neither[^.]*run here/.test(one)).map((one) => one.split('\n')[0]), []);
  check('there are such', sections.length >= 4, sections.length);

  // "Restore the ledger", from a backup: the statements as they stand there, a restore between them.
  const postgres = await startPostgres();
  const ledger = postgres.url('boathouse');
  const other = (database) => ledger.replace('///boathouse?', `///${database}?`);
  const sql = (database, statement) => spawnSync('psql', [other(database), '--no-psqlrc', '--set', 'ON_ERROR_STOP=1', '-At', '--command', statement], { encoding: 'utf8' });
  const wanted = forPostgres(code);
  equal('the statements for PostgreSQL', wanted.map((one) => one.split(' ').slice(0, 2).join(' ')), ['ALTER DATABASE', 'ALTER DATABASE', 'SELECT encode(athlete,', 'DROP DATABASE', 'CREATE DATABASE']);
  const [away, here, failures, drop, create] = wanted;
  const data = path.join(folder, 'cloud');
  const backups = path.join(folder, 'backups');
  let server = await new Server(data, { extra: ['--ledger', ledger] }).start();
  equal('a crew has rowed', run(['simulate', '--ergs', '1', '--hz', '10', '--minutes', '1', '--speed', '0', '--server', server.url, '--key', server.operatorKey]).code, 0);
  equal('a backup', run(['backup', 'create', '--data', data, '--ledger', ledger, '--to', backups, '--without-clickhouse']).code, 0);
  // Its sessions, when ledger and ClickHouse are equal.
  const sessions = async () => {
    const equal_ = server.reconcile(server.operatorKey);
    return equal_.code === 0 ? (await server.sessions(server.operatorKey)).map(({ id }) => id) : equal_;
  };
  const before = await sessions();
  check('there are sessions', before.length > 0, before);
  equal('whose deliveries fail', [sql('boathouse', failures).status, sql('boathouse', failures).stdout], [0, '']);
  await server.stop();
  equal('a database beside it', [sql('boathouse', create).status, sql('boathouse', create).status === 0], [0, false]);
  equal('which goes again after a drill', [sql('boathouse', drop).status, sql('boathouse', create).status], [0, 0]);
  equal('restored', run(['restore', '--from', backups, '--data', path.join(folder, 'restored'), '--ledger', other('restored'), '--without-clickhouse']).code, 0);
  const epochOf = (database) => sql(database, 'SELECT epoch FROM state').stdout.trim();
  const restoredEpoch = epochOf('restored');
  check('it has another epoch', restoredEpoch !== epochOf('boathouse') && restoredEpoch !== '');
  equal('they change names', [away, here].map((one) => { const done = sql('postgres', one); return done.status === 0 ? '' : done.stderr; }), ['', '']);
  equal('under the old name is the restored one', epochOf('boathouse'), restoredEpoch);
  server = await new Server(data, { extra: ['--ledger', ledger] }).start();
  equal('the service serves from it, under the same address and keys', await sessions(), before);
  equal('a backup of it', run(['backup', 'create', '--data', data, '--ledger', ledger, '--to', backups, '--without-clickhouse']).code, 0);
  await server.stop();

  // To a minute: the database as it was, and the command as it stands there. As on AWS $BOATHOUSE_CLICKHOUSE has two URLs: here both lead to one server, on
  // this folder's tables in the place of the replicas'.
  const [newEpoch] = code.flatMap(({ text }) => [...text.matchAll(/^\s*boathouse (reload --new-epoch .*)$/gm)].map(([, one]) => one));
  const password = path.join(folder, 'password');
  fs.writeFileSync(password, 'secret\n');
  const replica = await engine(path.join(data, 'clickhouse'), '--password-file', password);
  const reload = (clickhouse) => run(newEpoch.replace('/var/lib/boathouse', data).replace('"$BOATHOUSE_LEDGER"', ledger).replace('"$BOATHOUSE_CLICKHOUSE"', clickhouse)
    .replace('--clickhouse-user boathouse', '--clickhouse-user default').replace('/run/boathouse/clickhouse-password', password).replaceAll('"', '').split(/\s+/));
  const marks = () => sql('boathouse', 'SELECT count(*) FROM backup_mark').stdout.trim();
  equal('with a word of a backup', marks(), '1');
  const refused = reload('http://127.0.0.1:1,http://127.0.0.1:1');
  equal('while no replica answers nothing is begun', [refused.code, epochOf('boathouse'), marks()], [1, restoredEpoch, '1']);
  const renewed = reload(`${replica.url},${replica.url}`);
  check('a new epoch', renewed.code === 0 && renewed.err.includes('new epoch'), [newEpoch, renewed]);
  await replica.stop();
  check('is another one, of the same form', epochOf('boathouse') !== restoredEpoch && /^[0-9a-f]{32}$/.test(epochOf('boathouse')) && epochOf('boathouse').length === restoredEpoch.length, [epochOf('boathouse'), restoredEpoch]);
  equal('and nothing counts as backed up', marks(), '0');
  server = await new Server(data, { extra: ['--ledger', ledger] }).start();
  equal('the service serves from it', await sessions(), before);
  const audit = run(['audit', 'show', '--kind', 'restore', '--server', server.url, '--key', server.operatorKey]);
  check('and its audit has it', audit.code === 0 && audit.out.includes(`by=other-means epoch=${epochOf('boathouse')}`), audit);
});
