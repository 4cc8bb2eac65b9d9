// `serve` on a cluster of two nodes that fail in every way a node and the way to it can: cut answers, lost answers, half bodies, errors
// behind the first rows, too many parts, no memory, read-only tables, death. Nothing is lost, nothing counts twice, and nobody is
// shown half a result. The nodes are two proxies before one engine, which is what a cluster of replicas looks like
// from outside; they take off the words that only a real cluster understands.
import http from 'node:http';
import path from 'node:path';
import { Server, atEnd, check, equal, main, run, runAsync, temporaryFolder } from './boathouse.mjs';
import { forOneServer, startEngine } from './cloud.mjs';

// Seeded, so that a failing run can be done again; the moments are the machine's all the same.
const seed = Number(process.env.BOATHOUSE_CLUSTER_SEED ?? Date.now() % 1_000_000);
let state = seed;
function below(n) {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return Math.floor(((state >>> 8) / 2 ** 24) * n);
}

const codes = { 159: 'TIMEOUT_EXCEEDED', 202: 'TOO_MANY_SIMULTANEOUS_QUERIES', 210: 'NETWORK_ERROR', 241: 'MEMORY_LIMIT_EXCEEDED', 242: 'TABLE_IS_READ_ONLY',
  252: 'TOO_MANY_PARTS', 285: 'TOO_FEW_LIVE_REPLICAS', 319: 'UNKNOWN_STATUS_OF_INSERT', 999: 'KEEPER_EXCEPTION' };

class Node {
  constructor(engine) {
    this.engine = engine;
    this.faults = 0;  // percent of all requests
    this.done = {};
    this.asked = { service: new Set(), reader: new Set() };  // by whom: the first words of statements
    this.sockets = new Set();
  }

  async start(port = 0) {
    this.server = http.createServer((request, reply) => this.answer(request, reply));
    this.server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
    await new Promise((resolve) => { this.server.listen(port, '127.0.0.1', resolve); });
    this.port = this.server.address().port;
    return this;
  }

