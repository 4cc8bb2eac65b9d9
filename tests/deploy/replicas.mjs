// What the runbooks have an operator type when replicas or Keepers are lost, on ClickHouse's own server and a ZooKeeper in the place of the Keepers, with the
// rows of a service. A replica here has no port for others: it can register itself and restore what the Keepers knew, but it takes no row in and fetches
// none, and stays read-only.
import fs from 'node:fs';
import path from 'node:path';
import { Server, check, equal, main, run, temporaryFolder, until } from '../e2e/boathouse.mjs';
import { ClickHouse, ZooKeeper, passwords } from './clickhouse_server.mjs';
import { codeOf, forClickHouse, section } from './operators_pages.mjs';

const said = (heading) => forClickHouse(codeOf(section('operations/runbooks.md', heading)));

await main(async () => {
  const folder = temporaryFolder();
  const keeper = await new ZooKeeper(path.join(folder, 'keeper')).start();
  const first = await new ClickHouse(path.join(folder, 'first'), { keeper: keeper.port }).start();

  // A service's tables and rows. Rows come in before the tables are replicas, for a replica would take none.
  const passwordFile = path.join(folder, 'password');
  fs.writeFileSync(passwordFile, passwords.boathouse, { mode: 0o600 });
  const server = await new Server(path.join(folder, 'cloud'), { extra: ['--clickhouse', first.url, '--clickhouse-user', 'boathouse', '--clickhouse-password-file', passwordFile] }).start();
  equal('a crew has rowed', run(['simulate', '--ergs', '2', '--hz', '10', '--minutes', '1', '--speed', '0', '--server', server.url, '--key', server.operatorKey]).code, 0);
  const reconciled = () => server.reconcile(server.operatorKey).code;
  equal('ClickHouse has all of it', reconciled(), 0);
  const tables = (await first.rows("SELECT name FROM system.tables WHERE database = 'default' ORDER BY name")).flat();
  check('the service has its tables', tables.length === 7, tables);
  const counts = async (clickhouse) => Object.fromEntries(await Promise.all(tables.map(async (table) => [table, (await clickhouse.ask(`SELECT count(), sum(sipHash64(toString(tuple(*)))) FROM ${table}`)).result])));
  const before = await counts(first);
  check('with rows', Number(before.sample.split('\t')[0]) > 500, before);
  const finals = [];
  for (const table of tables) finals.push(Number((await first.rows(`SELECT count() FROM ${table} FINAL`))[0][0]));
  const asOperator = async (clickhouse, statement) => {
    const { result, error } = await clickhouse.ask(statement, 'operator');
    return error ?? result;
  };
  const eachTable = async (clickhouse, statement) => {
    const answers = [];
    for (const table of tables) answers.push(await asOperator(clickhouse, statement.replace(/\bsample\b/, table)));
    return answers;
  };
  const nothing = tables.map(() => '');
  for (const table of tables) {
    for (const statement of [`DETACH TABLE ${table}`, `ATTACH TABLE ${table} AS REPLICATED`]) equal(statement, await first.ask(statement), { result: '' });
  }
  const places = (text) => [...new Set(text.replaceAll("\\'", "'").match(/ReplicatedReplacingMergeTree\('[^']*', '\{replica\}'/g))];
  equal('the tables are replicas, at the same place as the service\'s own', places((await first.rows('SELECT engine_full FROM system.tables WHERE engine LIKE \'Replicated%\'')).join('\n')),
    places(run(['schema', '--cluster', 'boathouse']).out));

  const states = async (clickhouse) => (await clickhouse.rows('SELECT is_readonly, total_replicas FROM system.replicas')).map((one) => one.join(' '));
  const restored = async (what) => {
    equal(`${what}: every table is read-only, no Keeper knows a replica`, await states(first), tables.map(() => '1 0'));
    equal(`${what}: each is restored`, await eachTable(first, restore), nothing);
    equal(`${what}: the Keepers know the replica`, await states(first), tables.map(() => '1 1'));
    equal(`${what}: not a row is lost`, await counts(first), before);
    equal(`${what}: as the runbook counts`, (await eachTable(first, count)).map(Number), finals);
    equal(`${what}: the service finds everything`, reconciled(), 0);
  };
  const [restart] = said('ReplicaReadOnly');
  const [restore, count, forget] = said('Restore a replica');
  await restored('tables that the Keepers have never heard of');
  keeper.forget('/clickhouse/tables');
  equal('RESTART REPLICAS', await asOperator(first, restart), '');
  await restored('ReplicaReadOnly, metadata gone');
  const known = await eachTable(first, restore);
  check('what the Keepers know is not restored', known.every((one) => one.includes('Replica path is present')), known);

  // KeeperQuorumLost. A replica that has seen the ones of before gets no session with new ones.
  const [whatTheySaid] = said('KeeperSession');
  await keeper.stop();
  await until('the session is over', async () => (await asOperator(first, whatTheySaid)).includes('All connection tries failed'));
  equal('without Keepers the service goes on reading', reconciled(), 0);
  await keeper.startBlank();
  await asOperator(first, restart);
  const early = await eachTable(first, restore);
  check('before its restart nothing can be restored, which ReplicaReadOnly names', early.every((one) => one.startsWith('Code: 667.')) && /Code 667/.test(section('operations/runbooks.md', 'ReplicaReadOnly')), early);
  await first.stop();
  await first.start();
  await restored('KeeperQuorumLost, all three blank');

  // What a restore that was cut short leaves behind.
  const [[part]] = await first.rows("SELECT path FROM system.parts WHERE active AND table = 'sample'");
  fs.cpSync(part, path.join(part, '../detached', path.basename(part)), { recursive: true });
  const detached = async () => Number((await first.rows('SELECT count() FROM system.detached_parts'))[0][0]);
  equal('a part is set aside', await detached(), 1);
  equal('DROP DETACHED PARTITION ALL', await eachTable(first, forget), nothing);
  equal('it is gone, and nothing else', [await detached(), await counts(first)], [0, before]);

  const third = await new ClickHouse(path.join(folder, 'third'), { keeper: keeper.port, host: 'clickhouse-3.boathouse.internal' }).start();
  // Not 497: the service may make tables of this type.
  const oldest = run(['schema', '--cluster', 'boathouse']).out.split(';\n').find((one) => one.startsWith('CREATE TABLE IF NOT EXISTS session ')).replace(' ON CLUSTER `boathouse`', '');
  const refused = (await third.ask(oldest, 'boathouse')).error ?? '';
  check('what `schema --cluster` has for an empty cluster is refused, code 122', refused.startsWith('Code: 122.'), refused.slice(0, 300));
  await third.stop();

  // The other replica: it registers itself with the tables that the first one prints, and is thrown out when its volume is lost.
  const [drop, print] = said('Rebuild a replica');
  const [wait] = said('Read from one replica');
  const rebuild = async (name) => {
    const blank = await new ClickHouse(path.join(folder, name), { keeper: keeper.port, host: 'clickhouse-2.boathouse.internal' }).start();
    const answers = [];
    for (const statement of (await asOperator(first, print)).trimEnd().split(';\n')) answers.push(await asOperator(blank, statement.replace(/;$/, '')));
    return { blank, answers };
  };
  const { blank: second, answers } = await rebuild('second');
  // What the service makes ON CLUSTER has the names in its path.
  const described = async (clickhouse) => [await clickhouse.rows("SELECT name, comment, replace(engine_full, '{database}/{table}', concat(database, '/', name)) FROM system.tables WHERE database = 'default' ORDER BY name"),
    await clickhouse.rows("SELECT table, name, type, default_expression, compression_codec FROM system.columns WHERE database = 'default' ORDER BY table, position")];
  equal('Rebuild a replica: the printed statements make the tables on a blank one, with all that migrations made of them', [answers, await described(second)], [nothing, await described(first)]);
  equal('the Keepers know both', await states(first), tables.map(() => '1 2'));
  const numbers = (await asOperator(second, wait)).split('\t').map(Number);
  equal('what to wait for: seven tables, no replica at work, all read-only', [numbers.slice(0, 3), numbers.length], [[7, 0, 7], 5]);
  await second.stop();
  const again = await rebuild('again');
  check('a blank one under the name of one that is known is refused', again.answers.every((one) => one.includes('REPLICA_ALREADY_EXISTS')), again.answers);
  await again.blank.stop();
  equal('DROP REPLICA', await eachTable(first, drop), nothing);
  equal('the Keepers know one', await states(first), tables.map(() => '1 1'));
  const last = await rebuild('last');
  equal('then a blank one comes in', [last.answers, await states(first)], [nothing, tables.map(() => '1 2')]);
  equal('the first one has all its rows', [await counts(first), reconciled()], [before, 0]);
});
