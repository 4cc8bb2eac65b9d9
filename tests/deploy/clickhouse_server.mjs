// ClickHouse's own server with the files of deploy/clickhouse, and a ZooKeeper in the place of its Keepers, which speak the same protocol.
import { spawn, spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { pipeline } from 'node:stream';
import { atEnd, until } from '../e2e/boathouse.mjs';
import { forOneServer } from '../e2e/cloud.mjs';

const source = process.env.BOATHOUSE_SOURCE_DIR;
const xmlOf = (name) => fs.readFileSync(path.join(source, 'deploy/clickhouse', name), 'utf8');
const sha256 = (text) => crypto.createHash('sha256').update(text).digest('hex');

// A port that is free now, for programs that cannot be asked for one and say which.
export async function freePort() {
  const probe = net.createServer();
  const port = await new Promise((resolve) => { probe.listen(0, '127.0.0.1', () => resolve(probe.address().port)); });
  await new Promise((resolve) => { probe.close(resolve); });
  return port;
}

// A process of the test's own: `ended`, and `log`, the last it said. It ends with the test, however that ends.
class Program {
  constructor(command, words, options) {
    this.process = spawn('setpriv', ['--pdeathsig', 'KILL', command, ...words], options);
    this.log = '';
    this.process.stdin.on('error', () => {});  // it ended; who waits for it hears of that
    for (const stream of [this.process.stdout, this.process.stderr]) stream.on('data', (piece) => { this.log = (this.log + piece).slice(-4000); });
    this.ended = new Promise((resolve) => {
      this.process.on('close', resolve);
      this.process.on('error', (error) => { this.log = String(error); resolve(); });
    });
  }

  // When `holds` does; throws when the program ends instead.
  async until(what, holds) {
    await Promise.race([until(what, holds), this.ended.then(() => { throw new Error(`${what}: it ended: ${this.log}`); })]);
  }

  // Within 20 s, by itself when its standard input ends or `signal` says so.
  async stop(signal) {
    this.process.stdin.end();
    if (signal) this.process.kill(signal);
    const late = setTimeout(() => this.process.kill('SIGKILL'), 20_000);
    await this.ended;
    clearTimeout(late);
  }
}

const connects = (port) => new Promise((resolve) => {
  const socket = net.connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); });
  socket.on('error', () => resolve(false));
});

// The password of each user; `owner` is the test's own, who may do everything.
export const passwords = { boathouse: 'of the service', 'boathouse-reader': 'of the service', operator: 'of root', owner: '' };

// Of a node; what the XML takes from it.
export const environment = {
  PATH: process.env.PATH, BOATHOUSE_INTERSERVER_PASSWORD: 'i', BOATHOUSE_CLICKHOUSE_PASSWORD_SHA256: sha256(passwords.boathouse),
  BOATHOUSE_OPERATOR_PASSWORD_SHA256: sha256(passwords.operator), BOATHOUSE_VPC_CIDR: '127.0.0.0/8', AWS_REGION: 'eu-central-1',
  AWS_ACCESS_KEY_ID: 'k', AWS_SECRET_ACCESS_KEY: 's', AWS_EC2_METADATA_DISABLED: 'true',
  BOATHOUSE_COLD_ENDPOINT: 'http://127.0.0.1:1/cold/',
};

export class ClickHouse {
  // `keeper`: its port. `host`: the replica's name. `tcp`: its port for other servers; `shards`: those of all shards of the cluster, which is otherwise
  // one shard of two replicas, both of them this server.
  constructor(folder, { keeper = 1, host = 'clickhouse-1.boathouse.internal', tcp, shards } = {}) {
    Object.assign(this, { folder, keeper, host, tcp, shards });
    atEnd(() => this.stop());
  }

  // As on a node but for TLS, of which this server has none: plain ports of loopback.
  configuration() {
    const place = (text) => text.replaceAll('/var/lib/clickhouse', path.join(this.folder, 'db')).replaceAll('/etc/clickhouse-server', this.folder);
    // The library itself logs in as `default`.
    const nobody = '<quota>default</quota><networks><ip>127.0.0.1</ip></networks><access_management>1</access_management>';
    const users = (text) => text.replace('<users>', `<users><default><password/>${nobody}</default><owner><password/>${nobody}</owner>`);
    fs.writeFileSync(path.join(this.folder, 'users.xml'), users(xmlOf('users.xml')));
    fs.writeFileSync(path.join(this.folder, 'server.xml'), place(xmlOf('server.xml')).replace('<listen_host>0.0.0.0<', '<listen_host>127.0.0.1<')
      .replace(/<https_port>\d+<\/https_port>/, `<http_port>${this.port}</http_port><tcp_port>${this.tcp}</tcp_port>`).replace(/<tcp_port_secure>\d+<\/tcp_port_secure>/, '')
      .replace(/<openSSL>[^]*?<\/openSSL>/, '')
      // Where tables that are made replicas register: as those that `boathouse schema --cluster` makes.
      .replace('<macros>', '<default_replica_path>/clickhouse/tables/{shard}/{database}/{table}</default_replica_path><default_replica_name>{replica}</default_replica_name><macros>')
      .replaceAll(/<host>keeper-\d\.boathouse\.internal<\/host>\s*<port>\d+<\/port>\s*<secure>1<\/secure>/g, `<host>127.0.0.1</host><port>${this.keeper}</port>`)
      .replaceAll(/<host>clickhouse-\d\.boathouse\.internal<\/host>\s*<port>\d+<\/port>\s*<secure>1<\/secure>/g, `<host>127.0.0.1</host><port>${this.tcp}</port>`)
      .replace(/<shard>\s*<internal_replication>[^]*?<\/shard>/, (one) => (this.shards ?? []).map((port) =>
        `<shard><replica><host>127.0.0.1</host><port>${port}</port></replica></shard>`).join('') || one));
  }

