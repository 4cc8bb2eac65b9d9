// The parts of a service with several processes: an engine of the test's own, and two nodes on one PostgreSQL.
import { spawn, spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { Server, atEnd, engineBinary } from './boathouse.mjs';

// An engine of the test's own, and what asks it: text for SQL, or its lines. Without `passwordFile` anybody may.
export async function startEngine(folder, passwordFile) {
  const engine = spawn(engineBinary, ['--path', folder, '--listen', '127.0.0.1:0', '--stop-with-parent', ...(passwordFile ? ['--password-file', passwordFile] : [])]);
  const ended = new Promise((resolve) => { engine.on('exit', resolve); });
  let log = '';
  engine.stderr.on('data', (piece) => { log += piece; });
  const stop = async (signal = 'SIGTERM') => {
    engine.kill(signal);
    await ended;
  };
  atEnd(() => stop());
  const url = await new Promise((resolve, reject) => {
    let out = '';
    engine.stdout.on('data', (piece) => {
      out += piece;
      const found = /^listening on (\S+)$/m.exec(out);
      if (found) resolve(found[1]);
    });
    ended.then((code) => reject(new Error(`boathouse-engine ended with ${code}: ${log}`)));
  });
  const headers = passwordFile ? { 'X-ClickHouse-User': 'default', 'X-ClickHouse-Key': fs.readFileSync(passwordFile, 'utf8').trim() } : {};
  const ask = async (sql) => {
    const reply = await fetch(url, { method: 'POST', body: sql, headers });
    const text = await reply.text();
    if (reply.status !== 200) throw new Error(`${sql}: ${text}`);
    return text.replace(/\n$/, '');  // no trim(): a row of TSV may end with tabs, which are empty fields
  };
  const select = async (sql) => {
    const text = await ask(sql);
    return text === '' ? [] : text.split('\n');
  };
  return { url, ask, select, stop };
}

// A statement for a cluster as one server alone takes it: without the words that only a cluster understands.
export function forOneServer(sql) {
  return sql.replace(/ ON CLUSTER `?\w+`?/, '').replace(/ReplicatedReplacingMergeTree\('[^']*', '[^']*', /, 'ReplacingMergeTree(')
    .replace('replicated_deduplication_window_seconds = 2592000', 'replicated_deduplication_window_seconds = 2592000, non_replicated_deduplication_window = 10000');
}

// On the file of a server that is stopped: as if so much time had gone by.
export function sqlite(file, ...statements) {
  const code = 'import sqlite3, sys\nc = sqlite3.connect(sys.argv[1])\n[c.execute(s) for s in sys.argv[2:]]\nc.commit()';
  const done = spawnSync('python3', ['-c', code, file, ...statements], { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(done.stderr);
}

// {nodes: the first began alone, so it leads; select: asks ClickHouse}
export async function startTwoNodes(folder, postgres, extra = []) {
  const passwordFile = path.join(folder, 'engine.password');
  fs.writeFileSync(passwordFile, crypto.randomBytes(16).toString('hex'), { mode: 0o600 });
  const engine = await startEngine(path.join(folder, 'clickhouse'), passwordFile);
  const all = [...extra, '--ledger', postgres.url('cloud'), '--clickhouse', engine.url, '--clickhouse-password-file', passwordFile];
  const first = await new Server(path.join(folder, 'node1'), { extra: all }).start();
  const second = new Server(path.join(folder, 'node2'), { extra: all });
  fs.mkdirSync(second.folder);
  for (const file of ['pepper.key', 'operator.key']) fs.copyFileSync(path.join(first.folder, file), path.join(second.folder, file));
  return { nodes: [first, await second.start()], select: engine.select };
}