  async die() {
    const closed = new Promise((resolve) => { this.server.close(resolve); });
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  get url() { return `http://127.0.0.1:${this.port}`; }

  answer(request, reply) {
    const pieces = [];
    request.on('error', () => {});
    request.on('data', (piece) => pieces.push(piece));
    request.on('end', () => {
      let body = Buffer.concat(pieces);
      const isInsert = /[?&]query=INSERT/.test(request.url);
      if (!isInsert) body = Buffer.from(forOneServer(body.toString()));
      this.asked[request.headers['x-clickhouse-user']].add(isInsert ? 'INSERT' : body.toString().split(' ')[0]);
      const fault = below(100) < this.faults ? ['cut', 'lost', 'half', 'late', 'away', 'code', 'code'][below(7)] : 'none';
      this.done[fault] = (this.done[fault] ?? 0) + 1;
      if (fault === 'cut') return request.socket.destroy();
      if (fault === 'away') return reply.writeHead(503).end('no healthy upstream');
      if (fault === 'code') {
        const numbers = Object.keys(codes);
        const code = numbers[below(numbers.length)];
        return reply.writeHead(500, { 'X-ClickHouse-Exception-Code': code }).end(`Code: ${code}. DB::Exception: why (${codes[code]})\n`);
      }
      const forward = http.request(this.engine + request.url, { method: request.method, headers: { 'Content-Length': body.length } }, (answer) => {
        const parts = [];
        answer.on('data', (piece) => parts.push(piece));
        answer.on('end', () => {
          const whole = Buffer.concat(parts);
          if (fault === 'lost' || (fault === 'half' && whole.length === 0)) return request.socket.destroy();
          const head = { 'X-ClickHouse-Summary': answer.headers['x-clickhouse-summary'] ?? '{}' };
          if (fault === 'half') {
            reply.writeHead(answer.statusCode, { ...head, 'Content-Length': whole.length });
            reply.write(whole.subarray(0, whole.length >> 1));
            return setImmediate(() => request.socket.destroy());
          }
          if (fault === 'late' && !isInsert) {
            reply.writeHead(200, { ...head, 'X-ClickHouse-Exception-Tag': 'abcdefgh' });
            return reply.end(Buffer.concat([whole.subarray(0, whole.length >> 1),
              Buffer.from('\r\n__exception__\r\nabcdefgh\r\nCode: 241. DB::Exception: no memory (MEMORY_LIMIT_EXCEEDED)\n57 abcdefgh\r\n__exception__\r\n')]));
          }
          reply.writeHead(answer.statusCode, head);
          return reply.end(whole);
        });
      });
      forward.on('error', () => request.socket.destroy());
      return forward.end(body);
    });
  }
}

await main(async () => {
  console.log(`# seed ${seed}`);
  const folder = temporaryFolder();
  const { url: engine } = await startEngine(path.join(folder, 'engine'));
  const nodes = [await new Node(engine).start(), await new Node(engine).start()];
  atEnd(() => Promise.all(nodes.map((node) => node.die())));
  const urls = nodes.map((node) => node.url).join(',');
  equal('several servers that are no cluster are wrong use', run(['serve', '--data', path.join(folder, 'none'), '--clickhouse', urls]).code, 2);
  equal('what is no URL is too', run(['serve', '--data', path.join(folder, 'none'), '--clickhouse', 'localhost']).code, 2);
  const server = await new Server(path.join(folder, 'cloud'), { extra: ['--clickhouse', urls, '--clickhouse-cluster', 'boat',
    '--clickhouse-user', 'service', '--clickhouse-read-user', 'reader'] }).start();
  const key = server.key('Anna');
  const device = path.join(folder, 'device');
  const record = (number) => run(['device', 'record', '--data', device], { input: run(['pm5', 'simulate', '--type', '3', '--minutes', '2', '--seed', String(number)]).out });
  const sync = async () => (await runAsync(['device', 'sync', '--data', device, '--server', server.url, '--key', key])).code;
  const reconcile = async () => {
    const done = await runAsync(['reconcile', '--json', '--wait', '60', '--server', server.url, '--key', key]);
    return { code: done.code, err: done.err, json: done.out.startsWith('{') ? JSON.parse(done.out) : undefined };
  };

  record(1);
  equal('a workout goes through both nodes', await sync(), 0);
  equal('and is counted', (await reconcile()).code, 0);
  const [session] = await server.sessions(key);
  const whole = await (await server.get(`/v1/sessions/${session.id}/export.csv`, key)).text();
  check('both were asked', nodes.every((node) => node.done.none > 3), nodes.map((node) => node.done));

  for (const node of nodes) node.faults = 25;
  const wrong = [];
  const statuses = {};
  let reading = true;
  const readers = Promise.all([1, 2].map(async () => {
    while (reading) {
      try {
        const reply = await server.get(`/v1/sessions/${session.id}/export.csv`, key);
        const text = await reply.text();
        statuses[reply.status] = (statuses[reply.status] ?? 0) + 1;
        if (reply.status === 200 ? text !== whole : reply.status !== 503) wrong.push([reply.status, text.length, text.slice(0, 200)]);
      } catch {
        statuses.broken = (statuses.broken ?? 0) + 1;  // an export that cannot go on ends without its last chunk
      }
    }
  }));
  for (let number = 2; number <= 6; ++number) {
    record(number);
    await runAsync(['device', 'sync', '--data', device, '--server', server.url, '--key', key]);
  }
  const dead = nodes[1].port;
  await nodes[1].die();
  record(7);
  await sync();
  await nodes[1].start(dead);
  reading = false;
  await readers;
  for (const node of nodes) node.faults = 0;
  equal('nobody was shown half a result, or another error than "unavailable"', wrong, []);
  check('the whole was shown all the while', statuses[200] > 2, statuses);
  for (const fault of ['cut', 'lost', 'half', 'late', 'away', 'code']) {
    check(`faults: ${fault}`, nodes.reduce((sum, node) => sum + (node.done[fault] ?? 0), 0) > 0, nodes.map((node) => node.done));
  }
  console.log(`# ${JSON.stringify(nodes.map((node) => node.done))} readers ${JSON.stringify(statuses)}`);
  equal('the rest is sent', await sync(), 0);
  const counted = await reconcile();
  equal('all seven are counted, without a difference', [counted.code, counted.json?.recordings, counted.json?.sessions, counted.json?.differences], [0, 7, 7, []]);
  // FINAL hides what counted twice; the rows as they lie show it.
  const rows = await (await fetch(`${engine}/?query=${encodeURIComponent('SELECT count() = uniqExact(athlete, rec_id, seq) FROM sample')}`)).text();
  equal('no row went in twice', rows.trim(), '1');
  const asked = (user) => [...new Set(nodes.flatMap((node) => [...node.asked[user]]))].sort();
  equal('what an athlete asks is asked by the user who may only read', asked('reader'), ['SELECT']);
  check('and rows are written by the other one', asked('service').includes('INSERT'), asked('service'));
  equal('SIGTERM ends with 0', await server.stop(), { code: 0, signal: null });
});
