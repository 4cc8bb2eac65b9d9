// The hour that bench-device wrote, saved in PouchDB on disk and replicated to a PouchDB server.
//   node hour.js HOUR.jsonl FOLDER URL
// A document a record; a recorded second's documents in one bulkDocs, as an app would save them while rowing.
'use strict';
const fs = require('fs');
const path = require('path');
const PouchDB = require('pouchdb');

const [file, folder, url] = process.argv.slice(2);
const lines = fs.readFileSync(file, 'utf8').trim().split('\n');
const documents = lines.map((line, i) => ({_id: String(i).padStart(8, '0'), ...JSON.parse(line)}));
const size = (at) => fs.statSync(at).isDirectory()
  ? fs.readdirSync(at).reduce((sum, name) => sum + size(path.join(at, name)), 0) : fs.statSync(at).size;
const say = (what, number) => console.log(`${what} ${number}`);

async function main() {
  fs.mkdirSync(folder, {recursive: true});
  const local = new PouchDB(path.join(folder, 'local'));
  await local.info();
  const seconds = new Map();
  for (const one of documents) {
    const second = Math.floor((one.at_ms || 0) / 1000);
    seconds.set(second, [...(seconds.get(second) || []), one]);
  }
  let began = process.hrtime.bigint();
  const passed = () => Number(process.hrtime.bigint() - began) / 1e9;
  const cpu = process.cpuUsage();
  for (const group of seconds.values()) {
    const failed = (await local.bulkDocs(group)).filter((answer) => answer.error);
    if (failed.length > 0) throw new Error(JSON.stringify(failed[0]));
  }
  const used = process.cpuUsage(cpu);
  say('records', documents.length);
  say('save_s', passed());
  say('save_cpu_s', (used.user + used.system) / 1e6);
  say('disk_bytes', size(path.join(folder, 'local')));
  began = process.hrtime.bigint();
  const result = await local.replicate.to(url);
  if (result.docs_written !== documents.length) throw new Error(`${result.docs_written} of ${documents.length} arrived`);
  say('send_s', passed());
  process.exit(0);
}

main().catch((error) => { console.error(error); process.exit(1); });
