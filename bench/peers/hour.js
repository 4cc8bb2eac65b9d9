// The hour that bench-device wrote, in PouchDB on disk and replicated to a PouchDB server on loopback.
//   node hour.js HOUR.jsonl FOLDER
// once: a second's documents in one bulkDocs, as an app would save them while rowing.
'use strict';
const fs = require('fs');
const net = require('net');
const path = require('path');
const express = require('express');
const PouchDB = require('pouchdb');

const [file, folder] = process.argv.slice(2);
const documents = fs.readFileSync(file, 'utf8').trim().split('\n').map((line, i) => ({_id: String(i).padStart(8, '0'), ...JSON.parse(line)}));
const size = (at) => fs.statSync(at).isDirectory()
  ? fs.readdirSync(at).reduce((sum, name) => sum + size(path.join(at, name)), 0) : fs.statSync(at).size;
const row = (what, number) => console.log(`PouchDB: ${what.padEnd(50)} ${number}`);
const listen = (server) => new Promise((done) => server.listen(0, '127.0.0.1', () => done(server.address().port)));

async function main() {
  fs.mkdirSync(path.join(folder, 'server'), {recursive: true});
  const local = new PouchDB(path.join(folder, 'local'));
  await local.info();
  const seconds = new Map();
  for (const one of documents) {
    const second = Math.floor((one.at_ms || 0) / 1000);
    seconds.set(second, [...(seconds.get(second) || []), one]);
  }
  let began = Date.now();
  const cpu = process.cpuUsage();
  for (const group of seconds.values()) {
    const failed = (await local.bulkDocs(group)).filter((answer) => answer.error);
    if (failed.length > 0) throw new Error(JSON.stringify(failed[0]));
  }
  const used = process.cpuUsage(cpu);
  row('documents', documents.length);
  row('seconds to save, a write a recorded second', (Date.now() - began) / 1000);
  row('CPU seconds of it', (used.user + used.system) / 1e6);
  row('MB on disk', size(path.join(folder, 'local')) / 1e6);

  const Remote = PouchDB.defaults({prefix: path.join(folder, 'server') + path.sep});
  const app = express();
  app.use('/', require('express-pouchdb')(Remote, {mode: 'minimumForPouchDB', inMemoryConfig: true, logPath: path.join(folder, 'log.txt')}));
  const server = require('http').createServer(app);
  const port = await listen(server);
  let bytes = 0;
  const proxy = net.createServer((from) => {
    const to = net.connect(port, '127.0.0.1');
    for (const [source, sink] of [[from, to], [to, from]]) {
      source.on('data', (part) => { bytes += part.length; });
      source.on('error', () => sink.destroy());
      source.pipe(sink);
    }
  });
  const door = await listen(proxy);
  let requests = 0;
  server.on('request', () => { requests += 1; });
  began = Date.now();
  const result = await local.replicate.to(`http://127.0.0.1:${door}/hour`);
  if (result.docs_written !== documents.length) throw new Error(`${result.docs_written} of ${documents.length} arrived`);
  row('seconds to replicate', (Date.now() - began) / 1000);
  row('MB on the wire, both ways', bytes / 1e6);
  row('requests', requests);
  process.exit(0);
}

main().catch((error) => { console.error(error); process.exit(1); });
