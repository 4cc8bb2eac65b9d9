// docs/deploy-one-box.md as it stands, typed as root on a Debian 12 that has nothing; then what the runbooks and backup.md have for a box with systemd.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { check, equal, main, skip, temporaryFolder, until } from '../e2e/boathouse.mjs';
import { Machine, blocks, noMachine } from './machine.mjs';

const source = process.env.BOATHOUSE_SOURCE_DIR;
const build = path.dirname(process.env.BOATHOUSE_PROGRAMS);

// The second and third line of the page's build: what was built already is put together.
function pack(lines, folder) {
  const [compile, ...rest] = lines.trimEnd().split('\n');
  equal('the page builds what the presets have', compile, 'cmake --workflow --preset release');
  const done = spawnSync('bash', ['-euc', rest.join('\n').replaceAll('build/release', build).replaceAll('build/box', 'box').replaceAll('$PWD', folder)], { cwd: folder, encoding: 'utf8' });
  if (done.status !== 0) throw new Error(done.stderr);
  return path.join(folder, 'boathouse-box.tar.zst');
}

await main(async () => {
  const why = noMachine();
  if (why !== '') {
    skip('a box is set up as docs/deploy-one-box.md says', why);
    return;
  }
  const page = blocks('docs/deploy-one-box.md');
  const [install] = page['2. Install'];
  const packages = /^apt-get install (.*)$/m.exec(install)[1].split(' ').filter((word) => !word.startsWith('-'));
  const folder = temporaryFolder();
  const archive = pack(page['1. Build'][0], folder);
  const box = new Machine('one-box', { later: packages });
  if (!await box.boot()) {
    skip('a box is set up as docs/deploy-one-box.md says', `no container starts here: ${box.console.trim().split('\n').slice(-3).join(' | ')}`);
    return;
  }
  const output = async (script) => (await box.type(script)).out;
  const typed = async (name, script) => {
    const done = await box.type(script);
    check(name, done.code === 0, `${script}\n${done.out}\n${done.err}\n${done.code === 0 ? '' : await output('journalctl -u boathouse -n 40 --no-pager')}`);
    return done.out;
  };
  const answers = async () => (await box.type('curl --silent --fail http://127.0.0.1:8080/readyz')).code === 0;
  const pid = async () => (await output('systemctl show --property MainPID --value boathouse')).trim();

  fs.copyFileSync(archive, path.join(box.root, 'root/boathouse-box.tar.zst'));
  const before = await output('stat --format "%a %U %n" / /usr /usr/local /usr/local/bin');
  await typed('step 2: install', install);
  equal('folders of the system stay as they were', await output('stat --format "%a %U %n" / /usr /usr/local /usr/local/bin'), before);
  // "Another disk": one of this machine's folders, mounted.
  await typed('step 3: a place for the backups', 'mkdir -p /var/lib/boathouse-backup /srv/other-disk && mount --bind /srv/other-disk /var/lib/boathouse-backup');
  await typed('step 4: start', page['4. Start'][0]);
  for (const [number, block] of page['6. The first workout'].entries()) await typed(`step 6: the first workout, ${number + 1}`, block);
  const sessions = () => output('boathouse sessions --server http://127.0.0.1:8080 --key-file anna.key');
  const first = await sessions();
  check('the workout is there', /ses_/.test(first), first);
  const doctor = await typed('step 7: a backup, and the doctor', page['7. Before athletes come'][0]);
  check('the doctor finds nothing that fails', doctor.includes('backup') && !/^FAIL/m.test(doctor), doctor);

  // What the unit allows it.
  const allowed = await output(`for process in $(pgrep -u boathouse); do grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/$process/status; done`);
  const user = (await output('id --user boathouse')).trim();
  equal('service and engine have one user, no capability, a filter of system calls', allowed.trim().split('\n').map((line) => line.split(/\s+/).slice(0, 2).join(' ')),
    Array(2).fill([`Uid: ${user}`, 'CapEff: 0000000000000000', 'CapBnd: 0000000000000000', 'NoNewPrivs: 1', 'Seccomp: 2']).flat());
  const elsewhere = await box.type(`nsenter --target ${await pid()} --mount -- sh -c 'touch /usr/local/x; touch /etc/x; ls /root /home; touch /var/lib/boathouse/x && rm /var/lib/boathouse/x && echo own'`);
  check('it writes nowhere but in its folders, and sees no home', elsewhere.out === '/home:\n\n/root:\nown\n' && (elsewhere.err.match(/Read-only file system|Permission denied/g) ?? []).length >= 2, elsewhere);

  // ServiceRestarting, ClickHouseRestarted.
  const killed = await pid();
  await typed('the service is killed', `kill -9 ${killed}`);
  await until('systemd starts it again', async () => !['0', killed].includes(await pid()) && answers());
  equal('it comes back with everything', await sessions(), first);
  await typed('the engine is killed', 'pkill -9 -f /usr/local/bin/boathouse-engine');
  await until('the service starts it again', async () => (await answers()) && (await sessions()) === first);
  check('runbook ClickHouseRestarted: the log has it', /engine/.test(await typed('its command', 'journalctl -u boathouse | grep engine')));
  await typed('runbook ServiceMemory: a restart', 'systemctl restart boathouse');
  await until('it answers', answers);
  equal('and was stopped in order', (await output('journalctl -u boathouse --no-pager')).match(/Failed with result 'timeout'/), null);
  for (const command of ["systemctl status boathouse", 'journalctl -u boathouse -n 100', "journalctl -u boathouse --since -1h | grep -v ' 200 '"]) await typed(`runbook: ${command}`, command);

  // The machine is gone: its backups are on another one.
  const gone = blocks('docs/operations/backup.md')['The machine is gone'][0];
  await typed('the machine is gone', 'systemctl stop boathouse && mv /var/lib/boathouse /srv/lost && mkdir -p /mnt/backup && mount --bind /srv/other-disk /mnt/backup && chown -R boathouse: /mnt/backup');
  await typed('backup.md: restore', gone);
  await typed('backup.md: start', 'systemctl start boathouse');
  await until('it answers', answers);
  await typed('backup.md: ledger and ClickHouse count the same', 'boathouse reconcile --wait 60 --server http://127.0.0.1:8080 --key-file /srv/lost/operator.key');
  equal('every workout is there', await sessions(), first);

  // TLS, by the drop-in.
  const certificate = () => {
    const made = JSON.parse(spawnSync(path.join(source, 'deploy/aws/make-tls'), ['2'], { encoding: 'utf8' }).stdout);
    fs.mkdirSync(path.join(box.root, 'etc/boathouse'), { recursive: true });
    fs.writeFileSync(path.join(box.root, 'etc/boathouse/chain.pem'), made.certificate);
    fs.writeFileSync(path.join(box.root, 'etc/boathouse/key.pem'), made.key);
    fs.writeFileSync(path.join(box.root, 'etc/boathouse/ca.crt'), made.ca);
  };
  const overTls = 'curl --silent --show-error --fail --retry 30 --retry-connrefused --retry-delay 1 --cacert /etc/boathouse/ca.crt --resolve service.boathouse.internal:8443:127.0.0.1 https://service.boathouse.internal:8443/readyz';
  certificate();
  await typed('step 5: TLS', page['5. To the outside, over TLS'][0]);
  await typed('it answers over TLS', overTls);
  certificate();
  await typed('step 5: after a renewal', 'systemctl reload boathouse');
  await until('with the new certificate, which another authority has signed', async () => (await box.type(overTls)).code === 0);

  // Enabled: it comes with the machine.
  equal('the machine stops in order', await box.stop(), 0);
  check('and starts again', await box.boot(), box.console);
  await typed('the service came with it', overTls);
});
