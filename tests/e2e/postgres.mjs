// A PostgreSQL server of the test's own: Debian's programs, a new folder, a socket in it and no port.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { atEnd } from './boathouse.mjs';

const root = '/usr/lib/postgresql';

// The newest version's programs, or undefined.
function programs() {
  if (!fs.existsSync(root)) return undefined;
  const versions = fs.readdirSync(root).filter((name) => fs.existsSync(path.join(root, name, 'bin/initdb')));
  versions.sort((a, b) => Number(a) - Number(b));
  return versions.length === 0 ? undefined : path.join(root, versions.at(-1), 'bin');
}

// PostgreSQL does not run as root: whose it is then.
function owner() {
  if (process.getuid() !== 0) return {};
  const [, , uid, gid] = /^postgres:(.*)$/m.exec(fs.readFileSync('/etc/passwd', 'utf8'))[0].split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

// Started and ready; ends with the test. `url(database)` is for `serve --ledger`. `door`: a place outside of its folder as well, for its user and the
// password `door.password`: {address, port, certificate, key (files), password}.
export async function startPostgres(door) {
  const bin = programs();
  if (bin === undefined) throw new Error("PostgreSQL's server is not installed (Debian: apt-get install postgresql)");
  const user = owner();
  const place = fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir();
  const folder = fs.mkdtempSync(path.join(place, 'boathouse-pg-'));
  atEnd(() => fs.rmSync(folder, { recursive: true, force: true }));
  if (user.uid !== undefined) fs.chownSync(folder, user.uid, user.gid);
  const options = { cwd: '/', ...user };
  const made = spawnSync(path.join(bin, 'initdb'), ['-D', path.join(folder, 'data'), '-U', 'boathouse', '-A', 'trust', '-E', 'UTF8',
    '--locale=C.UTF-8', '--no-sync', '--no-instructions'], options);
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`);
  const listens = ['-c', 'listen_addresses='];
  if (door) {
    for (const [name, file] of [['door.crt', door.certificate], ['door.key', door.key]]) {
      fs.copyFileSync(file, path.join(folder, 'data', name));
      fs.chmodSync(path.join(folder, 'data', name), 0o600);
      if (user.uid !== undefined) fs.chownSync(path.join(folder, 'data', name), user.uid, user.gid);
    }
    fs.appendFileSync(path.join(folder, 'data/pg_hba.conf'), 'hostssl all all 0.0.0.0/0 scram-sha-256\n');
    listens[1] += door.address;
    listens.push('-c', `port=${door.port}`, '-c', 'ssl=on', '-c', 'ssl_cert_file=door.crt', '-c', 'ssl_key_file=door.key');
  }
  const port = String(door?.port ?? 5432);
  const psql = (database, sql) => spawnSync(path.join(bin, 'psql'), ['-h', folder, '-p', port, '-U', 'boathouse', '-At', '-c', sql, database], options);
  let server;
  let ended;
  const start = async () => {
    server = spawn(path.join(bin, 'postgres'), ['-D', path.join(folder, 'data'), '-k', folder, ...listens,
      '-c', 'shared_buffers=32MB'], { ...options, stdio: 'ignore' });
    ended = new Promise((resolve) => { server.on('exit', resolve); });
    for (let tries = 0; psql('postgres', 'SELECT 1').status !== 0; ++tries) {
      if (tries > 500) throw new Error('PostgreSQL does not begin to answer');
      await new Promise((resolve) => { setTimeout(resolve, 20); });
    }
  };
  // To the server and its children, which live in sessions of their own. It starts no others meanwhile.
  const signal = (name) => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    if (name !== 'SIGCONT') server.kill('SIGSTOP');
    const children = fs.readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8').split(' ').filter((child) => child !== '');
    for (const child of children) {
      try {
        process.kill(Number(child), name);
      } catch (error) {
        if (error.code !== 'ESRCH') throw error;  // it has ended meanwhile
      }
    }
    server.kill(name);
  };
  atEnd(async () => {
    signal('SIGCONT');
    server.kill('SIGQUIT');
    await ended;
  });
  await start();
  if (door) psql('postgres', `ALTER ROLE boathouse PASSWORD '${door.password}'`);
  return {
    // A new empty database.
    url(database) {
      const created = psql('postgres', `CREATE DATABASE ${database}`);
      if (created.status !== 0) throw new Error(`CREATE DATABASE: ${created.stderr}`);
      return `postgresql:///${database}?user=boathouse&host=${folder}`;
    },
    // Lines of text for one statement.
    ask(database, sql) {
      const done = psql(database, sql);
      if (done.status !== 0) throw new Error(`${sql}: ${done.stderr}`);
      return done.stdout.toString().split('\n').slice(0, -1);
    },
    // A session that others wait for: it holds a lock until `release`.
    hold(database, take) {
      const session = spawn(path.join(bin, 'psql'), ['-h', folder, '-p', port, '-U', 'boathouse', '-Atq', database], { ...options, stdio: ['pipe', 'pipe', 'inherit'] });
      const over = new Promise((resolve) => { session.on('exit', resolve); });
      const held = new Promise((resolve) => { session.stdout.once('data', resolve); });
      session.stdin.write(`${take};\nSELECT 'held';\n`);
      return { held, release: () => { session.stdin.end(); return over; } };
    },
    // All its processes stand still: it takes connections, and answers nothing.
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    // SIGKILL to all of it, then started again.
    async kill() {
      signal('SIGKILL');
      await ended;
    },
    start,
  };
}
