// The folder of a device vanishes, or can no longer be written to, while a recorder works in it; or its database has lost its
// bytes. Each is a named error that says what to do, what was saved is there, and what was not is said.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { atEnd, binary, check, equal, main, run, runJson, skip, temporaryFolder, until } from './boathouse.mjs';

// Root may write everywhere: for it somebody else works in the read-only folder.
const nobody = process.getuid() === 0 ? { uid: 65534, gid: 65534 } : {};

// A command that takes a monitor's lines from its standard input.
class Recorder {
  constructor(args, options = {}) {
    this.out = '';
    this.err = '';
    this.process = spawn(binary, args, { env: { ...process.env, BOATHOUSE_KEY: '' }, ...options });
    this.process.stdout.on('data', (piece) => { this.out += piece; });
    this.process.stderr.on('data', (piece) => { this.err += piece; });
    this.process.stdin.on('error', () => {});  // it ended while we wrote
    this.ended = new Promise((resolve) => { this.process.on('close', resolve); });
    atEnd(() => this.process.kill('SIGKILL'));
  }
  say(lines) { this.process.stdin.write(`${lines.join('\n')}\n`); }
  // The samples that it said are saved.
  saved() {
    const told = this.out.split('\n').slice(0, -1).filter((line) => line.startsWith('{"saved"')).at(-1);
    return told === undefined ? 0 : JSON.parse(told).saved.sample ?? 0;
  }
}

await main(async () => {
  const folder = temporaryFolder();
  fs.chmodSync(folder, 0o777);
  const lines = run(['pm5', 'simulate', '--type', '3', '--minutes', '1', '--seed', '1']).out.trimEnd().split('\n');
  const half = Math.floor(lines.length / 2);
  const samples = (device) => runJson(['device', 'verify', '--json', '--data', device]).json.records.sample ?? 0;
  const running = (device) => ['device', 'run', '--data', device, '--server', 'http://127.0.0.1:1', '--key', 'k', '--listen', '127.0.0.1:0', '--record', '-'];
  const url = (recorder) => until('it listens', () => /^listening on (\S+)$/m.exec(recorder.out)?.[1]);

  // --- moved away under `device record` ---
  const moved = path.join(folder, 'moved');
  const recorder = new Recorder(['device', 'record', '--progress', '--data', moved]);
  recorder.say(lines.slice(0, half));
  const promised = await until('it has saved', () => recorder.saved());
  fs.renameSync(moved, `${moved}.away`);
  recorder.say(lines.slice(half));
  await until('it says so', () => recorder.err.includes('removed or replaced'));
  recorder.process.stdin.end();
  equal('device record: a folder that was moved away is a failure', await recorder.ended, 1);
  check('device record: it is named, with what to do and how much was not saved',
    recorder.err.includes(`${moved}/device.db`) && recorder.err.includes('put the folder back') && /\d+ record\(s\) could not be saved/.test(recorder.err), recorder.err);
  check('device record: what was said to be saved is in it', samples(`${moved}.away`) >= promised, [samples(`${moved}.away`), promised]);

  // --- removed under `device run`, and begun anew by somebody else ---
  const removed = path.join(folder, 'removed');
  const device = new Recorder(running(removed));
  const page = await url(device);
  const status = async () => {
    const reply = await fetch(`${page}/api/status`);
    return { status: reply.status, json: await reply.json() };
  };
  device.say(lines.slice(0, half));
  await until('it records', async () => (await status()).json.pending_items > 0);
  fs.rmSync(removed, { recursive: true });
  equal('another program begins a store of that name', run(['device', 'status', '--data', removed]).code, 0);
  device.say(lines.slice(half));
  await until('it says so', () => device.err.includes('removed or replaced'));
  const told = await status();
  check('device run: the page is told, too', told.status >= 400 && told.json.detail.includes('put the folder back'), told);
  device.process.stdin.end();
  await until('it says what was not saved', () => /\d+ record\(s\) could not be saved/.test(device.err));
  device.process.kill();
  equal('device run: then its end is a failure', await device.ended, 1);
  check('device run: it never says that all is saved again', !device.err.includes('everything is saved again'), device.err);

  // --- read-only under both, and before the next ---
  const readOnly = path.join(folder, 'read-only');
  const probe = new Recorder(['--version'], nobody);
  if (await probe.ended !== 0) {
    skip('a folder that becomes read-only', 'the programs lie where no other user than root can start them');
  } else {
    for (const kind of ['record', 'run']) {
      fs.mkdirSync(readOnly);
      fs.chmodSync(readOnly, 0o777);
      const open = new Recorder(kind === 'run' ? running(readOnly) : ['device', 'record', '--data', readOnly], nobody);
      if (kind === 'run') await url(open);
      open.say(lines.slice(0, half));
      await until('it has begun', () => fs.existsSync(path.join(readOnly, 'device.db-wal')));
      fs.chmodSync(readOnly, 0o555);
      open.say(lines.slice(half));
      open.process.stdin.end();
      if (kind === 'run') {
        const at = await url(open);
        await until('it has recorded all', async () => (await (await fetch(`${at}/api/sessions`)).json())[0]?.ended);
        open.process.kill();
      }
      equal(`device ${kind}: what it had open stays open in a folder that becomes read-only`, await open.ended, 0);
      fs.chmodSync(readOnly, 0o777);
      check(`device ${kind}: everything is there`, samples(readOnly) > 100, samples(readOnly));
      // The log is gone, and no other can be made.
      fs.chmodSync(readOnly, 0o555);
      const next = new Recorder(['device', 'record', '--data', readOnly], nobody);
      next.process.stdin.end();
      const code = await next.ended;
      check(`device ${kind}: the next one is refused by name, with what helps`,
        code === 1 && next.err.includes(readOnly) && next.err.includes('let this user write there'), [code, next.err]);
      fs.rmSync(readOnly, { recursive: true });
    }
  }

  // --- emptied ---
  const emptied = path.join(folder, 'emptied');
  run(['device', 'record', '--data', emptied], { input: lines.join('\n') });
  fs.truncateSync(path.join(emptied, 'device.db'));
  for (const command of [['status'], ['record'], ['sessions'], ['storage']]) {
    const refused = run(['device', ...command, '--data', emptied]);
    check(`device ${command}: a database without bytes is named and not taken for a new one`,
      refused.code === 1 && refused.err.includes('was emptied') && refused.err.includes('from a backup'), refused);
  }
  equal('it is left as it is', fs.statSync(path.join(emptied, 'device.db')).size, 0);
  // With a log: as a crash leaves it.
  const cut = path.join(folder, 'cut');
  const killed = new Recorder(['device', 'record', '--progress', '--data', cut]);
  killed.say(lines.slice(0, half));
  const inLog = await until('it has saved', () => killed.saved());
  killed.process.kill('SIGKILL');
  await killed.ended;
  fs.truncateSync(path.join(cut, 'device.db'));
  const named = run(['device', 'status', '--data', cut]);
  check('and what its log holds can be saved', named.code === 1 && named.err.includes(`device salvage --data ${cut}`), named);
  const rescued = path.join(folder, 'rescued');
  run(['device', 'salvage', '--data', cut, '--output', rescued]);
  check('all of it is', samples(rescued) >= inLog, [samples(rescued), inLog]);
  equal('a folder that is new is a new device', run(['device', 'status', '--data', path.join(folder, 'new')]).code, 0);
});
