// What the server writes down, whether it was changed, and where one workout is: by the programs that people use for it.
import fs from 'node:fs';
import path from 'node:path';
import { Server, check, equal, main, run, runJson, temporaryFolder } from './boathouse.mjs';

const workout = (seed) => run(['pm5', 'simulate', '--type', '2', '--minutes', '1', '--seed', String(seed)]).out;

await main(async () => {
  const folder = temporaryFolder();
  const device = path.join(folder, 'device');
  const server = await new Server(path.join(folder, 'cloud')).start();
  const anna = server.key('Anna');
  const ben = server.key('Ben');
  const ask = (key, ...words) => run([...words, '--server', server.url, '--key', key]);
  const rowed = (seed) => runJson(['device', 'record', '--data', device], { input: workout(seed) }).json.sessions[0];
  rowed(1);
  run(['device', 'sync', '--data', device, '--server', server.url, '--key', anna]);
  equal('it is counted', server.reconcile(anna).code, 0);
  const session = (await server.sessions(anna))[0].id;

  // ---- where is my workout? ----
  const trail = ask(anna, 'trail', session);
  check('a workout that is through says so', trail.code === 0 && /^complete: all \d streams are stored, loaded and counted$/m.test(trail.out),
    trail);
  const found = JSON.parse(ask(anna, 'trail', session, '--json').out);
  equal('its place, for a script', found.place, 'complete');
  const sample = found.streams.find((one) => one.stream === 'sample');
  check('with its numbers', sample.records > 0 && sample.sealed === sample.records && sample.clickhouse === sample.records, sample);
  equal('the operator sees it too', ask(server.operatorKey, 'trail', session).out, trail.out);
  const foreign = ask(ben, 'trail', session);
  const nowhere = ask(ben, 'trail', 'rec_018bcfe5-6800-7abc-8def-0123456789ab');
  equal('somebody else learns no more than of none', [foreign.code, foreign.err], [1, nowhere.err]);
  check('of what never came it says where to look', /on its device still/.test(nowhere.err), nowhere.err);
  equal('what is no id is wrong use', ask(anna, 'trail', 'x').code, 2);

  // ---- what was written down ----
  const records = (key, ...words) => ask(key, 'audit', 'show', '--json', ...words).out.trim().split('\n').map((line) => JSON.parse(line));
  const all = records(server.operatorKey);
  equal('numbered without holes', all.map((one) => one.n), all.map((_, index) => index + 1));
  check('batches and acts are in it', ['submission', 'key.create'].every((kind) => all.some((one) => one.kind === kind)), all);
  check('no secret and no name is', !JSON.stringify(all).match(/rk_live_|Anna|Ben/), all);
  const own = records(anna);
  check('an athlete sees what is about the own account alone',
    own.length > 0 && own.length < all.length && own.every((one) => one.athlete === found.athlete), own);
  equal('by kind', records(server.operatorKey, '--kind', 'submission').map((one) => one.n),
    all.filter((one) => one.kind === 'submission').map((one) => one.n));

  // ---- was it changed? ----
  const verified = ask(server.operatorKey, 'audit', 'verify');
  equal('the list is whole', [verified.code, verified.out.split('\n')[0]], [0, `${all.length} records, each as it was written`]);
  const anchor = /^anchor (\d+:[0-9a-f]{64})$/m.exec(verified.out)?.[1];
  equal('beside the server, from its file, the same', run(['audit', 'verify', '--data', server.folder]).out, verified.out);
  equal('an athlete may not ask for all of it', ask(anna, 'audit', 'verify').code, 1);
  const other = ask(server.operatorKey, 'audit', 'verify', '--anchor', `1:${'a'.repeat(64)}`);
  equal('another history than the anchor\'s is a difference', [other.code, /^DIFFERENCE record 1 /.test(other.out)], [1, true]);
  equal('what is no anchor is wrong use', ask(server.operatorKey, 'audit', 'verify', '--anchor', 'x').code, 2);

  await server.stop('SIGKILL');
  await server.start();
  rowed(2);
  run(['device', 'sync', '--data', device, '--server', server.url, '--key', anna]);
  const later = ask(server.operatorKey, 'audit', 'verify', '--anchor', anchor);
  check('after a kill it goes on from there', later.code === 0 && Number.parseInt(later.out, 10) > all.length, later);

  // Somebody with the file at hand.
  await server.stop();
  const file = path.join(server.folder, 'ledger.db');
  const bytes = fs.readFileSync(file);
  const first = all.find((one) => one.kind === 'submission');
  const at = bytes.indexOf(first.what);
  check('the record is in the file', at > 0, first);
  bytes.write('items=0', at);
  fs.writeFileSync(file, bytes);
  const changed = run(['audit', 'verify', '--data', server.folder, '--json']);
  equal('a changed record is named', [changed.code, JSON.parse(changed.out).difference.n], [1, first.n]);
});
