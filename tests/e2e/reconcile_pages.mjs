// `boathouse reconcile` and the nightly boathouse-reconcile follow a comparison that comes in pages, as that of a large service does, to its
// end: what differs for a while is asked for again by itself, and the pages are one sum.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { atEnd, check, equal, main, runAsync, temporaryFolder } from './boathouse.mjs';

const difference = { recording: 'rec_2', stream: 'sample', ledger: 5, clickhouse: 3 };
const pages = ['', 'ath_1', 'ath_2'];

// Each page has ten recordings; `trouble` says what page `cursor` answers the time it is asked for.
class Service {
  constructor() {
    this.asked = [];
    this.trouble = () => undefined;
  }

  async start() {
    this.server = http.createServer((request, reply) => this.answer(request, reply));
    await new Promise((resolve) => { this.server.listen(0, '127.0.0.1', resolve); });
    atEnd(() => new Promise((resolve) => { this.server.close(resolve); this.server.closeAllConnections(); }));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  answer(request, reply) {
    const cursor = new URL(request.url, this.url).searchParams.get('cursor') ?? '';
    this.asked.push(cursor);
    const trouble = this.trouble(cursor, this.asked.filter((one) => one === cursor).length);
    if (typeof trouble === 'number') {
      reply.writeHead(trouble, { 'Content-Type': 'text/html' });
      reply.end('<html>a proxy</html>');
      return;
    }
    const page = { recordings: 10, sessions: 9, deleted_recordings: 1, misplaced_recordings: 0, unloaded_chunks: 0, removals_to_erase: 0,
      streams: [{ stream: 'sample', sealed: 50, removed: 0, ledger: 50, clickhouse: 50 }, { stream: 'source', sealed: 0, removed: 0, ledger: 2, clickhouse: null }],
      differences: [], ...trouble, page: { next_cursor: pages[pages.indexOf(cursor) + 1] ?? null } };
    reply.writeHead(200, { 'Content-Type': 'application/json' });
    reply.end(JSON.stringify(page));
  }

  async during(trouble, work) {
    this.asked = [];
    this.trouble = trouble;
    return work();
  }
}

await main(async () => {
  const service = await new Service().start();
  const folder = temporaryFolder();
  const keyFile = path.join(folder, 'key');
  fs.writeFileSync(keyFile, 'bh_key\n');
  const reconcile = (...more) => runAsync(['reconcile', '--server', service.url, '--key', 'bh_key', ...more]);

  // ---- the command ----
  const whole = await service.during(() => undefined, () => reconcile('--json'));
  equal('the pages are one sum', JSON.parse(whole.out), { recordings: 30, sessions: 27, deleted_recordings: 3, misplaced_recordings: 0, unloaded_chunks: 0, removals_to_erase: 0,
    streams: [{ stream: 'sample', sealed: 150, removed: 0, ledger: 150, clickhouse: 150 }, { stream: 'source', sealed: 0, removed: 0, ledger: 6, clickhouse: null }], differences: [] });
  equal('each is asked for once, in order', [whole.code, service.asked], [0, pages]);
  check('it says how far it is', whole.err.includes('compared 10 recordings') && whole.err.includes('compared 20 recordings'), whole.err);

  const settles = (cursor, time) => (cursor === 'ath_1' && time === 1 ? { differences: [difference] } : cursor === 'ath_2' && time === 1 ? 504 : undefined);
  const waited = await service.during(settles, () => reconcile('--json', '--wait', '60'));
  equal('a page that is repaired is asked for again by itself, and so is one that a proxy gave up', [waited.code, JSON.parse(waited.out).differences, service.asked],
    [0, [], ['', 'ath_1', 'ath_1', 'ath_2', 'ath_2']]);

  const stays = (cursor) => (cursor === 'ath_1' ? { differences: [difference], unloaded_chunks: 4 } : undefined);
  const differing = await service.during(stays, () => reconcile());
  equal('a difference of a page in the middle is told at the end', [differing.code, service.asked], [1, pages]);
  check('in words', differing.out.includes('recordings 30, sessions 27') && differing.out.includes('chunks to load 4') &&
    differing.out.includes('DIFFERENCE rec_2 sample: ledger 5, clickhouse 3\nNOT equal\n'), differing.out);

  const cut = await service.during((cursor) => (cursor === 'ath_2' ? 500 : undefined), () => reconcile());
  equal('half a comparison is none', [cut.code, cut.out], [1, '']);

  // ---- the nightly one ----
  const nightly = (tries) => new Promise((resolve) => {
    const child = spawn(path.join(process.env.BOATHOUSE_SOURCE_DIR, 'deploy/cloud-init/reconcile'), [], { env: { ...process.env, BOATHOUSE_URL: service.url, BOATHOUSE_KEY_FILE: keyFile,
      BOATHOUSE_TEXTFILES: folder, BOATHOUSE_NOW: '1700000000', BOATHOUSE_RECONCILE_TRIES: String(tries), BOATHOUSE_RECONCILE_PAUSE: '0' } });
    const done = { out: '', err: '' };
    child.stdout.on('data', (piece) => { done.out += piece; });
    child.stderr.on('data', (piece) => { done.err += piece; });
    child.on('close', (code) => resolve({ ...done, code }));
  });
  const file = path.join(folder, 'boathouse_reconcile.prom');
  const told = () => /^boathouse_reconcile_differences (\d+)$/m.exec(fs.readFileSync(file, 'utf8'))?.[1];
  const night = await service.during(settles, () => nightly(10));
  equal('it asks again for what differs, and for what a proxy gave up', [night.code, service.asked, told()], [0, ['', 'ath_1', 'ath_1', 'ath_2', 'ath_2'], '0']);
  check('it says how far it is', night.out.includes('compared 30 recordings'), night);
  const bad = await service.during((cursor) => (cursor === '' ? undefined : { differences: [difference] }), () => nightly(3));
  equal('what stays is counted over all pages, and no page is asked for without end', [bad.code, service.asked, told()],
    [0, ['', 'ath_1', 'ath_1', 'ath_1', 'ath_2'], '2']);
  equal('it names them', bad.err.trim().split('\n').map((line) => JSON.parse(line)), [difference, difference]);
  // Every count is equal, and a recording stands in two sessions: no stream says so.
  const strays = (misplaced) => (cursor, time) => (cursor === 'ath_1' && time <= misplaced ? { misplaced_recordings: 2 } : undefined);
  const moved = await service.during(strays(1), () => nightly(3));
  equal('a recording that is not in one session is asked for again, too', [moved.code, service.asked, told()], [0, ['', 'ath_1', 'ath_1', 'ath_2'], '0']);
  const strayed = await service.during(strays(Infinity), () => nightly(3));
  equal('and counted when it stays', [strayed.code, service.asked, told()], [0, ['', 'ath_1', 'ath_1', 'ath_1', 'ath_2'], '2']);
  equal('in words', strayed.err, '2 recordings are in no session or in two\n');
  fs.rmSync(file);
  const failed = await service.during((cursor) => (cursor === 'ath_2' ? 403 : undefined), () => nightly(3));
  check('half a night tells nothing', failed.code !== 0 && !fs.existsSync(file), failed);
});
