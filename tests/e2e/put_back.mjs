// The ledger's file is put back to an earlier state by hand, under its old epoch. The server says so by itself; without its witness the device
// that has seen more does. After `boathouse reload --new-epoch` it sends again what the ledger lacks.
import fs from 'node:fs';
import path from 'node:path';
import { Server, check, equal, main, run, runJson, temporaryFolder } from './boathouse.mjs';

await main(async () => {
  const folder = temporaryFolder();
  const data = path.join(folder, 'cloud');
  const device = path.join(folder, 'device');
  const server = await new Server(data).start();
  const key = server.key('Anna');
  const row = (seed) => run(['device', 'record', '--data', device],
    { input: run(['pm5', 'simulate', '--type', '3', '--minutes', '2', '--seed', String(seed)]).out });
  const sync = () => run(['device', 'sync', '--data', device, '--server', server.url, '--key', key]);
  const counts = () => { const found = server.reconcile(server.operatorKey); return [found.code, found.json.streams]; };

  row(1);
  equal('a workout is synced', sync().code, 0);
  counts();
  await server.stop();
  const ledger = path.join(data, 'ledger.db');
  const kept = path.join(folder, 'kept.db');
  fs.copyFileSync(ledger, kept);

  await server.start();
  row(2);
  equal('another one too', sync().code, 0);
  const before = counts();
  await server.stop();
  fs.copyFileSync(kept, ledger);
  for (const rest of ['-wal', '-shm']) fs.rmSync(ledger + rest, { force: true });

  const metrics = async () => (await server.get('/metrics', server.operatorKey)).text();
  const heard = (refused) => refused.code === 1 && /put back to an earlier state/.test(refused.out + refused.err);
  await server.start();
  check('the server notices without a device', /was put back to an earlier state: this server has seen server_seq \d+/.test(server.log), server.log);
  const ready = await server.getJson('/readyz');
  check('and says so to whoever asks whether it is ready', ready.status === 503 && ready.json.ledger === false && ready.json.ledger_went_back === true, ready);
  check('and to Prometheus', /^boathouse_ledger_went_back 1$/m.test(await metrics()));
  const first = sync();
  check('a device hears why it waits', heard(first) && /this server has seen/.test(first.out + first.err), first);
  equal('sessions are there to be read', (await server.sessions(key)).length, 2);
  await server.stop();

  const witness = path.join(data, 'ledger.witness');
  const seen = fs.readFileSync(witness, 'utf8');
  await server.start();
  await server.stop();
  equal('the next process knows as much', fs.readFileSync(witness, 'utf8'), seen);

  fs.writeFileSync(witness, seen.slice(1));
  await server.start();
  check('a witness that is damaged is said to be', /the ledger's witness tells nothing: .*ledger\.witness is damaged/.test(server.log), server.log);
  const refused = sync();
  check('then the device hears what happened', heard(refused) && /the device has seen/.test(refused.out + refused.err), refused);
  check('and the server counts it', /^boathouse_sync_devices_ahead_total [1-9]/m.test(await metrics()));
  const used = run(['reload', '--data', data, '--new-epoch']);
  check('not while the server runs', used.code !== 0 && /a server runs on .*; stop it first/.test(used.err), used);
  await server.stop();
  check('the server says what to do', /was put back .*reload --new-epoch/.test(server.log), server.log);
  const reloaded = runJson(['reload', '--data', data, '--new-epoch', '--json']);
  check('a new epoch begins', reloaded.code === 0 && /the ledger has the new epoch [0-9a-f]{32}/.test(reloaded.err), reloaded);

  await server.start();
  check('whose beginning is no going back', !/put back|witness/.test(server.log), server.log);
  equal('the device sends what the ledger lacks', sync().code, 0);
  equal('queries count as before', counts(), before);
  const audit = run(['audit', 'show', '--server', server.url, '--key', server.operatorKey]);
  check('it is in the audit', /restore .*by=other-means epoch=/.test(audit.out), audit);
  equal('whose chain holds', run(['audit', 'verify', '--server', server.url, '--key', server.operatorKey]).code, 0);
});
