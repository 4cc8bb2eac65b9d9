// The nodes of the AWS stack, each a Debian 12 with systemd that Debian's cloud-init sets up from the very user data that the template has for it: one after the
// other as the stack starts them, then what the runbooks have for them, typed as root. Played are AWS (played_aws.mjs, asked by Debian's `aws`), the program `clickhouse`
// (played_clickhouse, two of them before one engine), the session manager's agent and the load balancer. Two replicas that replicate are not seen here.
import { spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { atEnd, check, engineBinary, equal, main, run, runAsync, skip, temporaryFolder, until } from '../e2e/boathouse.mjs';
import { forOneServer, startEngine } from '../e2e/cloud.mjs';
import { startPostgres } from '../e2e/postgres.mjs';
import { Machine, blocks, makeSystem, noMachine } from './machine.mjs';
import { codeOf } from './operators_pages.mjs';
import { playedAws } from './played_aws.mjs';

const source = process.env.BOATHOUSE_SOURCE_DIR;
const deploy = path.join(source, 'deploy');
const name = 'the nodes set themselves up from the template\'s user data';
const here = '10.20.0.1';
const domain = 'boathouse.example.org';
const addresses = { 'keeper-1': '10.20.0.21', 'keeper-2': '10.20.0.22', 'keeper-3': '10.20.0.23', 'clickhouse-1': '10.20.0.11', 'clickhouse-2': '10.20.0.12', service: '10.20.0.31', monitor: '10.20.0.41' };

function must(program, args, options = {}) {
  const done = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28, ...options });
  if (done.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${done.stderr ?? done.error}`);
  return done.stdout;
}

// What Debian's image has, what every node installs, and what one role does: the last is installed while it boots.
function packages() {
  const wanted = (file) => [...fs.readFileSync(path.join(deploy, 'cloud-init', file), 'utf8').matchAll(/^ *install_packages ((?!")\S.*)$/gm)].flatMap(([, list]) => list.split(' '));
  return { installed: ['cloud-init', 'hostname', 'iproute2', 'locales', 'nodejs', 'openssh-server', 'openssl', 'sudo', ...wanted('common.sh')], later: ['service.sh', 'monitor.sh'].flatMap(wanted) };
}

// The template of the small size with these artifacts in its site file.
function synthesised(folder, sums) {
  const aws = path.join(deploy, 'aws');
  must(path.join(aws, 'node_modules/.bin/esbuild'), ['app.ts', '--bundle', '--platform=node', '--format=cjs', '--packages=external', `--outfile=${folder}/app.cjs`, '--log-level=warning'], { cwd: aws });
  const site = JSON.parse(fs.readFileSync(path.join(aws, 'site.example.json'), 'utf8'));
  for (const artifact of Object.values(site.artifacts)) {
    if (artifact.key !== undefined) artifact.sha256 = sums[artifact.key];
  }
  fs.writeFileSync(path.join(folder, 'site.json'), JSON.stringify(site));
  must('node', [path.join(folder, 'app.cjs')], { env: { ...process.env, NODE_PATH: path.join(aws, 'node_modules'), BOATHOUSE_DEPLOY_DIR: deploy, BOATHOUSE_SITE: path.join(folder, 'site.json'), CDK_OUTDIR: path.join(folder, 'cdk.out') } });
  return { site, resources: JSON.parse(fs.readFileSync(path.join(folder, 'cdk.out/Boathouse.template.json'), 'utf8')).Resources };
}

// What CloudFormation puts in the place of a reference.
const volumeId = (id) => `vol-${crypto.createHash('sha256').update(id).digest('hex').slice(0, 17)}`;
function resolved(value, resources) {
  if (typeof value === 'string') return value;
  const [[how, what]] = Object.entries(value);
  if (how === 'Fn::Base64') return resolved(what, resources);
  if (how === 'Fn::Join') return what[1].map((one) => resolved(one, resources)).join(what[0]);
  if (how === 'Ref') return resources[what].Type === 'AWS::EC2::Volume' ? volumeId(what) : what.toLowerCase();
  const known = { 'AWS::RDS::DBInstance Endpoint.Address': 'ledger.boathouse.internal', 'AWS::EC2::VPC CidrBlock': '10.20.0.0/16' }[`${resources[what[0]].Type} ${what[1]}`];
  if (how !== 'Fn::GetAtt' || known === undefined) throw new Error(`${JSON.stringify(value)} is not known`);
  return known;
}

// {host: {data, resource, environment}}: each node's user data, the group that waits for its signal, and its site.env.
function userData(resources) {
  const found = {};
  for (const [id, { Type, Properties }] of Object.entries(resources)) {
    if (Type !== 'AWS::EC2::LaunchTemplate') continue;
    const data = resolved(Properties.LaunchTemplateData.UserData, resources);
    const text = JSON.parse(data.slice(data.indexOf('\n'))).write_files[0].content;
    const environment = Object.fromEntries([...text.matchAll(/^(\w+)='(.*)'$/gm)].map(([, key, value]) => [key, value]));
    const [resource] = Object.entries(resources).find(([, one]) => one.Type === 'AWS::AutoScaling::AutoScalingGroup' && JSON.stringify(one.Properties.LaunchTemplate).includes(`"${id}"`));
    found[environment.BOATHOUSE_HOST.split('.')[0]] = { data, resource, environment };
  }
  return found;
}

// An authority and a certificate of it for one name.
function authority(folder, host) {
  must('bash', ['-euc', `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -days 2 -subj "/CN=Played $1"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout node.key -out node.csr -subj "/CN=$1"
    openssl x509 -req -in node.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out node.crt -extfile <(echo "subjectAltName=DNS:$1")`, 'authority', host], { cwd: folder });
  return Object.fromEntries(['ca.crt', 'node.crt', 'node.key'].map((file) => [file, path.join(folder, file)]));
}

const subfolder = (...parts) => {
  const folder = path.join(...parts);
  fs.mkdirSync(folder, { recursive: true });
  return folder;
};

// The files that docs/deploy-aws.md puts into the artifacts' bucket: {key: bytes}. The program as its own step packs it.
function artifacts(folder, rdsCa) {
  const [pack] = blocks('docs/deploy-aws.md')['2. Build'][0].match(/^tar .*$/m);
  must('bash', ['-euc', pack.replace('build/release/bin', process.env.BOATHOUSE_PROGRAMS)], { cwd: folder });
  fs.copyFileSync(path.join(source, 'tests/deploy/played_clickhouse'), path.join(subfolder(folder, 'clickhouse-common-static-0/usr/bin'), 'clickhouse'));
  fs.chmodSync(path.join(folder, 'clickhouse-common-static-0/usr/bin/clickhouse'), 0o755);
  must('tar', ['--create', '--gzip', '--file=clickhouse.tgz', 'clickhouse-common-static-0'], { cwd: folder });
  fs.writeFileSync(path.join(subfolder(folder, 'agent/DEBIAN'), 'control'), 'Package: amazon-ssm-agent\nVersion: 0\nArchitecture: all\nMaintainer: nobody <nobody@localhost>\nDescription: played\n');
  fs.writeFileSync(path.join(subfolder(folder, 'agent/lib/systemd/system'), 'amazon-ssm-agent.service'), '[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n');
  must('dpkg-deb', ['--build', '--root-owner-group', 'agent', 'agent.deb'], { cwd: folder });
  const bytes = (file) => fs.readFileSync(path.join(folder, file));
  return {
    'boathouse-0.1.0-amd64.tar.zst': bytes('boathouse-0.1.0-amd64.tar.zst'), 'clickhouse-common-static-26.7.3-arm64.tgz': bytes('clickhouse.tgz'),
    'amazon-ssm-agent-amd64.deb': bytes('agent.deb'), 'amazon-ssm-agent-arm64.deb': bytes('agent.deb'), 'rds-global-bundle.pem': fs.readFileSync(rdsCa),
  };
}

// Volumes are files, each a device of the node that it is attached to.
class Volumes {
  constructor(folder) {
    this.folder = folder;
    this.loops = new Map();
    atEnd(() => { for (const loop of this.loops.values()) spawnSync('losetup', ['--detach', loop]); });
  }

  loop(id) {
    if (!this.loops.has(id)) {
      const file = path.join(this.folder, id);
      must('truncate', ['--size=1G', file]);
      this.loops.set(id, must('losetup', ['--find', '--show', file]).trim());
    }
    return this.loops.get(id);
  }

  static device(id) { return `/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${id.replace('-', '')}`; }

  async attach(id, machine) {
    const { rdev } = fs.statSync(this.loop(id));
    const device = Volumes.device(id);
    const made = await machine.type(`mkdir -p /dev/disk/by-id && { test -e ${device} || mknod ${device} b ${rdev >> 8} ${rdev & 0xff}; }`);
    if (made.code !== 0) throw new Error(made.err);
  }
}

// Statements of both replicas come here: one engine, and a second one for a drill. S3 is the played one.
async function replicas(folder, storeUrl) {
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'k', AWS_SECRET_ACCESS_KEY: 's', AWS_EC2_METADATA_DISABLED: 'true' });
  const engine = await startEngine(path.join(folder, 'engine'));
  const drill = await startEngine(path.join(folder, 'drill'));
  const server = http.createServer((request, reply) => {
    const pieces = [];
    request.on('data', (piece) => pieces.push(piece));
    request.on('end', () => {
      const whole = Buffer.concat(pieces);
      const isInsert = /[?&]query=INSERT/.test(request.url);
      const body = isInsert ? whole : Buffer.from(forOneServer(whole.toString()).replace('system.clusters', "(SELECT 'boathouse' AS cluster, 1 AS shard_num FROM numbers(2))").replace(/https:\/\/([a-z0-9-]+)\.s3\.[a-z0-9-]+\.amazonaws\.com/g, `${storeUrl}/$1`));
      const to = request.url.includes('played_drill=1') ? drill.url : engine.url;
      const forward = http.request(to + request.url.replace(/[?&]played_drill=1/, ''), { method: 'POST', headers: { 'Content-Length': body.length } }, (answer) => {
        reply.writeHead(answer.statusCode, answer.headers);
        answer.pipe(reply);
      });
      forward.on('error', (error) => reply.writeHead(503).end(String(error)));
      forward.end(body);
    });
  });
  await new Promise((resolve) => { server.listen(8123, here, resolve); });
  atEnd(() => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }));
  return engine;
}

// The load balancer: the domain's certificate, one node behind it.
async function balancer(certificate, innerCa) {
  const server = https.createServer({ cert: fs.readFileSync(certificate['node.crt']), key: fs.readFileSync(certificate['node.key']) }, (request, reply) => {
    const forward = https.request({ host: addresses.service, port: 8443, ca: innerCa, servername: 'service.boathouse.internal', method: request.method, path: request.url,
      headers: { ...request.headers, 'x-forwarded-for': request.socket.remoteAddress.replace('::ffff:', '') } }, (answer) => {
      reply.writeHead(answer.statusCode, answer.headers);
      answer.pipe(reply);
    });
    forward.on('error', () => reply.writeHead(502).end());
    request.pipe(forward);
  });
  await new Promise((resolve) => { server.listen(443, here, resolve); });
  atEnd(() => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }));
}

// In a network of its own, after what needs the other one.
function inOwnNetwork() {
  makeSystem(packages());
  must('cmake', ['-P', path.join(source, 'cmake/FetchNpmParts.cmake'), '--', path.join(deploy, 'aws')]);
  const done = spawnSync('unshare', ['--net', process.execPath, process.argv[1]], { stdio: 'inherit', env: { ...process.env, BOATHOUSE_OWN_NETWORK: '1' } });
  process.exit(done.status ?? 1);
}

await main(async () => {
  const why = noMachine();
  if (why !== '') return skip(name, why);
  if (process.env.BOATHOUSE_OWN_NETWORK === undefined) inOwnNetwork();
  for (const line of ['link set lo up', 'link add boathouse0 type bridge', `address add ${here}/24 dev boathouse0`, 'address add 169.254.169.254/32 dev boathouse0', 'link set boathouse0 up']) {
    must('ip', line.split(' '));
  }

  const folder = temporaryFolder();
  const inner = JSON.parse(must(path.join(deploy, 'aws/make-tls'), ['2']));
  const rds = authority(subfolder(folder, 'rds'), 'ledger.boathouse.internal');
  const outer = authority(subfolder(folder, 'outer'), domain);
  const objects = artifacts(subfolder(folder, 'artifacts'), rds['ca.crt']);
  const { site, resources } = synthesised(subfolder(folder, 'synth'), Object.fromEntries(Object.entries(objects).map(([key, bytes]) => [key, crypto.createHash('sha256').update(bytes).digest('hex')])));
  const booted = userData(resources);
  equal('the template has seven nodes', Object.keys(booted).sort(), Object.keys(addresses).sort());

  const machines = new Map();
  const volumes = new Volumes(subfolder(folder, 'volumes'));
  const aws = await playedAws({ address: here, nodes: machines, attach: (volume, node) => volumes.attach(volume, node.machine) });
  atEnd(aws.close);
  for (const [key, bytes] of Object.entries(objects)) aws.objects.set(`/${site.artifacts.bucket}/${key}`, bytes);
  const { environment } = booted.service;
  const [clickhouseSecret, ledgerSecret] = [environment.BOATHOUSE_CLICKHOUSE_SECRET, environment.BOATHOUSE_LEDGER_SECRET];
  const setLedgerPassword = (password) => aws.secrets.set(ledgerSecret, JSON.stringify({ host: 'ledger.boathouse.internal', port: 5433, dbname: 'boathouse', username: 'boathouse', password }));
  aws.secrets.set(site.tlsSecretArn, JSON.stringify(inner));
  aws.secrets.set(clickhouseSecret, JSON.stringify({ password: 'first' }));
  aws.secrets.set(booted['clickhouse-1'].environment.BOATHOUSE_INTERSERVER_SECRET, JSON.stringify({ password: 'between' }));
  aws.secrets.set(environment.BOATHOUSE_PEPPER_SECRET, crypto.randomBytes(32).toString('hex'));
  setLedgerPassword('p:w\\1');
  const postgres = await startPostgres({ address: here, port: 5433, certificate: rds['node.crt'], key: rds['node.key'], password: 'p:w\\1' });
  postgres.url('boathouse');
  const engine = await replicas(folder, aws.url);
  await balancer(outer, inner.ca);

  const start = async (host) => {
    const machine = new Machine(host, packages(), { bridge: 'boathouse0', address: `${addresses[host]}/24` });
    const instance = `i-${crypto.createHash('sha256').update(`${host}${machine.root}`).digest('hex').slice(0, 17)}`;
    machines.set(addresses[host], { name: host, machine, instance, address: addresses[host] });
    machine.put('var/lib/cloud/seed/nocloud/meta-data', `instance-id: ${instance}\nlocal-hostname: ${host}\n`);
    machine.put('var/lib/cloud/seed/nocloud/user-data', booted[host].data);
    // As Debian's image for EC2 has it, but for where the data comes from.
    machine.put('etc/cloud/cloud.cfg.d/99_played.cfg', 'datasource_list: [NoCloud]\nnetwork: {config: disabled}\napt: {preserve_sources_list: true}\nlocale: C.UTF-8\n');
    machine.put('etc/hosts', `127.0.0.1 localhost\n${Object.entries(addresses).map(([one, address]) => `${address} ${one}.boathouse.internal\n`).join('')}${here} ledger.boathouse.internal ${domain}\n`);
    machine.put('etc/apt/apt.conf.d/99played', 'Acquire::Retries "0";\n');  // what it installs lies in its cache, and there is nobody to ask
    machine.put('usr/local/bin/aws', `#!/bin/sh\n# A machine at work here may be slower than AWS.\nexport AWS_METADATA_SERVICE_TIMEOUT=20\nexec /usr/bin/aws --endpoint-url ${aws.url} "$@"\n`, 0o755);
    machine.put('usr/local/share/ca-certificates/played.crt', fs.readFileSync(outer['ca.crt']));
    machine.put('etc/played-engine', `http://${here}:8123\n`);
    return (await machine.boot()) ? machine : undefined;
  };
  // Of the machine that is the node now.
  const signalled = (host) => aws.signals.filter((one) => one.node === host && one.id === machines.get(addresses[host]).instance);
  const ready = async (host, minutes = 4) => {
    const node = machines.get(addresses[host]);
    for (let tries = 0; tries < minutes && signalled(host).length === 0; ++tries) await until(`${host} is set up`, () => signalled(host).length > 0).catch(() => {});
    const good = equal(`${host} says to its group that it works`, signalled(host), [{ node: host, resource: booted[host].resource, id: node.instance, status: 'SUCCESS' }]);
    if (!good) console.log(`# ${(await node.machine.type('tail -n 60 /var/log/cloud-init-output.log; systemctl --failed')).out.replaceAll('\n', '\n# ')}`);
    return node.machine;
  };
  const output = async (machine, script) => (await machine.type(script)).out;
  const typed = async (what, machine, script) => {
    const done = await machine.type(script);
    check(what, done.code === 0, `${script}\n${done.out}\n${done.err}\n${done.code === 0 ? '' : await output(machine, 'journalctl -n 60 --no-pager | grep -v cloud-init')}`);
    return done.out;
  };

  for (const host of ['keeper-1', 'keeper-2', 'keeper-3']) {
    if (await start(host) === undefined) return skip(name, `no container starts here: ${machines.get(addresses[host]).machine.console.trim().split('\n').slice(-3).join(' | ')}`);
  }
  const keeper = await ready('keeper-1');
  await Promise.all(['keeper-2', 'keeper-3'].map((host) => ready(host)));
  await Promise.all(['clickhouse-1', 'clickhouse-2'].map(start));
  const [first, second] = await Promise.all(['clickhouse-1', 'clickhouse-2'].map((host) => ready(host)));
  await start('service');
  const service = await ready('service');
  await start('monitor');
  const monitor = await ready('monitor');

  equal('the names are announced', [...aws.names].sort(), Object.keys(addresses).filter((host) => booted[host].environment.BOATHOUSE_ZONE).sort().map((host) => [`${host}.boathouse.internal`, addresses[host]]));
  equal('nobody has asked AWS for what is not played', aws.refused, []);
  for (const [, { name: host, machine }] of machines) {
    equal(`${host}: no unit has failed`, (await output(machine, 'systemctl list-units --state=failed --plain --no-legend')).split('\n').filter((line) => line !== '' && !/apt-daily/.test(line)), []);
    const done = (await output(machine, 'cloud-init status')).trim();
    check(`${host}: cloud-init has done all`, done === 'status: done', (await output(machine, "grep -aE 'WARNING|ERROR|Error' /var/log/cloud-init.log || true")));
  }

  // docs/deploy-aws.md, from the first key on, typed where the program is and the names are known.
  const here_ = (block) => block.replaceAll('build/release/bin/', '').replaceAll('DOMAIN_URL', `https://${domain}`).replaceAll('OPERATORKEYSECRET', environment.BOATHOUSE_OPERATOR_KEY_SECRET);
  const page = blocks('docs/deploy-aws.md');
  equal('the operator\'s key is in Secrets Manager, and off the node', [aws.secrets.has(environment.BOATHOUSE_OPERATOR_KEY_SECRET), (await service.type('test -e /var/lib/boathouse/operator.key')).code], [true, 1]);
  const region = `. /etc/boathouse/site.env; export AWS_DEFAULT_REGION\n`;
  await typed('deploy-aws.md: the first key and the first workout', monitor, `${region}${here_(page['7. The first key'][0])}\n${here_(page['8. The first workout'][0])}`);
  const key = fs.readFileSync(path.join(monitor.root, 'root/anna.key'), 'utf8').trim();
  const ask = `boathouse sessions --server https://${domain} --key-file anna.key`;
  const sessions = () => output(monitor, ask);
  const rowed = await sessions();
  check('the workout is there', /ses_/.test(rowed) && key !== '', rowed);
  equal('service: its own user, no capability, a filter of system calls', (await output(service, "grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/$(systemctl show --property MainPID --value boathouse)/status")).replaceAll('\t', ' '), 'CapEff: 0000000000000000\nNoNewPrivs: 1\nSeccomp: 2\n');

  // "Before athletes come", 1: the backups and the comparison.
  for (const host of ['monitor', 'clickhouse-1']) {
    const timers = (await output(machines.get(addresses[host]).machine, 'systemctl list-timers --all --plain --no-legend'));
    const wanted = host === 'monitor' ? ['ledger-backup.timer', 'boathouse-reconcile.timer', 'boathouse-watch-monitor.timer'] : ['clickhouse-backup.timer', 'clickhouse-move-cold.timer', 'clickhouse-watch.timer'];
    equal(`${host}: its timers are set`, wanted.filter((one) => !timers.includes(one)), []);
  }
  await typed('runbook BackupTooOld: the ledger', monitor, 'systemctl start ledger-backup && journalctl -u ledger-backup -n 20');
  await typed('runbook ReconcileTooOld', monitor, 'systemctl start boathouse-reconcile && journalctl -u boathouse-reconcile -n 20 | grep -E "compared [0-9]+ recordings, 0 differences, 0 recordings"');
  await typed('runbook BackupTooOld: ClickHouse', first, 'systemctl start clickhouse-backup && journalctl -u clickhouse-backup -n 20');
  const bucket = `/${booted.monitor.environment.BOATHOUSE_BACKUP_BUCKET}/`;
  const stored = [...aws.objects.keys()].filter((one) => one.startsWith(bucket)).map((one) => one.slice(bucket.length));
  const pair = stored.find((one) => one.startsWith('clickhouse/pairs/'));
  check('both are in the bucket, and named together', pair !== undefined && stored.includes('clickhouse/newest-ledger.json') && stored.some((one) => /^ledger\/.*\/complete\//.test(one)), stored);
  check('Prometheus is told of each', /what="ledger"/.test((await output(monitor, 'curl -s http://127.0.0.1:9100/metrics'))) && /what="clickhouse"/.test((await output(first, 'curl -s http://127.0.0.1:9100/metrics'))));
  await typed('clickhouse-1: moves years, and watches', first, 'systemctl start clickhouse-move-cold clickhouse-watch && curl -s http://127.0.0.1:9100/metrics | grep boathouse_clickhouse_oldest_mutation_seconds');
  await until('Prometheus sees the replicas', async () => /"health":"up"/.test(await output(monitor, 'curl -s http://127.0.0.1:9090/api/v1/targets')));
  check('Prometheus has its rules', /ServiceDown/.test(await output(monitor, 'curl -s http://127.0.0.1:9090/api/v1/rules')));
  await typed('the monitor node says that it answers', monitor, 'systemctl start boathouse-watch-monitor');
  check('to CloudWatch', aws.metrics.some((one) => one.node === 'monitor' && one.name === 'MonitorAnswers'), aws.metrics);
  await typed('the ledger\'s backup counts for the service', monitor, `boathouse backup list --to /var/lib/boathouse-backup | grep verified`);

  const runbooks = fs.readFileSync(path.join(source, 'docs/operations/runbooks.md'), 'utf8');
  const runbook = blocks('docs/operations/runbooks.md');
  const said = (pattern) => pattern.exec(runbooks)[1].replace(/\s+/g, ' ');
  const answers = 'curl --silent --fail --retry 30 --retry-all-errors --retry-delay 1 http://127.0.0.1:8080/readyz';
  // Each another workout: two devices that record the same have one session.
  let workouts = 0;
  const rowMore = (who) => typed(`${who} rows`, monitor, `boathouse pm5 simulate --minutes ${++workouts} | boathouse device record --data ${who} && boathouse device sync --data ${who} --server https://${domain} --key-file anna.key && boathouse reconcile --wait 60 --server https://${domain} --key-file anna.key`);

  // ClickHouseDown: the other one goes on alone. Then a new machine takes the lost one's place, with its volume.
  await second.stop();
  await typed('runbook ClickHouseDown', service, `${said(/`(echo BOATHOUSE_CLICKHOUSE_QUORUM=0 >> [^`]*)`/)}; ${answers}`);
  check('it goes on with one, and says what that means', (await output(service, 'journalctl -u boathouse --no-pager')).includes('reads may miss') && (await output(service, 'tr "\\0" " " </proc/$(systemctl show --property MainPID --value boathouse)/cmdline')).includes('--clickhouse-quorum 0'));
  await rowMore('second');
  await start('clickhouse-2');
  const again = await ready('clickhouse-2');
  equal('the new machine has the volume of the one before', (await output(again, 'cat /var/lib/clickhouse/played && stat --format %U /var/lib/clickhouse')), 'it can write hereclickhouse\n');
  check('runbook "What a lost volume leaves": the place in S3 that is in use', (await typed('is told', again, said(/`(grep COLD [^`]*)`/))).includes('/replica-2/'));
  await typed('runbook "Read from one replica"', service, `sed -i "s|^BOATHOUSE_CLICKHOUSE='.*|BOATHOUSE_CLICKHOUSE='https://clickhouse-1.boathouse.internal:8443'|" /etc/boathouse/site.env && systemctl restart boathouse && ${answers}`);
  await typed('and when the other has everything', again, said(/Back to both \(a comma between them\) when on the replica `([^`]*)`/));
  await typed('back to both', service, `sed -i -e "s|^BOATHOUSE_CLICKHOUSE='.*|BOATHOUSE_CLICKHOUSE='${environment.BOATHOUSE_CLICKHOUSE}'|" -e /BOATHOUSE_CLICKHOUSE_QUORUM/d /etc/boathouse/site.env && systemctl restart boathouse && ${answers}`);
  await rowMore('third');

  // Secrets: each in the order that the table has.
  const [restartReplica, restartService] = [...said(/\| ClickHouse's passwords \|([^|]*)\|/).matchAll(/`(systemctl [^`]*)`/g)].map(([, command]) => command);
  const ping = 'curl --silent --fail --retry 30 --retry-all-errors --retry-delay 1 --cacert /etc/boathouse/tls/ca.crt https://$(hostname):8443/ping';
  const before = await sessions();
  aws.secrets.set(clickhouseSecret, JSON.stringify({ password: 'other' }));
  await typed('a new password of ClickHouse: one replica', first, `${restartReplica} && ${ping}`);
  equal('nobody notices', await sessions(), before);
  await typed('then the service', service, `${restartService} && ${answers}`);
  equal('nobody notices', await sessions(), before);
  await typed('then the other replica', again, `${restartReplica} && ${ping}`);
  await rowMore('fourth');
  setLedgerPassword('new:one');
  postgres.ask('postgres', "ALTER ROLE boathouse PASSWORD 'new:one'");
  const [restartNodes, restartMonitor] = [...said(/\| ledger's password \|([^|]*)\|/).matchAll(/`(systemctl restart [^`]*)`/g)].map(([, command]) => command);
  await typed('a new password of the ledger: the service', service, `${restartNodes} && ${answers}`);
  await typed('and the monitor node, which makes the next backup', monitor, `${restartMonitor} && systemctl start ledger-backup`);
  await rowMore('fifth');

  await typed('runbook KeeperQuorumLost: the one that is left stops', keeper, `${said(/if one is, `(systemctl stop clickhouse-keeper)`/)} && ! curl -s http://127.0.0.1:9182/ready && systemctl start clickhouse-keeper`);
  for (const [, { name: host, machine }] of machines) if (host.startsWith('keeper')) await typed(`is a quorum there: ${host}`, machine, `${said(/On each\s+`([^`]*)` must say that a quorum is there/)} --retry 10 --retry-connrefused`);
  await typed('and a replica is to forget the Keepers of before', again, `${said(/`(systemctl restart clickhouse-server)`, for a new Keeper/)} && ${ping}`);

  // What the runbooks have somebody look at or start, each on the node that it speaks of. A grep may find nothing; the other commands must do what they are asked.
  const whose = (command) => [[/watch-monitor|boathouse-reconcile|ledger-backup|boathouse-backup|prometheus|9090|BOATHOUSE_KEY/, monitor], [/keeper|9182/, keeper], [/clickhouse|\/ \|/, again]].find(([what]) => what.test(command))?.[1] ?? service;
  const placed = (command) => command.replace('URL/', `https://${domain}/`).replace('DATA', '/var/lib/boathouse');
  const looks = [...new Set(codeOf(runbooks).map(({ text }) => text).filter((one) => /^(?:journalctl|du|cat|openssl|curl|xfs_growfs|systemctl (?:status|start|list-timers)) /.test(`${one} `) && one !== 'systemctl status'))];
  check('the runbooks have things to look at', looks.length >= 25, looks);
  const seen = new Map();
  for (const look of looks) {
    if (look.includes('/proc/pressure') && !fs.existsSync('/proc/pressure/io')) {
      skip(`runbooks: ${look}`, 'the kernel of this machine does not measure pressure');
      continue;
    }
    const done = await whose(look).type(`set +e; BOATHOUSE_KEY=$(cat /etc/prometheus/secrets/operator.key 2>/dev/null)\n${placed(look)}; codes="\${PIPESTATUS[*]}"; echo; echo "$codes"`);
    seen.set(look, done.out);
    const codes = done.out.trim().split('\n').at(-1).split(' ');
    const programs = look.replaceAll(/'[^']*'/g, "''").split(' | ');
    const good = programs.every((one, index) => codes[index] === '0' || (codes[index] === '1' && one.startsWith('grep')));
    check(`runbooks: ${look}`, good && codes.length === programs.length, `${done.out.slice(-500)}\n${done.err}`);
  }
  const seenBy = (part) => seen.get(looks.find((one) => one.includes(part)));
  check('they look for what the service writes', seen.get('journalctl -u boathouse').includes('status=200') && !seenBy('grep -v').includes('status=200') && seenBy('syncBatch').includes('route=syncBatch'));
  check('and for numbers that it has', ['resident', 'outbox', 'requests_total'].every((one) => seenBy('/metrics').includes(one)), seenBy('/metrics'));

  // "Restore the ledger", from a backup: as far as the names, which nobody changes here.
  const restore = runbooks.slice(runbooks.indexOf('**From a backup**'), runbooks.indexOf('### A new instance'));
  const [pgpass, site_, size, create] = [/`(export PGPASSFILE=[^`]*)`/, /`(\. \/etc\/boathouse\/site\.env)`/, /`(psql [^`]*pg_database_size[^`]*)`/, /`(psql [^`]*CREATE DATABASE[^`]*)`/].map((pattern) => pattern.exec(restore)[1]);
  const restored = /^4\. `(boathouse restore [^`]*)`/m.exec(restore)[1].replace('HOST', 'ledger.boathouse.internal');
  const drop = /`(psql [^`]*DROP DATABASE[^`]*)`/.exec(restore)[1].replace('damaged', 'restored');
  await typed('runbook "Restore the ledger", from a backup', monitor, [pgpass, site_, size, create, restored, drop, 'rm -r /var/lib/restored'].join('\n'));

  // DrillTooOld, all of it: the ledger into files on a volume, ClickHouse into a server of its own, both compared.
  for (const [volume, node] of [['vol-0456', monitor], ['vol-0123', again]]) await volumes.attach(volume, node);
  const drill = runbook.DrillTooOld;
  await typed('runbook DrillTooOld 1: the ledger', monitor, drill[1]);
  const password = (await typed('2: a server of its own', again, `${drill[2]}\ncurl --silent --fail --retry 30 --retry-all-errors --retry-delay 1 --cacert /etc/boathouse/tls/ca.crt https://clickhouse-2.boathouse.internal:8124/ping`)).match(/^[0-9a-f]{32}$/m)[0];
  await typed('3: ClickHouse\'s part', again, `BOATHOUSE_DRILL_PASSWORD=${password}\n${drill[3].replace('BUCKET', booted.monitor.environment.BOATHOUSE_BACKUP_BUCKET).replace('REGION', site.region).replace('NAME', path.basename(pair, '.json'))}`);
  monitor.put('run/drill-password', '');
  await typed('4: both are the same', monitor, `echo ${password} >/run/drill-password; chmod 600 /run/drill-password\n(umask 077; echo ${aws.secrets.get(environment.BOATHOUSE_PEPPER_SECRET)} >/mnt/drill/ledger/pepper.key)\n${drill[4]}\n${/`(boathouse-backup-done drill [^`]*)`/.exec(runbooks)[1]}`);
  equal('the service\'s own instance has one ledger', postgres.ask('postgres', "SELECT count(*) FROM pg_database WHERE datname IN ('restored', 'damaged')"), ['0']);
  await typed('5: away with it', monitor, [...said(/^5\. Away with it: ([^;]*);/m).matchAll(/`([^`]*)`/g)].map(([, command]) => command).join('\n'));
  await typed('and on the replica', again, said(/`(systemctl stop clickhouse-drill[^`]*)`/));

  // A new monitor node knows what the one before knew.
  await monitor.stop();
  await start('monitor');
  const next = await ready('monitor');
  check('a new monitor node has the volume, and what it knew of backups and drill', /what="drill"/.test((await output(next, 'curl -s http://127.0.0.1:9100/metrics'))) && (await output(next, 'boathouse backup list --to /var/lib/boathouse-backup')).includes('verified'));
  await typed('runbook "A new volume": the day of the last drill', next, said(/`(BOATHOUSE_NOW=[^`]*)`/));
  const sayDrill = /\{what="drill"\} (\S+)/.exec(await output(next, 'curl -s http://127.0.0.1:9100/metrics'));
  equal('is said again', Number(sayDrill?.[1]), Date.parse(`${said(/`BOATHOUSE_NOW=\$\(date --date (\S+) /)}T00:00:00Z`) / 1000);
  await typed('runbook "Stop the nodes"', service, `systemctl stop boathouse && ! curl --silent --fail http://127.0.0.1:8080/healthz && systemctl start boathouse && ${answers}`);
  equal('nothing that was rowed is lost', await engine.ask('SELECT count() FROM session FINAL'), String(1 + workouts));
});
