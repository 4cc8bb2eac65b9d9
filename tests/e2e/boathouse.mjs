// What the end-to-end tests share: starting the programs, checking, reading CSV.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const source = process.env.BOATHOUSE_SOURCE_DIR ?? path.resolve(import.meta.dirname ?? '.', '../..');
const programs = process.env.BOATHOUSE_PROGRAMS ?? path.join(source, 'build/release/bin');
export const engineBinary = process.env.BOATHOUSE_ENGINE_BINARY ?? path.join(programs, 'boathouse-engine');
export const binary = path.join(programs, 'boathouse');
export const sharedData = process.env.BOATHOUSE_SHARED_DATA ?? path.join(source, '../shared/data');

let failures = 0;
const cleanups = [];

export function check(name, good, detail = '') {
  if (good) {
    console.log(`ok ${name}`);
  } else {
    failures += 1;
    console.log(`not ok ${name}`);
    if (detail !== '') console.log(`# ${typeof detail === 'string' ? detail : JSON.stringify(detail)}`);
  }
  return good;
}

export function equal(name, actual, expected) {
  return check(name, JSON.stringify(actual) === JSON.stringify(expected),
    `is ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`);
}

export function skip(name, reason) {
  console.log(`ok ${name} # SKIP ${reason}`);
}

// Runs `body`, stops what it started, ends the process with the right code.
export async function main(body) {
  try {
    await body();
  } catch (error) {
    check('the test ran to its end', false, String(error?.stack ?? error));
  }
  for (const cleanup of cleanups.reverse()) await cleanup();
  process.exit(failures === 0 ? 0 : 1);
}

// Done when the test ends, the last first.
export function atEnd(cleanup) {
  cleanups.push(cleanup);
}

