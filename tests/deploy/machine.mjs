// A Debian 12 with systemd as its first process, in a container of this machine: what deploy/ and docs/ say of a machine is typed there as root.
// It has its own loopback, and another network only when it is given one, so that its ports are nobody else's.
import { spawn, spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { atEnd, temporaryFolder, until } from '../e2e/boathouse.mjs';

const source = process.env.BOATHOUSE_SOURCE_DIR;

function must(program, ...args) {
  const done = spawnSync(program, args, { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${(done.stderr ?? String(done.error)).slice(-2000)}`);
  return done.stdout;
}

// Why there can be no such machine here; '' when there can.
export function noMachine() {
  if (process.getuid() !== 0) return 'only root can start a container';
  const missing = ['systemd-nspawn', 'mmdebstrap', 'nsenter', 'ip'].filter((name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0);
  return missing.length === 0 ? '' : `not installed: ${missing.join(', ')}`;
}

// A system, made once for each choice of packages. Those of `later` are not installed but lie in its cache: what is typed there installs them, without a network.
export function makeSystem({ installed = [], later = [] }) {
  const all = ['dbus', 'procps', 'systemd', 'systemd-sysv', ...installed].sort().join(',');
  const tree = path.join(source, 'build/machines', crypto.createHash('sha256').update([all, ...later].join()).digest('hex').slice(0, 12));
  if (fs.existsSync(tree)) return tree;
  fs.mkdirSync(path.dirname(tree), { recursive: true });
  const unfinished = fs.mkdtempSync(`${tree}-`);
  try {
    must('mmdebstrap', '--quiet', '--variant=minbase', `--include=${all}`, '--skip=cleanup/apt',
      ...(later.length === 0 ? [] : [`--customize-hook=chroot "$1" apt-get install --yes --download-only --no-install-recommends ${later.join(' ')}`]), 'bookworm', unfinished);
  } catch (error) {
    fs.rmSync(unfinished, { recursive: true });
    throw error;
  }
  fs.renameSync(unfinished, tree);
  return tree;
}

export class Machine {
  // Nothing runs yet: `root` is its file system, to put things into. `network`: {bridge, address}, a bridge of this network namespace and this
  // machine's address there with the length of its prefix.
  constructor(name, packages, network) {
    this.name = name;
    this.group = `boathouse-test-${process.pid}-${name}`;
    const folder = temporaryFolder();
    const place = (what) => path.join(folder, what);
    for (const what of ['changed', 'work', 'root']) fs.mkdirSync(place(what));
    this.root = place('root');
    must('mount', '-t', 'overlay', '-o', `lowerdir=${makeSystem(packages)},upperdir=${place('changed')},workdir=${place('work')}`, 'overlay', this.root);
    atEnd(async () => {
      await this.stop();
      must('umount', this.root);
      spawnSync('find', ['/sys/fs/cgroup', '-depth', '-type', 'd', '-path', `*/${this.group}*`, '-exec', 'rmdir', '{}', ';']);
    });
    fs.chmodSync(this.root, 0o755);
    this.options = ['--private-network'];
    if (network) {
      this.options = [`--network-bridge=${network.bridge}`];
      this.put('etc/systemd/network/10-host0.network', `[Match]\nName=host0\n[Network]\nAddress=${network.address}\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n[Route]\nDestination=169.254.169.254/32\nScope=link\n`);
      must('systemctl', `--root=${this.root}`, 'enable', 'systemd-networkd', 'systemd-networkd-wait-online');
    }
  }

  put(file, content, mode = 0o644) {
    const target = path.join(this.root, file);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.writeFileSync(target, content, { mode });
  }

  // Until its systemd answers. False when this machine lets no container start; `console` has what it said.
  async boot() {
    this.console = '';
    // Each in a control group of its own, or the systemds of two would take each other's services for theirs.
    const group = `for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/*; do
      [ ! -e "$hierarchy/cgroup.procs" ] || { mkdir -p "$hierarchy/$0" && echo $$ >"$hierarchy/$0/cgroup.procs"; } 2>/dev/null || true
    done
    exec "$@"`;
    this.process = spawn('bash', ['-c', group, this.group, 'systemd-nspawn', '--quiet', '--boot', '--register=no', '--keep-unit', '--console=pipe', '--resolv-conf=off', '--timezone=off', `--machine=${this.name}`, `--directory=${this.root}`, ...this.options],
      { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.process.stdout, this.process.stderr]) stream.on('data', (piece) => { this.console = (this.console + piece).slice(-20_000); });
    this.ended = new Promise((resolve) => this.process.on('exit', (code) => { this.process = undefined; resolve(code); }));
    this.first = await until('the container has a first process', () => (this.process ? firstProcess(this.process.pid) : -1));
    if (this.first === -1) return false;
    await until('systemd answers', async () => !this.process || (await this.type('systemctl is-system-running')).out.trim() !== '');
    return this.process !== undefined;
  }

  // What root types there, as one script: {code, out, err}. It ends at the first command that fails, and after ten minutes.
  type(script) {
    const child = spawn('nsenter', ['--target', String(this.first), '--all', '--', '/usr/bin/env', '--ignore-environment', 'HOME=/root', 'USER=root', 'LC_ALL=C.UTF-8',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin', '/bin/bash', '--norc', '-euo', 'pipefail', '-c', `cd\n${script}`], { stdio: ['ignore', 'pipe', 'pipe'], timeout: 600_000 });
    const done = { out: '', err: '' };
    child.stdout.on('data', (piece) => { done.out += piece; });
    child.stderr.on('data', (piece) => { done.err += piece; });
    return new Promise((resolve) => { child.on('close', (code) => resolve({ code, ...done })); });
  }

  // In order, as `poweroff` does it: 0 when it ended so.
  async stop() {
    if (!this.process) return 0;
    this.process.kill('SIGTERM');
    const late = setTimeout(() => this.process?.kill('SIGKILL'), 90_000);
    const code = await this.ended;
    clearTimeout(late);
    return code;
  }
}

// The descendant of a process that is the first one in a namespace of its own; undefined when there is none yet.
function firstProcess(parent) {
  for (const child of ofProcess(parent, `task/${parent}/children`).trim().split(' ').filter(Boolean)) {
    const found = /^NSpid:\s+\d+\s+1$/m.test(ofProcess(child, 'status')) ? Number(child) : firstProcess(child);
    if (found) return found;
  }
  return undefined;
}

// A file of /proc about a process; empty when that has ended: on its way to the container's first one, nspawn has children that soon end.
function ofProcess(id, file) {
  try {
    return fs.readFileSync(`/proc/${id}/${file}`, 'utf8');
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'ESRCH') throw error;
    return '';
  }
}

// The code blocks of a page by heading, in their order: {'2. Install': ['apt-get ...\n']}.
export function blocks(page) {
  const found = {};
  for (const section of fs.readFileSync(path.join(source, page), 'utf8').split(/^#+ /m).slice(1)) {
    found[section.split('\n', 1)[0]] = [...section.matchAll(/^( *)```[a-z]*\n([^]*?)^ *```$/gm)].map(([, indent, text]) => text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''));
  }
  return found;
}