  async start() {
    fs.mkdirSync(path.join(this.folder, 'db'), { recursive: true });
    this.port ??= await freePort();  // a restart takes the same
    this.tcp ??= await freePort();
    this.configuration();
    this.url = `http://127.0.0.1:${this.port}`;
    this.program = new Program('python3', [path.join(source, 'tests/deploy/clickhouse_server.py'), path.join(source, 'node_modules/@chdb/lib-linux-x64-gnu/libchdb.so'),
      path.join(this.folder, 'db'), path.join(this.folder, 'server.xml')], { env: { ...environment, BOATHOUSE_HOST: this.host } });
    await this.program.until('ClickHouse answers', async () => (await connects(this.port)) && (await this.ask('SELECT 1')).result === '1');
    return this;
  }

  async stop() {
    await this.program?.stop();
  }

  // {result} or {error}.
  async ask(statement, user = 'owner', password = passwords[user]) {
    const reply = await fetch(this.url, { method: 'POST', body: statement, headers: { 'X-ClickHouse-User': user, 'X-ClickHouse-Key': password } })
      .catch((error) => { throw new Error(`${statement}: ${error.cause ?? error}; ClickHouse's last words: ${this.program.log}`); });
    const text = await reply.text();
    return reply.status === 200 ? { result: text.replace(/\n$/, '') } : { error: text };
  }

  // The rows of an answer, as lists of texts.
  async rows(statement, user) {
    const { result, error } = await this.ask(statement, user);
    if (error) throw new Error(`${statement}: ${error}`);
    return result.split('\n').filter((line) => line !== '').map((line) => line.split('\t'));
  }
}

// Between the service and ClickHouse, which here carries out nothing ON CLUSTER: takes off the words that only a cluster understands, has all of `servers` do what
// is for the cluster, and notes what was sent and answered: {url, sent: [{user, sql, settings, status}]}.
export async function doorTo(clickhouse, servers = [clickhouse]) {
  const sent = [];
  const send = (server, request, body) => new Promise((resolve, reject) => {
    const headers = { ...request.headers, host: new URL(server.url).host, 'content-length': body.length };
    delete headers['transfer-encoding'];
    const onward = http.request(server.url + request.url, { method: request.method, headers }, resolve);
    onward.on('error', reject);
    onward.end(body);
  });
  const door = http.createServer((request, reply) => {
    const pieces = [];
    request.on('error', () => {});
    request.on('data', (piece) => pieces.push(piece));
    request.on('end', async () => {
      const query = new URL(request.url, clickhouse.url).searchParams;
      const text = query.has('query') ? '' : Buffer.concat(pieces).toString();
      const body = query.has('query') ? Buffer.concat(pieces) : Buffer.from(forOneServer(text));
      const one = { user: request.headers['x-clickhouse-user'], sql: query.get('query') ?? body.toString(), settings: Object.fromEntries(query) };
      if (request.method === 'POST') sent.push(one);
      // An answer that is cut off is cut off here, too.
      const hand = (answer) => {
        one.status = answer.statusCode;
        reply.writeHead(answer.statusCode, answer.headers);
        return pipeline(answer, reply, () => {});
      };
      try {
        for (const other of / ON CLUSTER /.test(text) ? servers.filter((one) => one !== clickhouse) : []) {
          const answer = await send(other, request, body);
          if (answer.statusCode !== 200) return hand(answer);
          answer.resume();
        }
        return hand(await send(clickhouse, request, body));
      } catch {
        return request.socket.destroy();
      }
    });
  });
  await new Promise((resolve) => { door.listen(0, '127.0.0.1', resolve); });
  atEnd(() => new Promise((resolve) => { door.closeAllConnections(); door.close(resolve); }));
  return { url: `http://127.0.0.1:${door.address().port}`, sent };
}

export class ZooKeeper {
  constructor(folder) {
    this.folder = folder;
    atEnd(() => this.stop());
  }

  async start() {
    this.port ??= await freePort();
    fs.mkdirSync(this.folder, { recursive: true });
    const file = path.join(this.folder, 'zoo.cfg');
    fs.writeFileSync(file, `tickTime=500\ndataDir=${this.folder}/data\nclientPortAddress=127.0.0.1\nclientPort=${this.port}\nadmin.enableServer=false\n`);
    this.program = new Program('java', ['-Xmx128m', '-cp', '/usr/share/java/zookeeper.jar', 'org.apache.zookeeper.server.quorum.QuorumPeerMain', file]);
    await this.program.until('ZooKeeper answers', () => connects(this.port));
    return this;
  }

  async stop() {
    await this.program?.stop('SIGKILL');
  }

  // As after the loss of all Keepers' volumes.
  async startBlank() {
    fs.rmSync(path.join(this.folder, 'data'), { recursive: true, force: true });
    return this.start();
  }

  // As if what is under `target` had never been there.
  forget(target) {
    const done = spawnSync('java', ['-Xmx64m', '-cp', '/usr/share/java/zookeeper.jar', 'org.apache.zookeeper.ZooKeeperMain', '-server', `127.0.0.1:${this.port}`, 'deleteall', target], { encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`deleteall ${target}: ${done.stderr}`);
  }
}
