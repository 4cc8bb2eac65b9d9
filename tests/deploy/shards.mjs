// `serve` on a cluster of two shards, each ClickHouse's own server, which ask each other over TCP: what is one athlete's lies together, questions and counts see
// all of it, erasures reach both, and a shard that is away makes an answer fail, never short.
import fs from 'node:fs';
import path from 'node:path';
import { Server, check, equal, main, runAsync, temporaryFolder, until } from '../e2e/boathouse.mjs';
import { sqlite } from '../e2e/cloud.mjs';
import { ClickHouse, doorTo, freePort, passwords } from './clickhouse_server.mjs';

await main(async () => {
  const folder = temporaryFolder();
  const ports = [await freePort(), await freePort()];
  const shards = [];
  for (const [number, tcp] of ports.entries()) shards.push(await new ClickHouse(path.join(folder, `shard${number}`), { tcp, shards: ports }).start());
  const doors = [await doorTo(shards[0], shards), await doorTo(shards[1], shards)];
  const passwordFile = path.join(folder, 'password');
  fs.writeFileSync(passwordFile, passwords.boathouse, { mode: 0o600 });
  const asService = ['--clickhouse', doors.map(({ url }) => url).join(','), '--clickhouse-user', 'boathouse', '--clickhouse-password-file', passwordFile];
  const data = path.join(folder, 'cloud');
  const server = await new Server(data, { extra: [...asService, '--clickhouse-cluster', 'boathouse', '--clickhouse-read-user', 'boathouse-reader', '--reconcile-every', '1s'] }).start();
  const operator = ['--server', server.url, '--key', server.operatorKey];
  const ask = (...words) => runAsync([...words, ...operator]);
  equal('a crew has rowed', (await ask('simulate', '--ergs', '12', '--hz', '10', '--minutes', '1', '--speed', '0')).code, 0);
  const reconciled = async () => {
    const done = await ask('reconcile', '--json', '--wait', '60');
    return done.code === 0 ? 0 : done;
  };
  equal('ledger and ClickHouse have the same', await reconciled(), 0);

  const here = (table) => Promise.all(shards.map(async (shard) => Number((await shard.rows(`SELECT count() FROM ${table}_shard FINAL`))[0][0])));
  const rows = await here('sample');
  check('both shards have rows', rows.every((one) => one > 500), rows);
  equal('and each sees all of them', await Promise.all(shards.map(async (shard) => Number((await shard.rows('SELECT count() FROM sample FINAL'))[0][0]))), rows.map(() => rows[0] + rows[1]));
  const athletes = await Promise.all(shards.map(async (shard) => (await shard.rows('SELECT DISTINCT athlete FROM sample_shard')).flat()));
  equal('no athlete is on both', [athletes[0].filter((one) => athletes[1].includes(one)), athletes.flat().length], [[], 12]);
  for (const table of ['stroke', 'split', 'session']) {
    const owners = await Promise.all(shards.map(async (shard) => (await shard.rows(`SELECT DISTINCT athlete FROM ${table}_shard`)).flat()));
    equal(`${table}: on the shard of its athlete`, owners.map((all, number) => all.filter((one) => !athletes[number].includes(one))), [[], []]);
  }
  const sessions = await server.sessions(server.operatorKey);
  equal('the API has all sessions', sessions.length, 12);
  const answers = [];
  for (const { id } of sessions) for (const what of ['', '/strokes', '/export.csv']) answers.push((await server.get(`/v1/sessions/${id}${what}`, server.operatorKey)).status);
  // Each asked for with the athlete's own key: [200, how many samples], or what became of the answer.
  const keys = sessions.map(({ athlete_id: athlete }) => server.key(athlete));
  const samples = () => Promise.all(sessions.map(async ({ id }, at) => {
    const reply = await server.get(`/v1/sessions/${id}/samples`, keys[at]);
    try {
      return reply.status === 200 ? [200, (await reply.json()).data.at_s.length] : [reply.status];
    } catch {
      return ['broken off'];
    }
  }));
  const all = await samples();
  check('and every sample', all.every(([status, count]) => status === 200 && count > 100), all);
  check('and every record', answers.every((one) => one === 200), answers);
  check('both nodes were asked', doors.every(({ sent }) => sent.length > 5), doors.map(({ sent }) => sent.length));

  // One shard is away.
  await shards[1].stop();
  const gone = await samples();
  const whole = gone.filter(([status]) => status === 200);
  equal('one shard is away: an answer is whole or an error', gone.filter(([status], at) => ![503, 'broken off'].includes(status) && JSON.stringify(gone[at]) !== JSON.stringify(all[at])), []);
  check('athletes of the other shard are answered', whole.length > 0 && whole.length < gone.length, gone);
  const count = await ask('reconcile', '--json');
  check('nobody says that all is equal', count.code !== 0, count);
  equal('uploads go on', (await ask('simulate', '--ergs', '2', '--hz', '10', '--minutes', '1', '--speed', '0', '--seed', '9')).code, 0);
  await shards[1].start();
  equal('it comes back: all is loaded', await reconciled(), 0);

  // An athlete is erased, on his shard; then the operator loads everything again.
  const [{ athlete_id: athlete }] = sessions;
  equal('an erasure', (await ask('athlete', 'erase', athlete, '--yes')).code, 0);
  await server.stop();
  sqlite(path.join(data, 'ledger.db'), 'UPDATE erasure SET due_ms = 0');
  sqlite(path.join(data, 'jobs.db'), "UPDATE job SET due_ms = 0 WHERE kind = 'athlete.erase'");
  await server.start();
  await until('the erasure is proved', async () => (await ask('athlete', 'erase', athlete, '--proof')).code === 0);
  const left = Number((await shards[0].rows('SELECT uniqExact(athlete) FROM sample'))[0][0]);
  equal('his rows are gone, and no others', [left, await reconciled()], [athletes.flat().length - 1, 0]);
  await server.stop();
  const cost = await runAsync(['cost', '--json', '--data', data, ...asService]);
  const measured = JSON.parse(cost.out).measured.clickhouse;
  check('cost measures the shard that it asks', ['sample', 'stroke', 'force_curve', 'session'].every((grain) => measured[grain].records > 0 && measured[grain].bytes > 0), measured);

  // Everything is loaded again.
  const reload = await runAsync(['reload', '--data', data, ...asService]);
  check('reload says what to do with several shards', reload.code === 2 && reload.err.includes('TRUNCATE the tables sample_shard and so on'), reload);
  for (const shard of shards) {
    for (const [table] of await shard.rows("SELECT name FROM system.tables WHERE name LIKE '%\\_shard'")) await shard.rows(`TRUNCATE TABLE ${table} SETTINGS max_table_size_to_drop = 0`);
  }
  equal('nothing is there', Number((await shards[0].rows('SELECT count() FROM sample'))[0][0]), 0);
  await server.start();
  await until('the reconciler has loaded everything', async () => (await ask('reconcile', '--json')).code === 0);
  check('both shards have rows again', (await here('sample')).every((one) => one > 500), await here('sample'));
});
