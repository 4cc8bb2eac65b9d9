// What the runbooks have an operator type besides `boathouse`: the statements for ClickHouse on its own server (those that need Keepers are
// replicas_test.sh's, a restore is clickhouse_test.sh's), those for PostgreSQL on a ledger in the order of the restore that they belong to.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Server, check, equal, main, run, temporaryFolder } from '../e2e/boathouse.mjs';
import { startEngine } from '../e2e/cloud.mjs';
import { startPostgres } from '../e2e/postgres.mjs';
import { ClickHouse } from './clickhouse_server.mjs';
import { codeOf, forClickHouse, page } from './operators_pages.mjs';

const forPostgres = (code) => [
  ...code.filter(({ language }) => language === 'sql').flatMap(({ text }) => text.split(';').map((one) => one.trim()).filter((one) => one !== '')),
  ...code.flatMap(({ text }) => [...text.matchAll(/psql [^`]*--command "([^"]+)"/g)].map(([, one]) => one)),
];

await main(async () => {
  const folder = temporaryFolder();
  const code = codeOf(page('operations/runbooks.md'));

  const clickhouse = await new ClickHouse(path.join(folder, 'clickhouse')).start();
  const ask = (statement) => clickhouse.ask(statement, 'operator');
  for (const statement of run(['schema']).out.trimEnd().split(';\n')) await clickhouse.rows(statement.replace(/;$/, ''), 'operator');
  await clickhouse.rows('SYSTEM FLUSH LOGS', 'operator');
  const statements = forClickHouse(code);
  const elsewhere = /^SYSTEM (?:DROP|RESTORE|RESTART) REPLICA|^RESTORE DATABASE/;
  const single = statements.filter((one) => !elsewhere.test(one));
  const failed = [];
  for (const statement of single) {
    const { error } = await ask(statement);
    if (error) failed.push(`${statement}: ${error.slice(0, 300)}`);
  }
  check(`${single.length} of ${statements.length} statements for ClickHouse run`, single.length >= 18 && failed.length === 0, failed);
  const bare = code.map(({ language, text }) => (language === '' && /^(?:KILL \w+ WHERE|SELECT) /.test(text) ? text : '')).filter((one) => one !== '');
  for (const statement of new Set(bare)) equal(statement, (await ask(statement)).error, undefined);
  check('there are some without the program', new Set(bare).size === 3, bare);

  // On one box the webhooks are in SQLite.
  const box = await new Server(path.join(folder, 'box')).start();
  await box.stop();
  const [, file, look] = code.map(({ text }) => /sqlite3 -readonly (\S+) "([^"]+)"/.exec(text)).find((found) => found !== null);
  const looked = spawnSync('python3', ['-c', 'import sqlite3, sys\nprint(sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True).execute(sys.argv[2]).fetchall())',
    file.replace('/var/lib/boathouse', box.folder), look], { encoding: 'utf8' });
  equal('whose deliveries fail, on one box', [looked.stdout, looked.stderr], ['[]\n', '']);

  // "Restore the ledger", from a backup: the statements as they stand there, a restore between them.
  const postgres = await startPostgres();
  const ledger = postgres.url('boathouse');
  const other = (database) => ledger.replace('///boathouse?', `///${database}?`);
  const sql = (database, statement) => spawnSync('psql', [other(database), '--no-psqlrc', '--set', 'ON_ERROR_STOP=1', '-At', '--command', statement], { encoding: 'utf8' });
  const wanted = forPostgres(code);
  equal('the statements for PostgreSQL', wanted.map((one) => one.split(' ').slice(0, 2).join(' ')), ['ALTER DATABASE', 'ALTER DATABASE', 'SELECT encode(athlete,', "SELECT pg_size_pretty(pg_database_size('boathouse'))", 'CREATE DATABASE', 'DROP DATABASE']);
  const [away, here, failures, size, create, drop] = wanted;
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
  check('what the ledger takes', /^\d+ [kMG]B$/.test(sql('boathouse', size).stdout.trim()), sql('boathouse', size));
  equal('a database beside it', [sql('boathouse', create).status, sql('boathouse', create).status === 0], [0, false]);
  equal('restored', run(['restore', '--from', backups, '--data', path.join(folder, 'restored'), '--ledger', other('restored'), '--without-clickhouse']).code, 0);
  const epochOf = (database) => sql(database, 'SELECT epoch FROM state').stdout.trim();
  const restoredEpoch = epochOf('restored');
  check('it has another epoch', restoredEpoch !== epochOf('boathouse') && restoredEpoch !== '');
  equal('they change names', [away, here].map((one) => { const done = sql('postgres', one); return done.status === 0 ? '' : done.stderr; }), ['', '']);
  equal('under the old name is the restored one', epochOf('boathouse'), restoredEpoch);
  server = await new Server(data, { extra: ['--ledger', ledger] }).start();
  equal('the service serves from it, under the same address and keys', await sessions(), before);
  equal('and the other one goes, while it does', [sql('boathouse', drop).status, sql('boathouse', "SELECT count(*) FROM pg_database WHERE datname = 'damaged'").stdout.trim()], [0, '0']);
  equal('a backup of it', run(['backup', 'create', '--data', data, '--ledger', ledger, '--to', backups, '--without-clickhouse']).code, 0);
  await server.stop();

  // To a minute: the database as it was, and the command as it stands there. As on AWS $BOATHOUSE_CLICKHOUSE has two URLs: here both lead to one server, on
  // this folder's tables in the place of the replicas'.
  const [newEpoch] = code.flatMap(({ text }) => [...text.matchAll(/^\s*boathouse (reload --new-epoch .*)$/gm)].map(([, one]) => one));
  const password = path.join(folder, 'password');
  fs.writeFileSync(password, 'secret\n');
  const replica = await startEngine(path.join(data, 'clickhouse'), password);
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
