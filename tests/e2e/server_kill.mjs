// The server is killed with SIGKILL under the load of real devices, again and again: while batches are in flight, when one
// is committed and its answer not yet had, while the loader inserts, while jobs run. In the end device, ledger and ClickHouse have the same records of every recording, each once.
//   node server_kill.mjs sqlite|postgres [KILLS]
// sqlite: one server whose engine dies with it. postgres: two on one PostgreSQL and one engine, of which one is killed.
import { spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { RunningDevice, Server, atEnd, binary, check, equal, main, run, temporaryFolder } from './boathouse.mjs';
import { startEngine, startTwoNodes } from './cloud.mjs';
import { startPostgres } from './postgres.mjs';

const ledger = process.argv[2] ?? 'sqlite';
const kills = Number(process.argv[3] ?? 20);

// Seeded, so that a run can be told from another; the moments are the machine's all the same.
const seed = Number(process.env.BOATHOUSE_KILL_SEED ?? Date.now() % 1_000_000);
let state = seed;
function below(n) {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return Math.floor(((state >>> 8) / 2 ** 24) * n);
}
const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

// What somebody waits for, at most so long: the load may just then not do it.
function signal() {
  let wake = () => {};
  return {
    give: (what) => wake(what),
    next: (ms) => Promise.race([new Promise((resolve) => { wake = resolve; }), sleep(ms)]),
  };
}

// A command to its end, while this process goes on: {code, out, err}. A server whose log nobody reads would stand still.
function command(args, input = '') {
  return new Promise((resolve) => {
    const child = spawn(binary, args, { env: { ...process.env, BOATHOUSE_KEY: '' } });
    const done = { out: '', err: '' };
    child.stdout.on('data', (piece) => { done.out += piece; });
    child.stderr.on('data', (piece) => { done.err += piece; });
    child.stdin.end(input);
    child.on('close', (code) => resolve({ ...done, code }));
  });
}

// ---- the cloud ----

// {servers, tables: gives what asks ClickHouse, when the load is over}
async function startCloud(folder) {
  const extra = ['--webhook-allow-http-loopback', '--backup-to', path.join(folder, 'backups'), '--backup-every', '2s'];
  if (ledger === 'sqlite') {
    const server = await new Server(path.join(folder, 'cloud'), { extra }).start();
    const tables = async () => {
      await server.stop();
      return (await startEngine(path.join(server.folder, 'clickhouse'), path.join(server.folder, 'engine.password'))).select;
    };
    return { servers: [server], tables };
  }
  const { nodes, select } = await startTwoNodes(folder, await startPostgres(), extra);
  return { servers: nodes, tables: async () => select };
}

// An athlete's program that is told of everything: {"type session": {id: true}}.
async function startReceiver(load) {
  const told = {};
  const receiver = http.createServer((request, response) => {
    const pieces = [];
    request.on('data', (piece) => pieces.push(piece));
    request.on('end', () => {
      load.job.give();
      const { type, data } = JSON.parse(Buffer.concat(pieces).toString());
      (told[`${type} ${data.session_id}`] ??= {})[request.headers['webhook-id']] = true;
      setTimeout(() => response.end(), 20);
    });
  });
  await new Promise((resolve) => { receiver.listen(0, '127.0.0.1', resolve); });
  atEnd(() => { receiver.closeAllConnections(); receiver.close(); });
  return { url: `http://127.0.0.1:${receiver.address().port}/`, told };
}

// What devices reach a server through. It lets everything pass; while `load.keepsAnswers` the answer to a batch, which the
// ledger has committed by then, goes no further: its connection ends, and the server is named by `load.answered`.
async function startDoor(server, load) {
  const [host, port] = server.listen.split(':');
  const door = net.createServer((device) => {
    const toServer = net.connect(Number(port), host);
    let batch = false;
    const end = () => { device.destroy(); toServer.destroy(); };
    for (const socket of [device, toServer]) socket.on('error', end).on('close', end);
    device.on('data', (piece) => {
      batch ||= piece.includes('POST /v1/sync/batch');
      toServer.write(piece);
    });
    toServer.on('data', (piece) => {
      const committed = batch && piece.includes('HTTP/1.1 200');
      if (committed) batch = false;
      if (committed && load.keepsAnswers) {
        end();
        load.answered.give(server);
      } else {
        device.write(piece);
      }
    });
  });
  await new Promise((resolve) => { door.listen(0, '127.0.0.1', resolve); });
  atEnd(() => door.close());
  return `http://127.0.0.1:${door.address().port}`;
}

// ---- the load ----

// A device whose owner rows, syncs, rows, syncs, each by a process of its own.
async function rowAndSync(device, load) {
  for (let n = 0; !load.over; ++n) {
    await command(['device', 'record', '--data', device.folder], load.workouts[(device.number + n) % load.workouts.length]);
    load.sending.give();
    const { code, out } = await command(['device', 'sync', '--json', '--data', device.folder, '--key', device.key, '--deadline', '2',
      '--server', load.doors[(device.number + n) % load.doors.length]]);
    load[code === 0 ? 'synced' : 'cutOff'] += 1;
    load.repeated += JSON.parse(out).duplicate_items;
    if (code === 0) load.acknowledged.give();
  }
}

// A device that runs all the time; its monitor says a little every tenth of a second.
async function rowAlong(device, load) {
  for (let n = 0; !load.over; ++n) {
    const lines = load.workouts[(device.number + n) % load.workouts.length].trimEnd().split('\n');
    for (let i = 0; i < lines.length && !load.over; i += 60) {
      device.running.input.write(`${lines.slice(i, i + 60).join('\n')}\n`);
      await sleep(100);
    }
  }
}

// Waits for the moment of the next kill; gives its name, and the server if only one will do.
async function moment(number, load) {
  const kind = ['any', 'batch', 'answer', 'loader', 'job'][number % 5];
  let server;
  if (kind === 'any') await sleep(below(600));
  if (kind === 'batch') await load.sending.next(1500).then(() => sleep(below(60)));
  if (kind === 'answer') {
    load.keepsAnswers = true;
    server = await load.answered.next(60_000);
    load.keepsAnswers = false;
  }
  if (kind === 'loader') await load.acknowledged.next(1500).then(() => sleep(below(300)));
  if (kind === 'job') await load.job.next(1500).then(() => sleep(below(20)));
  return { kind, server };
}

// ---- the proof ----

// What the ledger says of a device's recordings, asked as a device asks.
async function inLedger(server, key, contents) {
  const questions = contents.map(({ recording, streams }) => ({ rec_id: recording.slice(4), revision: 1,
    streams: Object.fromEntries(Object.entries(streams).map(([name, { records, root }]) => [name, { count: records, root }])) }));
  const reply = await fetch(`${server.url}/v1/sync/verify`, { method: 'POST', body: JSON.stringify({ recordings: questions }),
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json', 'Boathouse-Replica': '018bcfe5-6800-7abc-8def-0123456789ab' } });
  const answer = await reply.json();
  if (reply.status !== 200) throw new Error(`verify: ${reply.status} ${JSON.stringify(answer)}`);
  return answer.results;
}

// All rows of the raw tables, also such as a query with FINAL would hide: {rec_id: {stream: {rows, dense, hash}}}.
async function inClickHouse(select) {
  const found = {};
  for (const stream of ['sample', 'stroke', 'force_curve', 'split', 'summary', 'event']) {
    for (const line of await select(`SELECT rec_id, seq, * EXCEPT (athlete, started, rec_id, seq, ver) FROM ${stream} ORDER BY rec_id, seq FORMAT TSV`)) {
      const [rec, seq] = line.split('\t', 2);
      const of = (found[`rec_${rec}`] ??= {});
      const rows = (of[stream] ??= { rows: 0, dense: true, hash: crypto.createHash('sha256') });
      rows.dense &&= Number(seq) === rows.rows;
      rows.rows += 1;
      rows.hash.update(line.slice(rec.length));
    }
  }
  for (const of of Object.values(found)) for (const rows of Object.values(of)) rows.hash = rows.hash.digest('hex');
  return found;
}

await main(async () => {
  console.log(`# ${ledger}: ${kills} kills, seed ${seed}`);
  const began = performance.now();
  const folder = temporaryFolder();
  const { servers, tables } = await startCloud(folder);
  const keys = ['Anna', 'Ben'].map((name) => servers[0].key(name));
  const load = { over: false, keepsAnswers: false, synced: 0, cutOff: 0, repeated: 0,
    sending: signal(), answered: signal(), acknowledged: signal(), job: signal(),
    workouts: [1, 2, 3].map((n) => run(['pm5', 'simulate', '--type', '3', '--minutes', '2', '--seed', String(n)]).out) };
  load.doors = await Promise.all(servers.map((server) => startDoor(server, load)));
  const receiver = await startReceiver(load);
  const webhook = await fetch(`${servers[0].url}/v1/webhooks`, { method: 'POST', body: JSON.stringify({ url: receiver.url }),
    headers: { Authorization: `Bearer ${keys[0]}`, 'Content-Type': 'application/json' } });
  equal('a webhook is made', webhook.status, 201);

  // Each workout once in peace: what its rows in ClickHouse hash to.
  const devices = [0, 1, 2, 3, 4, 5].map((number) => ({ number, folder: path.join(folder, `device${number}`), key: keys[number % keys.length] }));
  const control = { folder: path.join(folder, 'control'), key: keys[0] };
  for (const workout of load.workouts) await command(['device', 'record', '--data', control.folder], workout);
  const sync = async (device) => (await command(['device', 'sync', '--data', device.folder, '--server', servers[0].url, '--key', device.key])).code;
  equal('the first workouts are counted in peace', await sync(control), 0);

  for (const device of devices.slice(4)) {
    device.running = await new RunningDevice(device.folder, load.doors[device.number % load.doors.length], device.key).start();
  }
  const loops = devices.map((device) => (device.running ? rowAlong : rowAndSync)(device, load));
  const counts = {};
  for (let number = 0; number < kills; ++number) {
    const { kind, server } = await moment(number, load);
    if (kind === 'answer' && server === undefined) throw new Error('no batch was answered in a minute');
    const victim = server ?? servers[below(servers.length)];
    await victim.stop('SIGKILL');
    counts[kind] = (counts[kind] ?? 0) + 1;
    await victim.start();
  }
  if (load.synced === 0) await load.acknowledged.next(60_000);  // a slow machine syncs nothing between two kills
  load.over = true;
  await Promise.all(loops);
  console.log(`# kills at ${JSON.stringify(counts)}; ${load.synced} syncs went through, ${load.cutOff} were cut off, ${load.repeated} items were sent twice; ${Math.round((performance.now() - began) / 1000)} s`);
  check('syncs went through, and answers were lost when the ledger had committed', load.synced > 0 && counts.answer > 0, [load.synced, counts]);
  for (const device of devices.slice(4)) {
    device.running.input.end();
    await device.running.stop();
  }

  const all = [control, ...devices];
  const codes = [];
  for (const device of all) codes.push(await sync(device));
  equal('the last syncs bring the rest', codes, all.map(() => 0));
  for (const device of all) {
    const { code, out } = await command(['device', 'verify', '--json', '--data', device.folder]);
    const json = JSON.parse(out);
    device.contents = json.contents;
    check(`${path.basename(device.folder)} is whole, and all of it acknowledged`,
      code === 0 && json.problems === 0 && JSON.stringify(json.acknowledged) === JSON.stringify(json.records), json.details);
  }
  // Devices of one athlete have each other's recordings, too.
  const recordings = Object.values(Object.fromEntries(all.flatMap((device) => device.contents.map((of) => [of.recording, of]))));
  const asOperator = ['--server', servers[0].url, '--key', servers[0].operatorKey];
  const reconciled = await command(['reconcile', '--json', '--wait', '60', ...asOperator]);
  const counted = reconciled.out.startsWith('{') ? JSON.parse(reconciled.out) : {};
  check('no difference between ledger and ClickHouse', reconciled.code === 0 && counted.differences.length === 0 && counted.unloaded_chunks === 0, reconciled);
  equal('the ledger has these recordings and no other', counted.recordings, recordings.length);
  const audit = await command(['audit', 'verify', ...asOperator]);
  equal('the audit is whole', [audit.code, audit.err], [0, '']);

  const wrong = [];
  for (const device of all) {
    const answers = await inLedger(servers[0], device.key, device.contents);
    device.contents.forEach(({ recording, streams }, i) => {
      for (const [stream, { records, root }] of Object.entries(streams)) {
        const held = answers[i].streams[stream];
        if (answers[i].result !== 'verified' || held.count !== records || held.root !== root || held.visible !== records) {
          wrong.push([recording, stream, records, root, answers[i].result, held]);
        }
      }
    });
  }
  equal(`the ledger has the same counts and roots of ${recordings.length} recordings`, wrong.slice(0, 5), []);

  // A program is told of each session under one id; on PostgreSQL a killed node's calls wait for its lease to end. One
  // that lost six workers is given up as a job, and gets a new one within five minutes (kRecoverEveryMs).
  const sessions = all.filter((device) => device.key === keys[0]).flatMap((device) => device.contents.map(({ recording }) => `session.created ses_${recording.slice(4)}`));
  for (let tries = 0; tries < 3600 && !sessions.every((name) => receiver.told[name]); ++tries) await sleep(100);
  const untold = sessions.filter((name) => !receiver.told[name]);
  check('webhooks told of every session', sessions.length >= control.contents.length && untold.length === 0, untold);
  if (untold.length > 0) {
    const log = await (await fetch(`${servers[0].url}/v1/webhooks/${(await webhook.json()).id}/deliveries?limit=200`, { headers: { Authorization: `Bearer ${keys[0]}` } })).text();
    console.log(`# the webhook's log: ${log}`);
  }
  equal('each under one id', sessions.filter((name) => Object.keys(receiver.told[name] ?? {}).length !== 1), []);

  const rows = await inClickHouse(await tables());
  const hashOfRoot = {};
  for (const { recording, streams } of control.contents) {
    for (const [stream, { records, root }] of Object.entries(streams)) {
      // Control syncs first: of what the other devices of its athlete sent after that it has the beginning, with the root of the beginning.
      if (rows[recording]?.[stream]?.rows === records) hashOfRoot[`${stream} ${root}`] = rows[recording][stream].hash;
    }
  }
  const miscounted = [];
  let compared = 0;
  for (const { recording, streams } of recordings) {
    for (const [stream, { records, root }] of Object.entries(streams)) {
      const there = rows[recording]?.[stream] ?? { rows: 0, dense: true };
      const hash = hashOfRoot[`${stream} ${root}`];
      if (hash !== undefined) compared += 1;
      if (there.rows !== records || !there.dense || (hash !== undefined && there.hash !== hash)) miscounted.push([recording, stream, records, there]);
    }
  }
  equal('ClickHouse has each record once, with the same values', miscounted.slice(0, 5), []);
  equal('and nothing else', Object.keys(rows).length, recordings.length);
  check('most of it was compared with what was counted in peace', compared > recordings.length * 3, [compared, recordings.length]);
  console.log(`# ${recordings.length} recordings, ${recordings.reduce((sum, { streams }) => sum + Object.values(streams).reduce((n, { records }) => n + records, 0), 0)} records; ${Math.round((performance.now() - began) / 1000)} s`);
});
