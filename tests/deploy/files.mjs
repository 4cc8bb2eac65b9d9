// The plain files of deploy/ do what they say: shell, units, and ClickHouse's XML, which the embedded ClickHouse loads as a server would, with an
// object store on loopback in the place of S3, nginx before a service. What needs a second replica or a Keeper is not seen here.
import { spawn, spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import readline from 'node:readline';
import { Server, atEnd, check, engineBinary, equal, main, run, runAsync, skip, temporaryFolder } from '../e2e/boathouse.mjs';
import { objectStore } from './object_store.mjs';

const source = process.env.BOATHOUSE_SOURCE_DIR;
const deploy = path.join(source, 'deploy');
const usersXml = fs.readFileSync(path.join(deploy, 'clickhouse/users.xml'), 'utf8');
const filesIn = (folder) => fs.readdirSync(path.join(deploy, folder)).map((name) => path.join(deploy, folder, name));
const firstLine = (file) => fs.readFileSync(file, 'utf8').split('\n', 1)[0];

function program(file, content) {
  fs.writeFileSync(file, content, { mode: 0o755 });
  return file;
}

function checkShell() {
  const scripts = [...filesIn('cloud-init'), ...filesIn('clickhouse'), path.join(deploy, 'aws/make-tls')].filter((file) => /bash/.test(firstLine(file)));
  const wrong = scripts.filter((file) => spawnSync('bash', ['-n', file]).status !== 0);
  check(`${scripts.length} scripts are bash`, scripts.length >= 13 && wrong.length === 0, wrong);
}

function checkUnits(folder) {
  const at = (timer) => /^OnCalendar=\*-\*-\* (\d\d:\d\d):00 UTC$/m.exec(fs.readFileSync(path.join(deploy, 'systemd', timer), 'utf8'))[1];
  check('the ledger\'s backup begins before ClickHouse\'s, by more than both may be late', at('ledger-backup.timer') < at('clickhouse-backup.timer') && at('ledger-backup.timer').slice(3) === at('clickhouse-backup.timer').slice(3), [at('ledger-backup.timer'), at('clickhouse-backup.timer')]);
  const units = filesIn('systemd').filter((file) => /\.(service|timer|path)$/.test(file));
  // A machine that is built has every program of ours; this one need not.
  for (const unit of units) {
    fs.writeFileSync(path.join(folder, path.basename(unit)), fs.readFileSync(unit, 'utf8').replace(/^(ExecStart=)\/usr\/(local\/)?bin\/[a-z-]+/gm, '$1/bin/true'));
  }
  if (spawnSync('systemd-analyze', ['--version']).status !== 0) {
    skip('systemd can read every unit', 'systemd-analyze is not installed');
    return;
  }
  const answers = units.map((unit) => {
    const done = spawnSync('systemd-analyze', ['verify', '--man=no', path.join(folder, path.basename(unit))], { encoding: 'utf8' });
    return done.status === 0 && done.stderr === '' ? '' : `${path.basename(unit)}: ${done.stderr}`;
  }).filter((answer) => answer !== '');
  equal('systemd can read every unit', answers, []);
  fs.writeFileSync(path.join(folder, 'wrong.service'), '[Service]\nExecStart=/bin/true\nProtectSytem=strict\n');
  check('it finds what is mistyped', spawnSync('systemd-analyze', ['verify', '--man=no', path.join(folder, 'wrong.service')], { encoding: 'utf8' }).stderr.includes('ProtectSytem'));
  for (const [unit, most] of [['boathouse.service', 20], ['clickhouse-server.service', 35], ['clickhouse-keeper.service', 35]]) {
    const exposure = spawnSync('systemd-analyze', ['security', '--offline=true', '--no-pager', `--threshold=${most}`, path.join(deploy, 'systemd', unit)]);
    equal(`${unit} gives away little (at most ${most / 10} of 10)`, exposure.status, 0);
  }
  const served = /^ExecStart=(.+)$/m.exec(fs.readFileSync(path.join(deploy, 'systemd/boathouse.service'), 'utf8'))[1].split(' ').slice(1);
  const dropIn = fs.readFileSync(path.join(deploy, 'systemd/boathouse-aws.conf'), 'utf8');
  const said = Object.fromEntries([['BOATHOUSE_BACKUP_KEPT_DAYS', '47'], ...[...dropIn.matchAll(/^Environment=(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value])]);
  const onAws = [...dropIn.matchAll(/^ExecStart=(.+)$/gm)][0][1].replace(/\$\{(\w+)\}/g, (text, name) => said[name] ?? text).split(' ').slice(1);
  // Without --backup-to no device may ever remove anything; the unit may write there, and it is not within the data.
  const unit = fs.readFileSync(path.join(deploy, 'systemd/boathouse.service'), 'utf8');
  const folders = /^StateDirectory=(.+)$/m.exec(unit)[1].split(' ').map((name) => `/var/lib/${name}`);
  equal('boathouse.service: a backup each day, into a folder of its own', [folders.includes(served[served.indexOf('--data') + 1]), folders.indexOf(served[served.indexOf('--backup-to') + 1])], [true, 1]);
  const replicas = fs.readFileSync(path.join(deploy, 'clickhouse/server.xml'), 'utf8').match(/<host>clickhouse-\d/g).length;
  equal('boathouse-aws.conf: all replicas have a block before it counts as loaded', onAws[onAws.indexOf('--clickhouse-quorum') + 1], String(replicas));
  for (const [what, args] of [['boathouse.service', served], ['boathouse-aws.conf', onAws]]) {
    equal(`${what}: serve knows its options`, run([...args, '--help']).code, 0);
    // --help ends before values are looked at, so each option by its name.
    const help = run(['serve', '--help']).out;
    equal(`${what}: and each is one of serve's`, args.filter((arg) => arg.startsWith('--') && !help.includes(arg)), []);
  }
}

// Nothing of ours asks a host that is not ours: a node's credentials are one such request away.
function checkHosts() {
  const known = /^(127\.0\.0\.1|169\.254\.169\.254|[a-z0-9-]+\.boathouse\.internal|\$.*)$/;
  const foreign = ['cloud-init', 'clickhouse', 'systemd', 'nginx', 'prometheus'].flatMap(filesIn).flatMap((file) =>
    [...fs.readFileSync(file, 'utf8').matchAll(/https?:\/\/([^/:\s'"]+)/g)].filter(([, host]) => !known.test(host)).map(([url]) => `${path.basename(file)}: ${url}`));
  equal('no file names a host that is not ours', foreign, []);
}

// What the docs tell the operator to type.
function checkCommands() {
  const said = ['docs/deploy-aws.md', 'docs/operations/runbooks.md'].flatMap((file) =>
    [...fs.readFileSync(path.join(source, file), 'utf8').matchAll(/(?:bin\/|`)boathouse ((?:[a-z0-9]+ ?)+)((?: *--?[a-z-]+(?: (?![-|>])[^ `\n]+)*)*)/g)]);
  const wrong = said.map(([text, words, options]) => {
    const command = words.trim().split(' ').slice(0, /^(device|pm5|key|athlete|team|pair|backup|retention|audit) /.test(words) ? 2 : 1);
    const help = run([...command, '--help']);
    const missing = [...options.matchAll(/--[a-z-]+/g)].filter(([option]) => !help.out.includes(option));
    return help.code === 0 && missing.length === 0 ? '' : text;
  }).filter((text) => text !== '');
  check(`${said.length} commands of the docs are commands`, said.length >= 10 && wrong.length === 0, wrong);
}

// No Keeper can be started here: what can be read of its configuration.
function checkKeeper() {
  const file = path.join(deploy, 'clickhouse/keeper.xml');
  const read = spawnSync('python3', ['-c', `
import json, sys, xml.etree.ElementTree as tree
keeper = tree.parse(sys.argv[1]).getroot().find("keeper_server")
raft = keeper.find("raft_configuration")
print(json.dumps({"port": keeper.findtext("tcp_port_secure"), "plain": keeper.findtext("tcp_port"), "secure": raft.findtext("secure"), "sync": keeper.findtext("coordination_settings/force_sync"),
  "servers": [[one.findtext("id"), one.findtext("hostname"), one.findtext("port")] for one in raft.iter("server")]}))`, file], { encoding: 'utf8' });
  equal('keeper.xml: three that vote over TLS, each write synced', [read.stderr, JSON.parse(read.stdout || '{}')], ['', {
    port: '9281', plain: null, secure: 'true', sync: 'true', servers: ['1', '2', '3'].map((number) => [number, `keeper-${number}.boathouse.internal`, '9234']) }]);
  const asked = [...fs.readFileSync(path.join(deploy, 'clickhouse/server.xml'), 'utf8').matchAll(/<host>(keeper-.*)<\/host>\s*<port>(\d+)<\/port>\s*<secure>1</g)].map(([, host, port]) => `${host}:${port}`);
  equal('server.xml: asks those three', asked, ['1', '2', '3'].map((number) => `keeper-${number}.boathouse.internal:9281`));
}

// boathouse-secrets with a Secrets Manager of three lines.
function checkSecrets(folder) {
  fs.mkdirSync(folder);
  program(path.join(folder, 'aws'), `#!/bin/sh
case "$4" in
  tls) echo '{"ca": "CA", "certificate": "CERT", "key": "KEY"}' ;;
  clickhouse) echo '{"password": "c"}' ;;
  interserver) printf '%s\\n' '{"password": "i"}' ;;
  ledger) printf '%s\\n' '{"host": "db", "port": 5433, "dbname": "boathouse", "username": "boathouse", "password": "a:b\\\\c"}' ;;
  *) exit 255 ;;
esac
`);
  const secrets = (to, env) => {
    const run_ = path.join(folder, to);
    const done = spawnSync(path.join(deploy, 'cloud-init/secrets'), [], { encoding: 'utf8', env: { PATH: `${folder}:${process.env.PATH}`, BOATHOUSE_RUN: run_, BOATHOUSE_TLS: path.join(run_, 'tls'), BOATHOUSE_TLS_SECRET: 'tls', ...env } });
    return { done, read: (file) => fs.readFileSync(path.join(run_, file), 'utf8'), mode: (file) => (fs.statSync(path.join(run_, file)).mode & 0o777).toString(8) };
  };
  const replica = secrets('replica', { BOATHOUSE_CLICKHOUSE_SECRET: 'clickhouse', BOATHOUSE_INTERSERVER_SECRET: 'interserver' });
  equal('secrets: a replica gets its own', [replica.done.status, replica.done.stderr], [0, '']);
  const lines = Object.fromEntries(replica.read('secrets.env').trimEnd().split('\n').map((line) => line.split('=')));
  equal('secrets: a password is known to ClickHouse by its hash', lines.BOATHOUSE_CLICKHOUSE_PASSWORD_SHA256, crypto.createHash('sha256').update('c').digest('hex'));
  equal('secrets: the operator of a replica has a new one at each start', [lines.BOATHOUSE_OPERATOR_PASSWORD.length, lines.BOATHOUSE_OPERATOR_PASSWORD_SHA256],
    [48, crypto.createHash('sha256').update(lines.BOATHOUSE_OPERATOR_PASSWORD).digest('hex')]);
  equal('secrets: nobody else reads them', [replica.mode('secrets.env'), replica.mode('clickhouse-password'), replica.mode('tls/ca.crt')], ['600', '600', '644']);
  const monitor = secrets('monitor', { BOATHOUSE_LEDGER_SECRET: 'ledger' });
  equal('secrets: a password with signs of .pgpass stays whole', [monitor.done.status, monitor.read('pgpass')], [0, 'db:5433:*:boathouse:a\\:b\\\\c\n']);
  equal('secrets: a node without ClickHouse gets none of its', monitor.read('secrets.env'), '');
  equal('secrets: what is not given is an error', secrets('none', { BOATHOUSE_LEDGER_SECRET: 'other' }).done.status === 0, false);
}

// The monitor node is replaced by each deployment: what it has said of the last drill is there on the next one, which mounts the same volume.
function checkTexts(folder) {
  fs.mkdirSync(folder);
  const boot = fs.readFileSync(path.join(deploy, 'cloud-init/monitor.sh'), 'utf8');
  const [keepTexts] = /^keep_texts\(\)[^]*?^}$/m.exec(boot);
  program(path.join(folder, 'mountpoint'), '#!/bin/sh\ntest -L "$2"\n');
  program(path.join(folder, 'mount'), '#!/bin/sh\nrmdir "$1" && ln -s "$(grep " $1 " "$BOATHOUSE_FSTAB" | cut -d " " -f 1)" "$1"\n');
  const machine = (name) => {
    const root = path.join(folder, name);
    fs.mkdirSync(root);
    fs.writeFileSync(path.join(root, 'fstab'), '');
    const [texts, fstab] = [path.join(root, 'texts'), path.join(root, 'fstab')];
    const env = { PATH: `${folder}:${process.env.PATH}`, BOATHOUSE_FSTAB: fstab, BOATHOUSE_NOW: '1700000000' };
    const keep = () => spawnSync('bash', ['-euc', `${keepTexts}\nkeep_texts ${folder}/volume ${texts} ${fstab}`], { env, encoding: 'utf8' }).status;
    return { env, texts, kept: [keep(), keep()], fstab: fs.readFileSync(fstab, 'utf8').trimEnd().split('\n') };
  };
  fs.mkdirSync(path.join(folder, 'volume'), { mode: 0o700 });
  const first = machine('first');
  equal('monitor.sh: mounts the text files once', [first.kept, first.fstab.length, first.fstab[0].split(' ').length], [[0, 0], 1, 6]);
  equal('a drill is noted', spawnSync(path.join(deploy, 'cloud-init/backup-done'), ['drill', first.texts], { env: first.env }).status, 0);
  check('and known to the next machine', fs.readFileSync(path.join(machine('second').texts, 'boathouse_backup_drill.prom'), 'utf8').includes('{what="drill"} 1700000000\n'));
  check('monitor.sh: after the volume is there, before anybody writes', boot.indexOf('mount_volume') < boot.indexOf('\nkeep_texts /') && boot.indexOf('\nkeep_texts /') < boot.indexOf('systemctl enable'));
}

// deploy/nginx/boathouse.conf before a service, with a certificate of make-tls.
async function checkNginx(folder) {
  fs.mkdirSync(folder);
  const server = await new Server(path.join(folder, 'cloud')).start();
  const tls = JSON.parse(spawnSync(path.join(deploy, 'aws/make-tls'), ['2'], { encoding: 'utf8' }).stdout);
  for (const [name, text] of [['ca.crt', tls.ca], ['node.crt', tls.certificate], ['node.key', tls.key]]) fs.writeFileSync(path.join(folder, name), text);
  // A port that is free now; nginx cannot be asked for one and say which.
  const probe = http.createServer();
  const port = await new Promise((resolve) => { probe.listen(0, '127.0.0.1', () => resolve(probe.address().port)); });
  await new Promise((resolve) => { probe.close(resolve); });
  const site = fs.readFileSync(path.join(deploy, 'nginx/boathouse.conf'), 'utf8')
    .replaceAll('/etc/boathouse/tls', folder).replace('listen 8443', `listen 127.0.0.1:${port}`).replaceAll('127.0.0.1:8080', server.listen);
  const config = path.join(folder, 'nginx.conf');
  // A load balancer is played by who asks, as service.sh says it to nginx.
  const realIp = spawnSync('bash', ['-c', /^printf .*real_ip_header.*(?= >)/m.exec(fs.readFileSync(path.join(deploy, 'cloud-init/service.sh'), 'utf8'))[0]], { encoding: 'utf8', env: { BOATHOUSE_VPC_CIDR: '127.0.0.0/8' } }).stdout;
  fs.writeFileSync(config, `daemon off; pid ${folder}/pid; error_log ${folder}/error.log; events {} http { access_log off; ${realIp}
    ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(' ')} ${site} }`);
  const read = spawnSync('/usr/sbin/nginx', ['-t', '-p', folder, '-c', config], { encoding: 'utf8' });
  if (!check('nginx can read its configuration', read.status === 0, read.stderr ?? String(read.error))) return;
  const nginx = spawn('/usr/sbin/nginx', ['-p', folder, '-c', config]);
  const ended = new Promise((resolve) => nginx.on('exit', resolve));
  atEnd(async () => { nginx.kill(); await ended; });
  const ask = (target, ...more) => spawnSync('curl', ['--silent', '--show-error', '--retry', '20', '--retry-connrefused', '--retry-delay', '1', '--cacert', path.join(folder, 'ca.crt'),
    '--resolve', `service.boathouse.internal:${port}:127.0.0.1`, '--write-out', '\n%{http_code}', ...more, `https://service.boathouse.internal:${port}${target}`], { encoding: 'utf8', maxBuffer: 1 << 28 });
  equal('through nginx: the service answers over TLS', [ask('/healthz').stdout.split('\n').at(-1), ask('/healthz', '--tls-max', '1.1').status !== 0], ['200', true]);
  equal('through nginx: a key is passed on, and its lack', [ask('/v1/sessions', '--header', `Authorization: Bearer ${server.key('Anna')}`), ask('/v1/sessions')].map(({ stdout }) => stdout.split('\n').at(-1)), ['200', '401']);
  // 5 MiB: more than a batch may have, less than nginx takes: the service's own words come back.
  const large = path.join(folder, 'large');
  fs.writeFileSync(large, Buffer.alloc(5 << 20));
  const refused = ask('/v1/keys', '--header', `Authorization: Bearer ${server.operatorKey}`, '--data-binary', `@${large}`).stdout;
  check('through nginx: a body that is too large is refused by the service', refused.endsWith('413') && refused.includes('"status"'), refused.slice(-300));

  // Statuses of `count` calls that come through the balancer from an address, all in one go.
  const storm = async (count, from, target, ...more) => {
    // Beside this process, which takes what the service writes into its log meanwhile.
    const curl = spawn('curl', ['--silent', '--parallel', '--parallel-max', '4', '--cacert', path.join(folder, 'ca.crt'), '--resolve', `service.boathouse.internal:${port}:127.0.0.1`,
      '--header', `X-Forwarded-For: ${from}`, '--output', '/dev/null', '--write-out', '%{http_code}\n', ...more, `https://service.boathouse.internal:${port}${target}#[1-${count}]`]);
    let text = '';
    curl.stdout.on('data', (piece) => { text += piece; });
    curl.stderr.resume();
    await new Promise((resolve) => { curl.on('close', resolve); });
    const all = text.trim().split('\n');
    return { limited: all.filter((one) => one === '429').length, answered: all.filter((one) => one !== '429' && one !== '000').length, kinds: [...new Set(all)].sort() };
  };
  const claim = ['--header', 'Content-Type: application/json', '--data', '{"code":"AAAA-AAAA","device_name":"x"}'];
  const guesses = await storm(60, '198.51.100.1', '/v1/pairings/claim', ...claim);
  check('through nginx: codes for pairing are tried a few times by one address', guesses.limited > 0 && guesses.answered >= 30 && guesses.kinds.length === 2, guesses);
  check('through nginx: whatever it says of itself', (await storm(5, '192.0.2.77, 198.51.100.1', '/v1/pairings/claim', ...claim)).limited > 0);
  equal('through nginx: another one is not held up by that', (await storm(10, '198.51.100.2', '/v1/pairings/claim', ...claim)).limited, 0);
  await storm(60, '2001:db8::1', '/v1/pairings/claim', ...claim);
  equal('through nginx: IPv6 addresses of one customer are one',
    [(await storm(5, '2001:db8::ffff', '/v1/pairings/claim', ...claim)).limited > 0, (await storm(5, '2001:db8:0:1::1', '/v1/pairings/claim', ...claim)).limited > 0], [true, false]);
  for (const target of ['/healthz', '/readyz', '/metrics']) {
    const probed = await storm(200, '198.51.100.3', target);
    check(`through nginx: nobody asks ${target} all the time`, probed.limited > 0, probed);
  }
  const keyless = await storm(2000, '198.51.100.4', '/v1/sessions');
  check('through nginx: calls without a key are limited', keyless.limited > 0 && keyless.answered >= 200, keyless);
  const keyed = await storm(2000, '198.51.100.4', '/v1/me', '--header', `Authorization: Bearer ${server.key('Anna')}`);
  equal('through nginx: those with one have the service\'s quotas, from the same address', [keyed.limited, keyed.kinds], [0, ['200']]);
  const said = ask('/v1/pairings/claim', '--header', 'X-Forwarded-For: 198.51.100.1', ...claim, '--dump-header', '-').stdout;
  check('through nginx: who is limited is told so as the service does', /retry-after: 10/i.test(said) && /application\/problem\+json/.test(said) && said.includes('"status":429'), said);
}

// A ClickHouse with deploy/clickhouse/*.xml in `folder`, and how to ask it. The library logs in as `default`, whom a server of ours does not have:
// `rights` says what he may. `change`: of server.xml.
function embedded(folder, endpoint, rights, change = (text) => text) {
  const place = (text) => text.replaceAll('/var/lib/clickhouse', `${folder}/db`).replaceAll('/etc/clickhouse-server', folder);
  fs.mkdirSync(path.join(folder, 'db'), { recursive: true });
  fs.writeFileSync(path.join(folder, 'users.xml'), usersXml.replace('<users>',
    `<users><default><password/><quota>default</quota><networks><ip>::/0</ip></networks>${rights}</default>`));
  const config = path.join(folder, 'config.xml');
  fs.writeFileSync(config, change(place(fs.readFileSync(path.join(deploy, 'clickhouse/server.xml'), 'utf8'))));
  const environment = {
    PATH: process.env.PATH, BOATHOUSE_HOST: 'clickhouse-1.boathouse.internal', BOATHOUSE_INTERSERVER_PASSWORD: 'i',
    BOATHOUSE_CLICKHOUSE_PASSWORD_SHA256: 'a'.repeat(64), BOATHOUSE_OPERATOR_PASSWORD_SHA256: 'b'.repeat(64), BOATHOUSE_VPC_CIDR: '10.20.0.0/16',
    BOATHOUSE_COLD_ENDPOINT: endpoint, AWS_REGION: 'eu-central-1', AWS_ACCESS_KEY_ID: 'k', AWS_SECRET_ACCESS_KEY: 's',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  return { ...load(path.join(folder, 'db'), config, environment), environment };
}

// The embedded ClickHouse with a configuration and its tables in a folder.
function load(tables, config, environment) {
  const library = path.join(source, 'node_modules/@chdb/lib-linux-x64-gnu/libchdb.so');
  const child = spawn('python3', [path.join(source, 'tests/deploy/load_xml.py'), library, tables, config], { env: environment });
  let log = '';
  child.stdin.on('error', () => {});  // it ended; that is said below
  child.stderr.on('data', (piece) => { log = (log + piece).slice(-4000); });
  const waiting = [];
  readline.createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.(JSON.parse(line)));
  const ended = new Promise((resolve) => child.on('exit', () => {
    for (const answer of waiting.splice(0)) answer({ error: `the process ended: ${log}` });
    resolve();
  }));
  const close = async () => { child.stdin.end(); await ended; };
  atEnd(close);
  const ask = (statement) => new Promise((resolve) => {
    waiting.push(resolve);
    child.stdin.write(`${statement.replaceAll('\n', ' ')}\n`, () => {});
  });
  return { ask, close };
}

// The drill's server takes a restore, and asks none of the live Keepers, where its tables would join the live ones. A library has no Keeper in it, so what is
// restored here are tables that are not replicated.
async function checkDrill(folder, endpoint, backup, environment) {
  fs.mkdirSync(path.join(folder, 'tables'), { recursive: true });
  const xml = fs.readFileSync(path.join(deploy, 'clickhouse/drill.xml'), 'utf8');
  equal('drill.xml: its Keeper is its own, and it knows no other host', [[...xml.matchAll(/<host(?:name)?>([^<]*)</g)].map(([, host]) => host), /boathouse\.internal/.test(xml), [...xml.matchAll(/<(?:tcp_)?port>(19181)</g)].length], [['127.0.0.1', '127.0.0.1'], false, 2]);
  equal('drill.xml: nothing of it lies where a replica\'s does', xml.match(/\/var\/lib\/clickhouse/g), null);
  const open = /allow\(this\.monitor, this\.clickhouse, (\d+), 'Drill/.exec(fs.readFileSync(path.join(deploy, 'aws/lib/network.ts'), 'utf8'))[1];
  check('drill.xml: the monitor node reaches it', xml.includes(`<https_port>${open}</https_port>`));
  const config = path.join(folder, 'drill.xml');
  fs.writeFileSync(config, xml.replaceAll('/mnt/drill', path.join(folder, 'tables')).replace('/etc/clickhouse-server', folder)
    .replace('<users>', '<users><default><password/><quota>default</quota><profile>default</profile><networks><ip>::/0</ip></networks><access_management>1</access_management></default>'));
  const { ask, close } = load(path.join(folder, 'tables'), config, { ...environment, BOATHOUSE_DRILL_PASSWORD: 'once' });
  equal('drill.xml: with the machine\'s own rights in S3', await ask("SELECT value FROM system.settings WHERE name = 's3_allow_server_credentials_in_user_queries'"), { result: '1' });
  equal('drill.xml: who may ask it', await ask("SELECT name FROM system.users WHERE name != 'default'"), { result: 'drill' });
  const runbooks = fs.readFileSync(path.join(source, 'docs/operations/runbooks.md'), 'utf8');
  const [statement] = /RESTORE DATABASE default FROM S3\('https:\/\/BUCKET[^"`]*/.exec(runbooks.slice(runbooks.indexOf('### DrillTooOld')));
  const restored = await ask(statement.replace('https://BUCKET.s3.REGION.amazonaws.com', endpoint).replace('/NAME\'', `/${backup}'`));
  equal('drill.xml: the runbook\'s statement restores a backup into it', [restored.error, await ask('SELECT count(), sum(seq) FROM sample FINAL')], [undefined, { result: `5000\t${5 * 999 * 500}` }]);
  await close();
}

// Every statement that the service sends, in order and each text once: [{sql, parameters, settings}]. A program of today on a cluster of one engine:
// a workout comes in, is asked for, counted, priced by retention, erased; then the operator loads it all again.
async function whatTheServiceSends(folder) {
  const engine = spawn(engineBinary, ['--path', path.join(folder, 'engine'), '--listen', '127.0.0.1:0', '--stop-with-parent']);
  const engineEnded = new Promise((resolve) => { engine.on('exit', resolve); });
  atEnd(async () => { engine.kill(); await engineEnded; });
  engine.stderr.resume();
  const url = await new Promise((resolve, reject) => {
    engine.stdout.on('data', (line) => resolve(/http:\S+/.exec(String(line))[0]));
    engineEnded.then((code) => reject(new Error(`the engine ended with ${code}`)));
  });
  const sent = new Map();
  const door = http.createServer((request, reply) => {
    const pieces = [];
    request.on('data', (piece) => pieces.push(piece));
    request.on('end', async () => {
      const query = new URL(request.url, 'http://x').searchParams;
      const body = Buffer.concat(pieces);
      // Words that only a server with a Keeper understands.
      const sql = (query.get('query') ?? body.toString()).replace(/ ON CLUSTER `boathouse`/, '').replace(/ReplicatedReplacingMergeTree\('[^']*', '[^']*', /, 'ReplacingMergeTree(')
        .replace('replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 2592000', 'non_replicated_deduplication_window = 10000');
      if (request.method === 'POST' && !sent.has(sql)) {
        const named = (test) => [...query].filter(([name]) => test(name));
        sent.set(sql, { sql, parameters: named((name) => name.startsWith('param_')), settings: named((name) => !/^(param_.*|query|database|wait_end_of_query)$/.test(name)) });
      }
      const onThis = sql.replace(/cluster(?:AllReplicas)?\(`boathouse`, (?:currentDatabase\(\), )?([a-z_.]+)\)/g, '$1');
      const answer = await fetch(url + request.url, query.has('query') ? { method: 'POST', body } : { method: request.method, body: request.method === 'POST' ? onThis : undefined });
      reply.writeHead(answer.status, { 'X-ClickHouse-Exception-Code': answer.headers.get('x-clickhouse-exception-code') ?? '0' });
      reply.end(Buffer.from(await answer.arrayBuffer()));
    });
  });
  await new Promise((resolve) => { door.listen(0, '127.0.0.1', resolve); });
  atEnd(() => new Promise((resolve) => { door.closeAllConnections(); door.close(resolve); }));
  const clickhouse = `http://127.0.0.1:${door.address().port}`;

  const data = path.join(folder, 'cloud');
  const server = await new Server(data, { extra: ['--clickhouse', clickhouse, '--clickhouse-cluster', 'boathouse'] }).start();
  const ask = async (...words) => (await runAsync([...words, '--server', server.url, '--key', server.operatorKey])).code;
  const key = (await runAsync(['key', 'create', '--athlete', 'Anna', '--server', server.url, '--key', server.operatorKey])).out.trim();
  const device = path.join(folder, 'device');
  run(['device', 'record', '--data', device], { input: run(['pm5', 'simulate', '--type', '2', '--minutes', '1']).out });
  const codes = [(await runAsync(['device', 'sync', '--data', device, '--server', server.url, '--key', key])).code, await ask('reconcile', '--wait', '60')];
  const [session] = await server.sessions(key);
  for (const target of ['', '/samples', '/strokes', '/export.csv']) codes.push((await server.get(`/v1/sessions/${session.id}${target}`, key)).status);

  codes.push((await server.get(`/v1/recordings/${session.id.replace('ses_', 'rec_')}/trail`, key)).status, await ask('retention', 'set', '--grain', 'sample', '--years', '1'));
  const whileStopped = async (what, statements) => {
    await server.stop();
    const done = spawnSync('python3', ['-c', `
import json, sqlite3, sys
for name, statement in json.loads(sys.argv[2]):
    with sqlite3.connect(sys.argv[1] + "/" + name) as one: one.execute(statement)`, data, JSON.stringify(statements)], { encoding: 'utf8' });
    equal(`rights: ${what}`, done.stderr, '');
    await server.start();
  };
  await whileStopped('two years go by', [['recording', 'started_ms'], ['recording', 'received_ms'], ['seal', 'received_ms'], ['chunk', 'received_ms']]
    .map(([table, column]) => ['ledger.db', `UPDATE ${table} SET ${column} = ${column} - ${2 * 366 * 86_400_000}`]));
  codes.push(await ask('retention', 'plan'), await ask('athlete', 'erase', session.athlete_id, '--yes'));
  await whileStopped('the moment of an erasure', [['ledger.db', 'UPDATE erasure SET due_ms = 0'], ['jobs.db', "UPDATE job SET due_ms = 0 WHERE kind = 'athlete.erase'"]]);
  let proof = 1;
  for (let tries = 0; tries < 100 && proof !== 0; ++tries) {
    proof = await ask('athlete', 'erase', session.athlete_id, '--proof');
    if (proof !== 0) await new Promise((resolve) => { setTimeout(resolve, 200); });
  }
  codes.push(proof);
  await server.stop();
  codes.push((await runAsync(['reload', '--data', data, '--clickhouse', clickhouse])).code);
  equal('rights: the service does what it does', codes, [0, 0, 200, 200, 200, 200, 200, 0, 0, 0, 0, 0]);
  return [...sent.values()];
}

// Not only that the service may do no more than it must: all that it sends is carried out by somebody who has its rights and no others. Both
// replicas of the cluster are this process, whose tables are not replicated.
async function checkRights(folder) {
  const statements = await whatTheServiceSends(path.join(folder, 'service'));
  for (const [what, form] of [['tables', /^CREATE TABLE/], ['inserts', /^INSERT INTO sample/], ['session rows', /^INSERT INTO session/], ['questions', /FROM sample/], ['deletions', /^ALTER TABLE sample DELETE/],
    ['all replicas', /clusterAllReplicas\(`boathouse`, currentDatabase\(\), session\)/], ['mutations', /clusterAllReplicas\(`boathouse`, system\.mutations\)/], ['parts', /FROM system\.parts/], ['parts of each shard', /FROM cluster\(`boathouse`, system\.parts\)/]]) {
    check(`rights: ${what} are among what it sends`, statements.some(({ sql }) => form.test(sql)), statements.map(({ sql }) => sql.slice(0, 100)));
  }
  const unsaid = statements.filter(({ sql, settings }) => sql.startsWith('INSERT') && !settings.some(([name, value]) => name === 'insert_quorum' && value === 'auto'));
  equal('each insert says its quorum', unsaid.map(({ sql }) => sql), []);
  const own = /<boathouse>[^]*?(<grants>[^]*?<\/grants>)/.exec(usersXml)[1];
  const { ask, close } = embedded(path.join(folder, 'rights'), 'http://127.0.0.1:1/cold/', `<profile>service</profile>${own}`,
    (text) => text.replaceAll(/clickhouse-[12]\.boathouse\.internal/g, 'localhost'));
  const quoted = (text) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const refused = [];
  for (const { sql, parameters, settings } of statements) {
    // Rows do not matter: who may insert none may insert some.
    const insert = /^INSERT INTO (\S+) \(([^)]*)\) FORMAT Native$/.exec(sql);
    const statement = insert ? `INSERT INTO ${insert[1]} (${insert[2]}) SELECT ${insert[2]} FROM ${insert[1]} LIMIT 0` : sql.replace(/ FORMAT Native$/, '');
    for (const [name, value] of [...settings, ...parameters]) {
      const { error } = await ask(`SET ${name} = ${quoted(value)}`);
      if (error) refused.push(`${name} = ${value}: ${error}`);
    }
    const { error } = await ask(statement);
    if (error && !error.includes('NO_SUCH_DATA_PART')) refused.push(`${statement}: ${error}`);  // a CHECK of what only the other has
    for (const [name] of settings) await ask(`SET ${name} = DEFAULT`);
  }
  check('users.xml: the service may do all that it does', statements.length > 20 && refused.length === 0, refused);
  for (const statement of ['CREATE USER other', "SELECT * FROM file('/etc/passwd', LineAsString)", "SELECT * FROM s3('http://127.0.0.1:1/bucket/x.csv')", 'CREATE DATABASE other',
    "INSERT INTO FUNCTION file('x.csv') SELECT 1"]) {
    check(`and not ${statement}`, /ACCESS_DENIED/.test((await ask(statement)).error), await ask(statement));
  }
  await close();
}

// Who asks what athletes ask, of the tables of before: he reads, and that is all, for as long and as much as one question may.
async function checkReader(folder) {
  const grants = /<boathouse-reader>[^]*?(<grants>[^]*?<\/grants>)/.exec(usersXml)[1];
  const { ask } = embedded(folder, 'http://127.0.0.1:1/cold/', `<profile>reader</profile>${grants}`);
  const select = 'SELECT count() FROM sample FINAL WHERE seq < 10';
  equal('users.xml: the reader reads, and may say how long it may take', [await ask(select), await ask(`${select} SETTINGS max_execution_time = 85, distributed_product_mode = 'local'`)],
    [{ result: '0' }, { result: '0' }]);
  for (const [statement, why] of [
    ["INSERT INTO sample (athlete, started, rec_id, seq, ver) SELECT generateUUIDv4(), now64(3), generateUUIDv4(), 1, 1", /READONLY|ACCESS_DENIED/],
    ['ALTER TABLE sample DELETE WHERE 1', /READONLY|ACCESS_DENIED/], ['TRUNCATE TABLE sample', /READONLY|ACCESS_DENIED/], ['DROP TABLE sample', /READONLY|ACCESS_DENIED/],
    ['CREATE TABLE other (n UInt8) ENGINE = Memory', /READONLY|ACCESS_DENIED/], ['SET readonly = 0', /READONLY/],
    ["SELECT * FROM file('/etc/passwd', LineAsString)", /READONLY|ACCESS_DENIED/], ['SELECT * FROM system.users', /ACCESS_DENIED/],
    [`${select} SETTINGS max_execution_time = 86`, /SETTING_CONSTRAINT_VIOLATION/], [`${select} SETTINGS max_execution_time = 0`, /SETTING_CONSTRAINT_VIOLATION/], [`${select} SETTINGS max_rows_to_read = 0`, /SETTING_CONSTRAINT_VIOLATION/],
    [`${select} SETTINGS max_memory_usage = 2000000000`, /SETTING_CONSTRAINT_VIOLATION/]]) {
    const { error } = await ask(statement);
    check(`the reader may not ${statement}`, why.test(error), error);
  }
}

// The same as an operator would have it, and a program that stands for boathouse-clickhouse-query.
async function clickhouse(folder, store) {
  const { ask, environment } = embedded(folder, `${store.url}/cold/replica-1/`, '<profile>default</profile><access_management>1</access_management>');
  const door = http.createServer((request, reply) => {
    const pieces = [];
    request.on('data', (piece) => pieces.push(piece));
    request.on('end', async () => {
      let statement = Buffer.concat(pieces).toString();
      for (const [name, value] of new URL(request.url, 'http://x').searchParams) statement = statement.replaceAll(`{${name}:UInt16}`, value);
      const { result, error } = await ask(statement);
      reply.writeHead(error ? 500 : 200);
      reply.end(error ?? (result === '' ? '' : `${result}\n`));
    });
  });
  await new Promise((resolve) => { door.listen(0, '127.0.0.1', resolve); });
  atEnd(() => new Promise((resolve) => { door.closeAllConnections(); door.close(resolve); }));
  const query = program(path.join(folder, 'query'), `#!/bin/sh
parameters=
for one in "$@"; do parameters="$parameters&\${one#--param_}"; done
exec curl -s --fail-with-body --data-binary @- "http://127.0.0.1:${door.address().port}/?$parameters"
`);
  return { ask, query, environment };
}

await main(async () => {
  const folder = temporaryFolder();
  checkShell();
  checkHosts();
  checkCommands();
  checkKeeper();
  fs.mkdirSync(path.join(folder, 'units'));
  checkUnits(path.join(folder, 'units'));

  checkSecrets(path.join(folder, 'secrets'));

  checkTexts(path.join(folder, 'texts-of-monitors'));
  await checkNginx(path.join(folder, 'nginx'));

  // The backups' bucket deletes what the stack's policy allows the replicas to delete, and no more.
  const deletable = [...fs.readFileSync(path.join(deploy, 'aws/lib/cluster.ts'), 'utf8').matchAll(/\['s3:DeleteObject'\], resources: \[safe\.backups\.arnForObjects\('([^']+)'\)/g)].map(([, pattern]) =>
    new RegExp(`^/backups/${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`));
  const store = await objectStore({ mayDelete: (key) => !key.startsWith('/backups/') || deletable.some((pattern) => pattern.test(key)) });
  atEnd(store.close);
  await checkRights(path.join(folder, 'rights'));
  await checkReader(path.join(folder, 'rights/rights'));
  const { ask, query, environment } = await clickhouse(folder, store);
  const rows = async (statement) => {
    const { result, error } = await ask(statement);
    if (error) throw new Error(`${statement}: ${error}`);
    return result.split('\n').filter((line) => line !== '').map((line) => line.split('\t'));
  };

  equal('server.xml: hot on this disk, cold behind a cache', await rows("SELECT volume_name, disks, move_factor FROM system.storage_policies WHERE policy_name = 'tiered' ORDER BY volume_priority"),
    [['hot', "['default']", '0.1'], ['cold', "['cold']", '0.1']]);
  equal('server.xml: tables are durable, a token is known for 30 days', Object.fromEntries(await rows(`SELECT name, value FROM system.merge_tree_settings WHERE name IN
    ('storage_policy', 'replicated_deduplication_window', 'replicated_deduplication_window_seconds', 'fsync_after_insert', 'fsync_part_directory', 'parts_to_throw_insert')`)),
  { fsync_after_insert: '1', fsync_part_directory: '1', parts_to_throw_insert: '3000', replicated_deduplication_window: '100000',
    replicated_deduplication_window_seconds: '2592000', storage_policy: 'tiered' });
  equal('server.xml: one shard of two replicas over TLS', await rows("SELECT shard_num, replica_num, host_name, port FROM system.clusters WHERE cluster = 'boathouse' ORDER BY replica_num"),
    [['1', '1', 'clickhouse-1.boathouse.internal', '9440'], ['1', '2', 'clickhouse-2.boathouse.internal', '9440']]);
  equal('server.xml: a restore may empty a table of any size', await rows("SELECT name, value FROM system.server_settings WHERE name LIKE '%_size_to_drop' ORDER BY name"),
    [['max_partition_size_to_drop', '0'], ['max_table_size_to_drop', '0']]);
  equal('server.xml: this replica goes by its name', Object.fromEntries(await rows('SELECT macro, substitution FROM system.macros')),
    { replica: 'clickhouse-1.boathouse.internal', shard: '1' });
  equal('users.xml: the service, the service as a reader, and the operator', (await rows("SELECT name, host_ip, host_names FROM system.users WHERE name != 'default' ORDER BY name")).map((row) => row.join(' ')),
    ["boathouse ['10.20.0.0/16'] []", "boathouse-reader ['10.20.0.0/16'] []", "operator [] ['localhost']"]);
  const grants = (await rows('SHOW GRANTS FOR boathouse')).join(' ');
  check('users.xml: the service may do with its tables what it must, and no more', /SELECT.* ON default\.\*/.test(grants) && !/ALL ON|ACCESS MANAGEMENT|CREATE USER|S3|FILE/.test(grants), grants);
  const profile = Object.fromEntries(await rows("SELECT setting_name, value FROM system.settings_profile_elements WHERE profile_name = 'default'"));
  // A server of 26.7 refuses the machine's own rights in S3 to statements unless their user may; the library does not, and so cannot show it.
  equal('users.xml: the operator alone makes backups with the machine\'s own rights in S3', [
    await rows("SELECT value FROM system.settings WHERE name = 's3_allow_server_credentials_in_user_queries'"),
    await rows("SELECT profile_name, value FROM system.settings_profile_elements WHERE setting_name = 's3_allow_server_credentials_in_user_queries'"),
    await rows("SELECT user_name, inherit_profile FROM system.settings_profile_elements WHERE inherit_profile = 'operator'"),
  ], [[['0']], [['operator', '1']], [['operator', 'operator']]]);
  equal('users.xml: no insert is acknowledged before it is on the disk', profile.async_insert, '0');

  // The tables as the service makes them, on this one server: two years of a recording.
  for (const statement of run(['schema']).out.trimEnd().split(';\n')) await rows(statement.replace(/;$/, '').replace('default.', ''));
  const insert = (year) => rows(`INSERT INTO sample (athlete, started, rec_id, seq, ver) SELECT toUUID('00000000-0000-7000-8000-000000000001'), toDateTime64('${year}-05-01 10:00:00', 3, 'UTC'), toUUID('00000000-0000-7000-8000-00000000${year}'), number, 1 FROM numbers(1000)`);
  for (const year of [2023, 2024, 2025, 2026]) await insert(year);
  const places = () => rows("SELECT partition, disk_name, sum(rows) FROM system.parts WHERE active AND table = 'sample' GROUP BY ALL ORDER BY 1");
  equal('new parts lie on this disk', await places(), [2023, 2024, 2025, 2026].map((year) => [String(year), 'default', '1000']));

  const script = (name, env) => new Promise((resolve) => {
    const child = spawn(path.join(deploy, 'clickhouse', name), [], { env: { ...environment, BOATHOUSE_QUERY: query, ...env, PATH: `${folder}:${process.env.PATH}` } });
    let text = '';
    child.stdout.on('data', (piece) => { text += piece; });
    child.stderr.on('data', (piece) => { text += piece; });
    child.on('close', (code) => resolve({ code, text }));
  });
  const moved = await script('move-cold', { BOATHOUSE_YEAR: '2026' });
  equal('move-cold moves the years before the last one', [moved.code, moved.text], [0, 'moving sample 2023 to S3\nmoving sample 2024 to S3\n']);
  equal('and only those', await places(), [['2023', 'cold', '1000'], ['2024', 'cold', '1000'], ['2025', 'default', '1000'], ['2026', 'default', '1000']]);
  check('they are in the object store', [...store.objects.keys()].some((key) => key.startsWith('/cold/replica-1/')), [...store.objects.keys()].slice(0, 3));
  equal('nothing is lost on the way', await rows('SELECT count(), sum(seq) FROM sample FINAL'), [['4000', String(4 * 999 * 500)]]);
  equal('again it has nothing to do', await script('move-cold', { BOATHOUSE_YEAR: '2026' }), { code: 0, text: '' });

  // Backups: a full one, an increment, both restored elsewhere.
  program(path.join(folder, 'boathouse-backup-done'), fs.readFileSync(path.join(deploy, 'cloud-init/backup-done'), 'utf8'));
  const texts = path.join(folder, 'texts');
  fs.mkdirSync(texts);
  const backup = (stamp, day) => script('backup', {
    BOATHOUSE_BACKUP_ENDPOINT: `${store.url}/backups`, BOATHOUSE_TEXTFILES: texts, BOATHOUSE_STATE: path.join(folder, 'last-full'),
    BOATHOUSE_STAMP: stamp, BOATHOUSE_DAY: day, BOATHOUSE_NOW: '1700000000',
  });
  const prom = path.join(texts, 'boathouse_backup_clickhouse.prom');
  const pair = (name) => JSON.parse(store.objects.get(`/backups/clickhouse/pairs/${name}.json`)?.toString() ?? 'null');
  const alone = await backup('20260531T023000Z', '7');
  equal('before the ledger has one it is named together with none', [alone.code, alone.text.includes('named together with none'), pair('20260531T023000Z-full')], [0, true, null]);
  for (const key of [...store.objects.keys()].filter((one) => one.startsWith('/backups/'))) store.objects.delete(key);
  fs.rmSync(path.join(folder, 'last-full'));
  store.objects.set('/backups/clickhouse/newest-ledger.json', Buffer.from('{"ledger":"ledger/2026-W23/complete/backup-a.json","last_seq":7}\n'));
  equal('the first backup is a full one, whatever the day', await backup('20260601T013000Z', '1'), { code: 0, text: '' });
  equal('one object names it together with the ledger\'s', pair('20260601T013000Z-full'), { ledger: 'ledger/2026-W23/complete/backup-a.json', clickhouse: ['clickhouse/20260601T013000Z-full'] });
  check('it says so to Prometheus', fs.readFileSync(prom, 'utf8').includes('{what="clickhouse"} 1700000000\n'));
  await insert(2022);
  store.objects.set('/backups/clickhouse/newest-ledger.json', Buffer.from('{"ledger":"ledger/2026-W23/complete/backup-b.json","last_seq":8}\n'));
  equal('the next day an increment on top of it', await backup('20260602T013000Z', '2'), { code: 0, text: '' });
  equal('with both that it needs', pair('20260602T013000Z-increment'), { ledger: 'ledger/2026-W23/complete/backup-b.json', clickhouse: ['clickhouse/20260601T013000Z-full', 'clickhouse/20260602T013000Z-increment'] });
  const names = new Set([...store.objects.keys()].filter((key) => /^\/backups\/clickhouse\/\d/.test(key)).map((key) => key.split('/').slice(2, 4).join('/')));
  equal('ClickHouse has asked to delete nothing but the locks of these', [deletable.length, store.refusedDeletes, [...store.objects.keys()].filter((key) => key.endsWith('/.lock'))], [1, [], []]);
  equal('both are there', [...names].sort(), ['clickhouse/20260601T013000Z-full', 'clickhouse/20260602T013000Z-increment']);
  await rows(`RESTORE DATABASE default AS drill FROM S3('${store.url}/backups/clickhouse/20260602T013000Z-increment') SETTINGS allow_different_database_def = true`);
  equal('the increment restores everything', await rows('SELECT count(), sum(seq) FROM drill.sample FINAL'), [['5000', String(5 * 999 * 500)]]);
  await checkDrill(path.join(folder, 'drill'), `${store.url}/backups`, '20260602T013000Z-increment', environment);
  fs.rmSync(prom);
  store.refuses = true;
  const failing = await backup('20260607T013000Z', '7');
  store.refuses = false;
  check('a backup that fails says nothing to Prometheus and ends with an error', failing.code !== 0 && !fs.existsSync(prom), failing);
  equal('and is in no pair', pair('20260607T013000Z-full'), null);
  equal('the last full one stays the base', fs.readFileSync(path.join(folder, 'last-full'), 'utf8'), '20260601T013000Z-full');
  equal('and is for a week', [(await backup('20260608T013000Z', '1')).code, fs.readFileSync(path.join(folder, 'last-full'), 'utf8')], [0, '20260601T013000Z-full']);
  equal('then the next night makes a full one, Sunday or not', [(await backup('20260609T013000Z', '2')).code, fs.readFileSync(path.join(folder, 'last-full'), 'utf8')], [0, '20260609T013000Z-full']);
});
