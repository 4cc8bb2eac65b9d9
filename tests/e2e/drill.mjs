// The drill: a server with backups loses its machine; from the backup and from what the devices hold everything comes back. What
// it took is printed. The commands of docs/operations/backup.md are run here, but for those with PostgreSQL.
import fs from 'node:fs';
import path from 'node:path';
import { Server, check, engineBinary, equal, main, run, runJson, temporaryFolder, RunningDevice, until } from './boathouse.mjs';

const records = (device) => runJson(['device', 'verify', '--json', '--data', device]).json.records;
const seconds = (since) => ((performance.now() - since) / 1000).toFixed(1);

function sum(counts) {
  const total = {};
  for (const of of counts) for (const [stream, n] of Object.entries(of)) total[stream] = (total[stream] ?? 0) + n;
  return total;
}

await main(async () => {
  const folder = temporaryFolder();
  const data = path.join(folder, 'cloud');
  const backups = path.join(folder, 'backups');
  const names = ['Anna', 'Ben', 'Chloë'];
  const devices = names.map((name) => path.join(folder, name));
  const row = (device, seed, minutes) => run(['device', 'record', '--data', device],
    { input: run(['pm5', 'simulate', '--type', '3', '--minutes', String(minutes), '--seed', String(seed)]).out });

  // Without backups nothing may leave a device.
  let server = await new Server(data).start();
  check('without --backup-to serve says what follows', server.log.includes('no --backup-to'), server.log);
  const keys = names.map((name) => server.key(name));
  const sync = (i) => run(['device', 'sync', '--data', devices[i], '--server', server.url, '--key', keys[i]]).code;
  const storage = (i) => runJson(['device', 'storage', '--json', '--data', devices[i]]).json;
  devices.forEach((device, i) => row(device, i + 1, 2 + i));
  equal('the first workouts are synced', devices.map((_, i) => sync(i)), [0, 0, 0]);
  check('nothing can be freed, and the reason is told', storage(0).freeable === 0 && storage(0).not_backed_up > 0, storage(0));
  await server.stop();

  // By itself.
  server.extra = ['--backup-to', backups, '--backup-every', '24h', '--segment-bytes', '500', '--segments-every', '1s'];
  await server.start();
  const list = () => run(['backup', 'list', '--to', backups, '--json']).out.split('\n').filter(Boolean).map((line) => JSON.parse(line));
  const first = await until('the first backup is verified', () => fs.existsSync(backups) && list().find((one) => one.verified));
  await until('the ledger knows it', () => server.log.includes('backup verified'));
  check('serve made one by itself, and says where it lies', server.log.includes('same disk'), server.log);
  equal('a sync later', sync(0), 0);
  check('what is in it can be freed on the device', storage(0).freeable > 0 && storage(0).not_backed_up === 0, storage(0));

  await until('bodies have left the ledger for segments', () => server.log.includes(' bodies moved into '));
  check('they lie in files', fs.readdirSync(path.join(data, 'segments'), { recursive: true }).some((file) => file.endsWith('.seg')));

  // By hand, while the server runs.
  row(devices[1], 11, 1);
  equal('another workout', sync(1), 0);
  const made = runJson(['backup', 'create', '--data', data, '--to', backups, '--json', '--engine', engineBinary]).json;
  equal('a backup by hand', [made.differences, made.purge_safe, made.clickhouse_trouble], [[], true, '']);
  check('it has more than the one before', made.chunks > first.chunks && made.last_seq > first.last_seq, made);
  const covered = sum(devices.map(records));
  const verified = runJson(['backup', 'verify', '--from', backups, '--json']);
  equal('verify reads every body', [verified.code, verified.json.bodies, verified.json.differences], [0, made.chunks, []]);
  equal('prune keeps them: they are new', [run(['backup', 'prune', '--to', backups, '--apply']).code, list().length >= 1], [0, true]);

  // More that no backup has; then the machine is gone.
  row(devices[0], 21, 2);
  row(devices[2], 22, 1);
  equal('more workouts, acknowledged', [sync(0), sync(2)], [0, 0]);
  const before = server.reconcile(server.operatorKey);
  equal('all is counted', [before.code, before.json?.differences], [0, []]);
  const held = sum(devices.map(records));
  // Ben's device makes room: some of his workouts lie in the backup alone from here on.
  const freed = runJson(['device', 'storage', '--json', '--data', devices[1], '--free', String(2 ** 40)]).json.freed;
  check('a device has removed what a backup has', freed > 0, freed);
  const anna = await new RunningDevice(devices[0], server.url, keys[0]).start();
  await server.stop('SIGKILL');
  const destroyed = performance.now();
  fs.rmSync(data, { recursive: true, force: true });

  // The way back.
  const fresh = path.join(folder, 'new-machine');
  const restored = runJson(['restore', '--from', backups, '--data', fresh, '--json', '--engine', engineBinary]);
  equal('restore', [restored.code, restored.json.differences, restored.json.chunks, restored.json.clickhouse], [0, [], made.chunks, true]);
  check('it is another history', restored.json.epoch !== made.epoch, restored.json);
  const restoreTook = seconds(destroyed);
  const again = run(['restore', '--from', backups, '--data', fresh]);
  check('a restore onto data is refused', again.code === 2 && again.err.includes('restore onto data'), again);
  server.folder = fresh;
  await server.start();
  const serves = seconds(destroyed);
  // Anna's device runs and notices by itself; the others come when their owners do.
  await until('the running device offers again what the backup lacked', () => {
    const status = runJson(['device', 'status', '--json', '--data', devices[0]]).json;
    return status.server_epoch === restored.json.epoch && status.pending_items === 0;
  });
  equal('the keys of before are good', [sync(1), sync(2)], [0, 0]);
  const offered = seconds(destroyed);
  const after = server.reconcile(server.operatorKey);
  const recovered = seconds(destroyed);
  equal('ledger and ClickHouse are equal', [after.code, after.json?.differences, after.json?.unloaded_chunks], [0, [], 0]);
  equal('and as before', [after.json?.recordings, after.json?.streams], [before.json.recordings, before.json.streams]);
  equal('the ledger has what the devices had', Object.fromEntries(after.json.streams.filter((s) => s.ledger > 0).map((s) => [s.stream, s.ledger])), held);
  equal('no record was changed in the audit', run(['audit', 'verify', '--server', server.url, '--key', server.operatorKey]).code, 0);
  await anna.stop();
  await until('the restored server backs itself up', () => list().find((one) => one.verified && one.epoch === restored.json.epoch));

  const total = (counts) => Object.values(counts).reduce((a, b) => a + b, 0);
  console.log(`# RPO: 0 of ${total(held)} records lost; the backup had ${total(covered)} of them, the devices brought the other ${total(held) - total(covered)}`);
  console.log(`# RTO: restored after ${restoreTook} s, serving after ${serves} s, devices done after ${offered} s, counted in ClickHouse after ${recovered} s`);

  // A damaged backup is found, named and not restored.
  const segment = fs.readdirSync(path.join(backups, 'bodies')).map((name) => path.join(backups, 'bodies', name))[0];
  const bytes = fs.readFileSync(segment);
  bytes[bytes.length - 5] ^= 1;
  fs.writeFileSync(segment, bytes);
  const broken = list().map((one) => run(['backup', 'verify', '--from', path.join(backups, one.name)])).filter((one) => one.code !== 0);
  check('verify finds it and names the record', broken.length > 0 && broken.every((one) => one.code === 1 && one.out.includes(path.basename(segment)) && one.out.includes('server_seq')), broken);
  // A place where pruning would meet the server's own files.
  for (const place of [fresh, path.join(fresh, 'backups'), path.join(fresh, 'clickhouse')]) {
    for (const args of [['serve', '--data', fresh, '--listen', '127.0.0.1:0', '--backup-to', place], ['backup', 'create', '--data', fresh, '--to', place, '--without-clickhouse']]) {
      const refused = run(args);
      equal(`${args[0]} with backups in ${path.relative(folder, place)} is refused`, [refused.code, /own folder|a ledger in it|files of a ClickHouse/.test(refused.err), fs.existsSync(path.join(fresh, 'bodies'))], [2, true, false]);
    }
  }
  equal('so is pruning there', [fresh, path.join(fresh, 'clickhouse')].map((place) => run(['backup', 'prune', '--to', place, '--apply']).code), [2, 2]);
  equal('wrong use', [run(['backup', 'create', '--to', backups]).code, run(['backup', 'verify', '--from', folder]).code], [2, 1]);
  // Root on the service's own folders would leave files that the service cannot read.
  if (process.getuid() === 0) {
    fs.chownSync(backups, 65534, 65534);
    const refused = run(['backup', 'verify', '--from', backups]);
    equal("a command on another user's folder is wrong use, and says whose it is", [refused.code, /sudo -u \S+ boathouse/.test(refused.err)], [2, true]);
    fs.chownSync(backups, 0, 0);
  } else {
    skip("a command on another user's folder", 'only root can make one');
  }
  equal('migrate needs a move', run(['migrate', '--data', fresh]).code, 2);
});
