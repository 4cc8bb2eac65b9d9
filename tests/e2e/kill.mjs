// The recorder, the sync and the server are killed with SIGKILL at random moments, again and again. What the recorder said is
// saved must be there each time; in the end the cloud has what the device has. node kill.mjs [KILLS]
import { spawn } from 'node:child_process';
import path from 'node:path';
import { Server, binary, check, equal, main, run, runJson, temporaryFolder } from './boathouse.mjs';

const kills = Number(process.argv[2] ?? 40);

// Seeded, so that a run can be told from another; the moments are the machine's all the same.
const seed = Number(process.env.BOATHOUSE_KILL_SEED ?? Date.now() % 1_000_000);
let state = seed;
function below(n) {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return Math.floor(((state >>> 8) / 2 ** 24) * n);
}

// Ends by SIGKILL after `ms`, or by itself before: what it printed.
function killed(args, ms, input = '') {
  return new Promise((resolve) => {
    const child = spawn(binary, args, { env: { ...process.env, BOATHOUSE_KEY: '' }, stdio: ['pipe', 'pipe', 'ignore'] });
    let out = '';
    child.stdout.on('data', (piece) => { out += piece; });
    child.stdin.on('error', () => { /* it died before it had read all */ });
    child.stdin.write(input);
    const timer = setTimeout(() => child.kill('SIGKILL'), ms);
    child.on('close', (_, signal) => {
      clearTimeout(timer);
      resolve({ out, killed: signal === 'SIGKILL' });
    });
  });
}

// Of all recordings: sessions count linked ones once, and these workouts are all alike.
function totals(device) {
  return runJson(['device', 'verify', '--json', '--data', device]).json.records;
}

// The last whole line in which the recorder said what is saved.
function promised(out) {
  const lines = out.split('\n').slice(0, -1).filter((line) => line.startsWith('{"saved"'));
  return lines.length === 0 ? {} : JSON.parse(lines.at(-1)).saved;
}

await main(async () => {
  console.log(`# ${kills} kills, seed ${seed}`);
  const folder = temporaryFolder();
  const device = path.join(folder, 'device');
  const server = await new Server(path.join(folder, 'cloud')).start();
  const key = server.key('Anna');
  const workouts = [1, 2, 3].map((n) => run(['pm5', 'simulate', '--type', '3', '--minutes', '4', '--seed', String(n)]).out);
  run(['device', 'record', '--data', device], { input: '' });

  const counts = { recorder: 0, sync: 0, server: 0 };
  let lost = '';
  let before = totals(device);
  let saved = 0;
  for (let done = 0; done < kills && lost === '';) {
    if (done >= 10 + 20 * counts.server) {
      await server.stop('SIGKILL');
      await server.start();
      counts.server += 1;
      done += 1;
    }
    const recorder = await killed(['device', 'record', '--progress', '--data', device], 5 + below(150), workouts[below(3)]);
    if (recorder.killed) { counts.recorder += 1; done += 1; }
    const promise = promised(recorder.out);
    const after = totals(device);
    for (const [stream, count] of Object.entries(promise)) {
      saved += count;
      const there = (after[stream] ?? 0) - (before[stream] ?? 0);
      if (there < count) lost = `${count} ${stream} records were saved, ${there} are there (kill ${done})`;
    }
    before = after;
    if (below(2) === 0) {
      const sync = await killed(['device', 'sync', '--data', device, '--server', server.url, '--key', key], 3 + below(120));
      if (sync.killed) { counts.sync += 1; done += 1; }
    }
  }
  check(`nothing that was saved is lost (${saved} records, kills: ${JSON.stringify(counts)})`, lost === '', lost);
  check('recorder, sync and server were killed', counts.recorder > 0 && counts.sync > 0 && counts.server > 0 && saved > 0, counts);

  const verified = runJson(['device', 'verify', '--json', '--data', device]);
  equal('the device is whole', [verified.code, verified.json.problems], [0, 0]);
  equal('the last sync brings the rest', run(['device', 'sync', '--data', device, '--server', server.url, '--key', key]).code, 0);
  const counted = server.reconcile(key);
  equal('no difference between ledger and ClickHouse', [counted.code, counted.json?.differences], [0, []]);
  equal('the ledger has what the device has',
    counted.json.streams.filter((s) => s.ledger > 0).map((s) => [s.stream, s.ledger]),
    Object.entries(runJson(['device', 'verify', '--json', '--data', device]).json.records));
  const audit = run(['audit', 'verify', '--server', server.url, '--key', server.operatorKey]);
  equal('the audit is whole', [audit.code, audit.err], [0, '']);
});