// What `test` gives as soon as that is something; a minute at most.
export async function until(what, test) {
  for (let tries = 0; tries < 600; ++tries) {
    const found = await test();
    if (found) return found;
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
  throw new Error(`it never came to pass: ${what}`);
}

export function temporaryFolder() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'boathouse-e2e-'));
  atEnd(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

// What stands for a program, e.g. a shell script.
export function program(file, content) {
  fs.writeFileSync(file, content, { mode: 0o755 });
  return file;
}

// A command to its end: {code, out, err}. `input` goes to its standard input.
export function run(args, { input = '', env = {} } = {}) {
  const done = spawnSync(binary, args, { input, env: { ...process.env, BOATHOUSE_KEY: '', ...env }, maxBuffer: 1 << 30 });
  if (done.error) throw done.error;
  return { code: done.status, signal: done.signal, out: done.stdout.toString(), err: done.stderr.toString() };
}

// The same without holding up this process: for a command that talks to a server in here.
export function runAsync(args) {
  return new Promise((resolve) => {
    const child = spawn(binary, args, { env: { ...process.env, BOATHOUSE_KEY: '' } });
    const done = { out: '', err: '' };
    child.stdout.on('data', (piece) => { done.out += piece; });
    child.stderr.on('data', (piece) => { done.err += piece; });
    child.on('close', (code, signal) => resolve({ ...done, code, signal }));
  });
}

export function runJson(args, options) {
  const done = run(args, options);
  try {
    return { ...done, json: JSON.parse(done.out) };
  } catch {
    throw new Error(`${args.join(' ')} printed no JSON (exit ${done.code}): ${done.out}${done.err}`);
  }
}

// The URL that a started program prints.
function listening(program, name) {
  return new Promise((resolve, reject) => {
    let out = '';
    program.process.stdout.on('data', (piece) => {
      out += piece;
      const found = /^listening on (\S+)$/m.exec(out);
      if (found) resolve(found[1]);
    });
    program.ended.then((end) => reject(new Error(`${name} ended with ${JSON.stringify(end)}: ${program.log}`)));
  });
}

// `boathouse serve` on a free port of loopback.
export class Server {
  constructor(folder, { listen = '127.0.0.1:0', extra = [] } = {}) {
    this.folder = folder;
    this.listen = listen;
    this.extra = extra;
    atEnd(() => this.stop());
  }

  async start() {
    this.log = '';
    this.process = spawn(binary, ['serve', '--data', this.folder, '--listen', this.listen, '--engine', engineBinary, ...this.extra]);
    this.process.stderr.on('data', (piece) => { this.log += piece; });
    this.ended = new Promise((resolve) => this.process.on('exit', (code, signal) => resolve({ code, signal })));
    this.url = await listening(this, 'serve');
    this.listen = this.url.replace(/^https?:\/\//, '');  // a restart takes the same port
    this.operatorKey = fs.readFileSync(path.join(this.folder, 'operator.key'), 'utf8').trim();
    return this;
  }

  // Gives {code, signal}.
  async stop(signal = 'SIGTERM') {
    if (this.process === undefined) return undefined;
    this.process.kill(signal);
    this.process = undefined;
    return this.ended;
  }

  key(athlete) {
    const made = run(['key', 'create', '--athlete', athlete, '--server', this.url, '--key', this.operatorKey]);
    if (made.code !== 0) throw new Error(`key create: ${made.err}`);
    return made.out.trim();
  }

  get(target, key, headers = {}) {
    return fetch(this.url + target, { headers: { ...(key ? { Authorization: `Bearer ${key}` } : {}), ...headers } });
  }

  async getJson(target, key) {
    const reply = await this.get(target, key);
    return { status: reply.status, headers: reply.headers, json: await reply.json() };
  }

  // All sessions of a key, newest first. A service that starts cannot say at once.
  async sessions(key) {
    const all = [];
    let cursor = '';
    do {
      const target = `/v1/sessions?limit=50${cursor ? `&cursor=${cursor}` : ''}`;
      const page = await until(`an answer to ${target} that is no 503`, async () => {
        const reply = await this.getJson(target, key);
        return reply.status !== 503 && reply;
      });
      if (page.status !== 200) throw new Error(`sessions: ${page.status} ${JSON.stringify(page.json)}`);
      all.push(...page.json.data);
      cursor = page.json.page.next_cursor;
    } while (cursor);
    return all;
  }

  async csv(session, key, query = '') {
    const reply = await this.get(`/v1/sessions/${session}/export.csv${query}`, key);
    if (reply.status !== 200) throw new Error(`export.csv: ${reply.status} ${await reply.text()}`);
    return parseCsv(await reply.text());
  }

  reconcile(key) {
    const done = run(['reconcile', '--json', '--wait', '60', '--server', this.url, '--key', key]);
    return { code: done.code, err: done.err, json: done.out.startsWith('{') ? JSON.parse(done.out) : undefined };
  }
}

// `boathouse device run` on a free port of loopback. What is written to `input` is a monitor's notifications, one a line.
export class RunningDevice {
  constructor(folder, server, key) {
    this.args = ['device', 'run', '--data', folder, '--server', server, '--key', key, '--listen', '127.0.0.1:0', '--record', '-'];
    atEnd(() => this.stop());
  }

  async start() {
    this.log = '';
    this.process = spawn(binary, this.args);
    this.input = this.process.stdin;
    this.input.on('error', () => {});  // it was stopped while we wrote
    this.process.stderr.on('data', (piece) => { this.log += piece; });
    this.ended = new Promise((resolve) => this.process.on('exit', (code, signal) => resolve({ code, signal })));
    this.url = await listening(this, 'device run');
    return this;
  }

  // Gives {code, signal}.
  async stop(signal = 'SIGTERM') {
    if (this.process === undefined) return undefined;
    this.process.kill(signal);
    this.process = undefined;
    return this.ended;
  }
}

// RFC 4180 text to an array of rows of text.
export function parseRows(text) {
  const rows = [];
  let row = [];
  let cell = '';
  let quoted = false;
  for (let i = 0; i < text.length; ++i) {
    const c = text[i];
    if (quoted) {
      if (c !== '"') cell += c;
      else if (text[i + 1] === '"') { cell += '"'; ++i; } else quoted = false;
    } else if (c === '"') {
      quoted = true;
    } else if (c === ',') {
      row.push(cell);
      cell = '';
    } else if (c === '\n') {
      row.push(cell.replace(/\r$/, ''));
      rows.push(row);
      row = [];
      cell = '';
    } else {
      cell += c;
    }
  }
  if (cell !== '' || row.length > 0) rows.push([...row, cell.replace(/\r$/, '')]);
  return rows;
}

// Rows as objects by header.
export function parseCsv(text) {
  const [header, ...rows] = parseRows(text);
  return rows.map((row) => Object.fromEntries(header.map((name, i) => [name, row[i]])));
}

export function countByStream(rows) {
  const counts = {};
  for (const row of rows) counts[row.stream] = (counts[row.stream] ?? 0) + 1;
  return counts;
}
