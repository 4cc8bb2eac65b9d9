// The push survives the death of either side: what was acknowledged stays, what was not is sent again, nothing counts twice.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Server, binary, check, equal, main, run, runJson, temporaryFolder } from './boathouse.mjs';

// The process id of a child by its program's name.
function childOf(parent, name) {
  for (const entry of fs.readdirSync('/proc').filter((file) => /^\d+$/.test(file))) {
    try {
      const [, comm, , ppid] = /^\d+ \((.*)\) (\S) (\d+)/.exec(fs.readFileSync(`/proc/${entry}/stat`, 'utf8'));
      if (Number(ppid) === parent && name.startsWith(comm)) return Number(entry);
    } catch { /* it ended meanwhile */ }
  }
  throw new Error(`${parent} has no child ${name}`);
}

// Waits until a process that reads a pipe has taken everything: it sleeps and uses no processor time any more.
async function allRead(pid) {
  let before = '';
  for (let idle = 0, tries = 0; idle < 10; ++tries) {
    if (tries > 1000) throw new Error('the recorder never became idle');
    await new Promise((resolve) => { setTimeout(resolve, 20); });
    const [state, ...fields] = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
    const used = fields.slice(10, 12).join(' ');
    idle = state === 'S' && used === before && used !== '0 0' ? idle + 1 : 0;
    before = used;
  }
}

await main(async () => {
  const folder = temporaryFolder();
  const device = path.join(folder, 'device');
  const server = await new Server(path.join(folder, 'cloud')).start();
  const key = server.key('Anna');
  const record = (seed, minutes) => run(['device', 'record', '--data', device],
    { input: run(['pm5', 'simulate', '--type', '3', '--minutes', String(minutes), '--seed', String(seed)]).out });

  record(1, 3);
  equal('first workout synced', run(['device', 'sync', '--data', device, '--server', server.url, '--key', key]).code, 0);
  equal('the server is killed', await server.stop('SIGKILL'), { code: null, signal: 'SIGKILL' });

  record(2, 3);
  check('a sync without a server keeps everything',
    runJson(['device', 'sync', '--json', '--data', device, '--server', server.url, '--key', key]).json.pending_items > 0);
  await server.start();
  equal('after the restart it goes through', run(['device', 'sync', '--data', device, '--server', server.url, '--key', key]).code, 0);
  let counted = server.reconcile(key);
  equal('both workouts are counted once', [counted.code, counted.json?.recordings, counted.json?.sessions], [0, 2, 2]);

  // A recorder that is killed in the middle of a workout loses at most its last group; the rest is sealed at the next start.
  const lines = run(['pm5', 'simulate', '--type', '3', '--minutes', '3', '--seed', '3']).out.split('\n').slice(0, 1500);
  const recorder = spawn(binary, ['device', 'record', '--data', device]);
  const gone = new Promise((resolve) => recorder.on('exit', (_, signal) => resolve(signal)));
  recorder.stdin.write(`${lines.join('\n')}\n`);
  await allRead(recorder.pid);
  recorder.kill('SIGKILL');
  equal('the recorder is killed', await gone, 'SIGKILL');
  const sessions = runJson(['device', 'sessions', '--json', '--data', device]).json;
  equal('the cut workout is there and sealed', [sessions.length, sessions[0].ended], [3, true]);
  const rows = sessions[0].records.sample;
  const sampleLines = lines.filter((line) => JSON.parse(line).char === '0031').length;
  check('with all but the last group', rows > 0 && rows <= sampleLines && rows >= sampleLines - 40, [rows, sampleLines]);
  equal('it says that it was cut', sessions[0].records.event >= 1, true);

  // A device that is killed while it syncs sends again; the ledger knows it.
  const syncing = spawn(binary, ['device', 'sync', '--data', device, '--server', server.url, '--key', key]);
  const died = new Promise((resolve) => syncing.on('exit', resolve));
  setTimeout(() => syncing.kill('SIGKILL'), 15);
  await died;
  equal('the next sync brings the rest', run(['device', 'sync', '--data', device, '--server', server.url, '--key', key]).code, 0);
  counted = server.reconcile(key);
  const verified = runJson(['device', 'verify', '--json', '--data', device]).json;
  equal('three recordings, no difference', [counted.json?.recordings, counted.json?.differences], [3, []]);
  equal('the ledger has what the device has', counted.json.streams.filter((s) => s.ledger > 0).map((s) => [s.stream, s.ledger]),
    Object.entries(verified.records));

  // The engine dies alone: uploads go on, and it catches up.
  const before = counted.json.streams[0].ledger;
  process.kill(childOf(server.process.pid, 'boathouse-engine'), 'SIGKILL');
  record(4, 1);
  equal('an upload while the engine is dead', run(['device', 'sync', '--data', device, '--server', server.url, '--key', key]).code, 0);
  counted = server.reconcile(key);
  check('it is started again and catches up', counted.code === 0 && counted.json.streams[0].clickhouse > before, counted);

  // The engine hangs: it is alive and says nothing. That is noticed, it is killed and started again.
  const hung = childOf(server.process.pid, 'boathouse-engine');
  const counts = counted.json.streams[0].ledger;
  process.kill(hung, 'SIGSTOP');
  record(5, 1);
  check('an upload while the engine hangs is taken',
    runJson(['device', 'sync', '--json', '--data', device, '--server', server.url, '--key', key]).json.pending_items === 0);
  counted = server.reconcile(key);
  check('the one that hung is gone, and it catches up', counted.code === 0 && counted.json.streams[0].clickhouse > counts, counted);
  check('by another process', childOf(server.process.pid, 'boathouse-engine') !== hung);
  equal('SIGTERM ends with 0', await server.stop(), { code: 0, signal: null });
  check('and the log says so', server.log.includes('engine hangs: it is killed'), server.log);
});
