// Two nodes on one PostgreSQL, and each of the three stands still or dies: the others go on within a bounded time, every call
// gets an answer, nothing acknowledged is lost, and what stood still takes part again by itself.
import path from 'node:path';
import { check, equal, main, run, runAsync, temporaryFolder } from './boathouse.mjs';
import { startTwoNodes } from './cloud.mjs';
import { startPostgres } from './postgres.mjs';

const commitLock = 1114131556;  // server/sql/postgres_driver.cpp

// Asks again and again until it is so, at most about a minute.
async function becomes(name, isSo) {
  for (let tries = 0; tries < 300; ++tries) {
    if (await isSo()) return check(name, true);
    await new Promise((resolve) => { setTimeout(resolve, 200); });
  }
  return check(name, false, 'it never was');
}

await main(async () => {
  const folder = temporaryFolder();
  const postgres = await startPostgres();
  const { nodes: [first, second] } = await startTwoNodes(folder, postgres);
  const key = first.key('Anna');
  // Two devices: the second one's sync may be in the middle of it when something stands still.
  const devices = [0, 1].map((number) => ({ folder: path.join(folder, `device${number}`), recordings: 0 }));
  let seed = 0;
  const row = (device = devices[0]) => {
    device.recordings += 1;
    seed += 1;
    const workout = run(['pm5', 'simulate', '--type', '3', '--minutes', '1', '--seed', String(seed)]).out;
    if (run(['device', 'record', '--data', device.folder], { input: workout }).code !== 0) throw new Error('no recording');
  };
  const sync = async (node, device = devices[0]) =>
    (await runAsync(['device', 'sync', '--data', device.folder, '--server', node.url, '--key', key, '--deadline', '20'])).code === 0;
  const reconciled = async (node) => (await node.getJson('/v1/reconcile', first.operatorKey)).json;
  // ClickHouse has all that the ledger has, among it what the first device rowed.
  const loaded = (node) => async () => {
    const counted = await reconciled(node);
    return counted.recordings >= devices[0].recordings && counted.unloaded_chunks === 0 && counted.differences.length === 0;
  };
  const acknowledgedAndLoaded = async (node, who) => {
    await becomes(`${who} acknowledges`, () => sync(node));
    await becomes(`${who} finds all of it loaded`, loaded(node));
  };

  row();
  await acknowledgedAndLoaded(first, 'the node that leads');

  // ---- the node that leads stands still, idle ----
  first.process.kill('SIGSTOP');
  row();
  await acknowledgedAndLoaded(second, 'the other, while the leader stands still,');
  first.process.kill('SIGCONT');
  row();
  await acknowledgedAndLoaded(first, 'the leader of before');

  // ---- the one that leads now stands still in mid-transaction ----
  const holders = (state) => Number(postgres.ask('cloud', `SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE l.locktype = 'advisory' AND l.objid = ${commitLock} AND ${state}`)[0]);
  let syncing;
  let stuck = false;
  row(devices[1]);
  for (let tries = 0; tries < 20 && !stuck; ++tries) {
    const holder = postgres.hold('cloud', `SELECT pg_advisory_lock(${commitLock})`);
    await holder.held;
    syncing = sync(second, devices[1]);
    for (let n = 0; n < 50 && holders('NOT l.granted') === 0; ++n) await new Promise((resolve) => { setTimeout(resolve, 50); });
    second.process.kill('SIGSTOP');
    await holder.release();
    for (let n = 0; n < 30 && !stuck; ++n) {
      await new Promise((resolve) => { setTimeout(resolve, 100); });
      stuck = holders("l.granted AND a.state = 'idle in transaction' AND a.state_change < now() - interval '1 second'") === 1;
    }
    if (stuck) break;
    second.process.kill('SIGCONT');  // the other node's work had the lock
    await syncing;
    row(devices[1]);
  }
  check('a node stands still and holds the lock of all commits', stuck);
  row();
  await acknowledgedAndLoaded(first, 'the other, while it holds the lock,');
  second.process.kill('SIGCONT');
  await syncing;
  row();
  await acknowledgedAndLoaded(second, 'the node that held it');

  // ---- PostgreSQL stands still ----
  row();
  row(devices[1]);
  syncing = sync(second, devices[1]);
  postgres.freeze();
  const calls = [first, second].flatMap((node) => ['/readyz', '/v1/me', '/v1/teams'].map((target) => [node, target]));
  const answers = await Promise.all(calls.map(async ([node, target]) => {
    const reply = await node.get(target, key);
    return [target, reply.status, await reply.text()];
  }));
  check('every call is answered 503 while PostgreSQL stands still', answers.every(([, status]) => status === 503), answers);
  equal('and says nothing of it', answers.filter(([, , body]) => /postgres|SQLSTATE|answer within/.test(body)), []);
  await syncing;
  postgres.thaw();
  row();
  await acknowledgedAndLoaded(first, 'a node, when PostgreSQL goes on,');
  await acknowledgedAndLoaded(second, 'the other node');

  // ---- PostgreSQL is killed under requests ----
  row();
  row(devices[1]);
  const underway = [sync(first), sync(second, devices[1])];
  await postgres.kill();
  await postgres.start();
  await Promise.all(underway);
  row();
  await acknowledgedAndLoaded(first, 'a node, when PostgreSQL was killed and is back,');
  await acknowledgedAndLoaded(second, 'the other node');

  await becomes('the device that was cut off syncs', () => sync(first, devices[1]));
  for (const { folder: data } of devices) {
    const verified = JSON.parse(run(['device', 'verify', '--json', '--data', data]).out);
    equal(`${path.basename(data)} is whole, and all of it acknowledged`, [verified.problems, verified.acknowledged], [0, verified.records]);
  }
  for (const node of [first, second]) {
    await becomes('all of it is loaded', loaded(node));
    equal('and nothing else is there', (await reconciled(node)).recordings, devices[0].recordings + devices[1].recordings);
  }
});
