// The ledger's nightly backup on AWS as its node makes it: deploy/cloud-init/backup-ledger with the built program, a ledger in PostgreSQL, AWS'
// own command line and an object store on loopback that deletes nothing.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { Server, atEnd, binary, check, equal, main, run, runJson, temporaryFolder } from '../e2e/boathouse.mjs';
import { startPostgres } from '../e2e/postgres.mjs';
import { objectStore } from './object_store.mjs';
import { codeOf, section } from './operators_pages.mjs';

const deploy = path.join(process.env.BOATHOUSE_SOURCE_DIR, 'deploy');

// What stands on the node's PATH.
function program(folder, name, content) {
  fs.writeFileSync(path.join(folder, name), content, { mode: 0o755 });
}

// A program to its end, while the object store in here answers.
function ended(file, args, env) {
  return new Promise((resolve) => {
    const child = spawn(file, args, { env });
    let text = '';
    child.stdout.on('data', (piece) => { text += piece; });
    child.stderr.on('data', (piece) => { text += piece; });
    child.on('close', (code) => resolve({ code, text }));
  });
}

await main(async () => {
  const folder = temporaryFolder();
  const store = await objectStore({ mayDelete: () => false });
  atEnd(store.close);
  const postgres = await startPostgres();
  const ledger = postgres.url('boathouse');
  const server = await new Server(path.join(folder, 'cloud'), { extra: ['--ledger', ledger] }).start();
  const row = (seed) => run(['simulate', '--ergs', '2', '--hz', '10', '--minutes', '2', '--speed', '0', '--seed', String(seed), '--server', server.url, '--key', server.operatorKey]).code;
  equal('a crew has rowed', row(1), 0);

  const bin = path.join(folder, 'bin');
  const texts = path.join(folder, 'texts');
  for (const one of [bin, texts]) fs.mkdirSync(one);
  program(bin, 'boathouse', `#!/bin/sh\nexec ${binary} "$@"\n`);
  program(bin, 'boathouse-backup-done', fs.readFileSync(path.join(deploy, 'cloud-init/backup-done'), 'utf8'));
  program(bin, 'aws', `#!/bin/sh\nPATH='${process.env.PATH}'\nexec aws --endpoint-url ${store.url} "$@"\n`);
  const backups = path.join(folder, 'backups');
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, AWS_ACCESS_KEY_ID: 'k', AWS_SECRET_ACCESS_KEY: 's', AWS_DEFAULT_REGION: 'eu-central-1', AWS_EC2_METADATA_DISABLED: 'true',
    BOATHOUSE_LEDGER: ledger, BOATHOUSE_BACKUP_BUCKET: 'bucket', BOATHOUSE_BACKUP_FOLDER: backups, BOATHOUSE_TEXTFILES: texts, BOATHOUSE_NOW: '1700000000' };
  const backup = (week, more = {}) => ended(path.join(deploy, 'cloud-init/backup-ledger'), [], { ...env, BOATHOUSE_WEEK: week, ...more });
  const stored = (below) => [...store.objects.keys()].filter((key) => key.startsWith(`/bucket/ledger/${below}`)).sort();
  const prom = path.join(texts, 'boathouse_backup_ledger.prom');
  const mark = async () => /^boathouse_backup_timestamp_seconds (\S+)$/m.exec(await (await server.get('/metrics', server.operatorKey)).text())?.[1];

  equal('before the first one nothing counts as backed up', await mark(), undefined);
  equal('the first night', await backup('2026-W48'), { code: 0, text: '' });
  const names = () => fs.readdirSync(backups).filter((name) => name.startsWith('backup-')).sort();
  check('it says so to Prometheus', fs.readFileSync(prom, 'utf8').includes('{what="ledger"} 1700000000\n'));
  check('and the ledger knows how far it reaches: devices may free room, retention may remove', Number(await mark()) > 1.7e9, await mark());
  equal('what is complete says so', stored('2026-W48/complete/'), [`/bucket/ledger/2026-W48/complete/${names()[0]}.json`]);
  const newest = () => JSON.parse(store.objects.get('/bucket/clickhouse/newest-ledger.json')?.toString() ?? 'null');
  equal('and ClickHouse\'s backup can read which it goes with', newest()?.ledger, `ledger/2026-W48/complete/${names()[0]}.json`);
  const bodies = stored('2026-W48/bodies/');
  check('the bodies are there', bodies.length > 0, stored(''));
  equal('neither a lock nor what is half done is', stored('').filter((key) => /\/(lock|\.[^/]*)$/.test(key)), []);

  equal('a day later', [row(2), await backup('2026-W48')], [0, { code: 0, text: '' }]);
  check('only what is new was sent', stored('2026-W48/bodies/').length > bodies.length && stored('2026-W48/complete/').length === 2, stored(''));
  equal('next week all of it goes to a place of its own', await backup('2026-W49'), { code: 0, text: '' });
  equal('with every body', stored('2026-W49/bodies/').map((key) => key.replace('W49', 'W48')), stored('2026-W48/bodies/'));

  // The node and its volume are lost: the newest backup alone, as the runbook has it, into a database beside the old one.
  equal('another night', [row(3), await backup('2026-W49')], [0, { code: 0, text: '' }]);
  const unneeded = '/bucket/ledger/2026-W49/bodies/bodies-1-9-00.seg';
  store.objects.set(unneeded, Buffer.from('of a night before'));
  const last = names().at(-1);
  const fetched = path.join(folder, 'fetched');
  const commands = codeOf(section('operations/runbooks.md', 'Restore the ledger')).find(({ text }) => text.includes('/complete/')).text
    .replaceAll('BUCKET', 'bucket').replaceAll('2026-W48', '2026-W49').replaceAll('NAME', last).replaceAll('/var/lib/boathouse-backup', fetched);
  const shown = await ended('bash', ['-euo', 'pipefail', '-c', commands], env);
  check('fetched, and seen which is the last one that is complete', shown.code === 0 && shown.text.includes('2026-W49/') && shown.text.trim().split('\n').at(-1).endsWith(` ${last}.json`), shown);
  equal('it alone', fs.readdirSync(fetched).sort(), [last, 'bodies']);
  const segments = JSON.parse(fs.readFileSync(path.join(fetched, last, 'manifest.json'), 'utf8')).manifest.segments.map(({ file }) => file).sort();
  check('with every body that it names, those of other nights too, and no other', segments.length > 1 && !segments.includes(path.basename(unneeded)), segments);
  equal('is there', fs.readdirSync(path.join(fetched, 'bodies')).sort(), segments);
  store.objects.delete(unneeded);
  equal('the copy is whole', run(['backup', 'verify', '--from', fetched]).code, 0);
  const restored = runJson(['restore', '--from', fetched, '--data', path.join(folder, 'restored'), '--ledger', postgres.url('boathouse_restored'), '--without-clickhouse', '--json']);
  const listed = run(['backup', 'list', '--to', fetched, '--json']).out.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line))[0];
  equal('restored', [restored.code, restored.json.chunks > 0, restored.json.chunks], [0, true, listed.chunks]);
  const drilled = runJson(['restore', '--from', fetched, '--data', path.join(folder, 'drilled'), '--without-clickhouse', '--json']);
  equal('for a drill into files, without a database', [drilled.code, drilled.json.chunks], [0, listed.chunks]);

  // What goes wrong says nothing to Prometheus, and leaves nothing that looks complete.
  const told = newest().ledger;
  const complete = stored('').filter((key) => key.includes('/complete/'));
  fs.rmSync(prom);
  store.refuses = true;
  const refused = await backup('2026-W49');
  store.refuses = false;
  check('a bucket that refuses ends with an error', refused.code !== 0 && !fs.existsSync(prom), refused);
  const away = await backup('2026-W49', { BOATHOUSE_LEDGER: 'postgresql:///none?host=/nowhere' });
  check('so does a ledger that cannot be read', away.code !== 0 && !fs.existsSync(prom), away);
  equal('ClickHouse\'s is told of neither', newest().ledger, told);
  equal('neither leaves a word that all is there', stored('').filter((key) => key.includes('/complete/')), complete);
  equal('the next night all is well again', [(await backup('2026-W49')).code, fs.existsSync(prom)], [0, true]);
  check('of the folder the newest days stay', names().length >= 1 && names().length <= 2, names());

  // A new week gets what was made the day before, for a restore; what is older may have somebody who was erased since, and goes first.
  const madeEarlier = (name, days) => {
    const file = path.join(backups, name, 'manifest.json');
    const [, begin, inside] = /^({"manifest":)(.*),"sha256":"[0-9a-f]{64}"}\n$/.exec(fs.readFileSync(file, 'utf8'));
    const made = JSON.parse(inside).made_ms - days * 86_400_000;
    const changed = inside.replace(/("made_ms":)\d+/, `$1${made}`);
    fs.writeFileSync(file, `${begin}${changed},"sha256":"${createHash('sha256').update(changed).digest('hex')}"}\n`);
    const older = name.replace(/^backup-\d{8}/, `backup-${new Date(made).toISOString().slice(0, 10).replaceAll('-', '')}`);
    fs.renameSync(path.join(backups, name), path.join(backups, older));
    return older;
  };
  const inWeek = (week) => [...new Set(stored(`${week}/backup-`).map((key) => key.split('/')[4]))];
  const dayOf = (name) => Date.parse(name.replace(/^backup-(\d{4})(\d\d)(\d\d).*$/, '$1-$2-$3'));
  for (const name of names().slice(0, -1)) fs.rmSync(path.join(backups, name), { recursive: true });
  const dayBefore = madeEarlier(names()[0], 1);
  equal('the first night of a week', await backup('2026-W50'), { code: 0, text: '' });
  const isDayBefore = dayOf(names().at(-1)) - dayOf(dayBefore) === 86_400_000; // but for a midnight that came meanwhile
  equal('has what was made the day before, here and in the bucket', [names().includes(dayBefore), inWeek('2026-W50')], [isDayBefore, names()]);
  for (const name of names().reverse()) madeEarlier(name, 9);
  equal('after nights that were missed', await backup('2026-W51'), { code: 0, text: '' });
  equal('there is tonight\'s alone, verified', [names().length, inWeek('2026-W51'), run(['backup', 'verify', '--from', backups]).code], [1, names(), 0]);
  // One that nobody can read keeps all the others from being removed.
  fs.mkdirSync(path.join(backups, 'backup-20200101T000000000Z-00000000'));
  fs.rmSync(prom);
  const kept = await backup('2026-W51');
  check('old ones that are not removed are told of', kept.code === 1 && kept.text.includes('not removed') && !fs.existsSync(prom), kept);
  check('and tonight\'s is complete all the same', stored('2026-W51/complete/').length === 2 && newest().ledger.endsWith(`${names().at(-1)}.json`), newest());
});
