// The plain files of deploy/ do what they say: shell, units, hosts, secrets, and nginx before a service. ClickHouse's are clickhouse_test.sh's.
import { spawn, spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { Server, atEnd, check, equal, main, program, run, skip, temporaryFolder } from '../e2e/boathouse.mjs';
import { freePort } from './clickhouse_server.mjs';

const source = process.env.BOATHOUSE_SOURCE_DIR;
const deploy = path.join(source, 'deploy');
const filesIn = (folder) => fs.readdirSync(path.join(deploy, folder)).map((name) => path.join(deploy, folder, name));
const firstLine = (file) => fs.readFileSync(file, 'utf8').split('\n', 1)[0];

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
  const port = await freePort();
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
});
