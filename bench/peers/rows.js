// A session's records (bench-bulk --session) as so many rows for others: for PostgreSQL tables, files to COPY and single INSERTs, for PouchDB
// bodies of _bulk_docs.
//   node rows.js SESSION.jsonl FOLDER ROWS BATCH SINGLES
// FOLDER gets schema.sql, copy.sql (a COPY of BATCH rows after the other), single.sql (SINGLES rows, each in a transaction of its own) and
// bulk-NNNNN.json (BATCH documents each).
'use strict';
const fs = require('fs');
const path = require('path');

const [file, folder, rows, batch, singles] = process.argv.slice(2).map((value, i) => (i < 2 ? value : Number(value)));
const records = fs.readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
fs.mkdirSync(folder, {recursive: true});

const columns = {};  // of each stream
for (const {stream, ...values} of records) {
  columns[stream] = columns[stream] || new Set(['session']);
  for (const name of Object.keys(values)) columns[stream].add(name);
}
const type = (name) => (name === 'points' ? 'smallint[]' : name === 'seq' ? 'integer' : 'bigint');
const quoted = (names) => [...names].map((name) => `"${name}"`).join(', ');
fs.writeFileSync(path.join(folder, 'schema.sql'), Object.entries(columns).map(([stream, names]) =>
  `CREATE TABLE "${stream}" (${[...names].map((name) => `"${name}" ${type(name)}`).join(', ')}, PRIMARY KEY (session, seq));\n`).join(''));

const text = (value) => (value === undefined ? '\\N' : Array.isArray(value) ? `{${value.join(',')}}` : String(value));
const literal = (value) => (value === undefined ? 'NULL' : Array.isArray(value) ? `'{${value.join(',')}}'` : String(value));
const copies = {};
let copy = '\\timing on\n';
let single = '\\timing on\n';
let documents = [];
let bodies = 0;
function flushCopy(stream) {
  if ((copies[stream] || []).length === 0) return;
  copy += `COPY "${stream}" (${quoted(columns[stream])}) FROM stdin;\n${copies[stream].join('')}\\.\n`;
  copies[stream] = [];
}
function flushBody() {
  if (documents.length === 0) return;
  fs.writeFileSync(path.join(folder, `bulk-${String(bodies).padStart(5, '0')}.json`), JSON.stringify({docs: documents}));
  bodies += 1;
  documents = [];
}
for (let i = 0; i < rows; ++i) {
  const record = {session: Math.floor(i / records.length), ...records[i % records.length]};
  const names = [...columns[record.stream]];
  copies[record.stream] = copies[record.stream] || [];
  copies[record.stream].push(names.map((name) => text(record[name])).join('\t') + '\n');
  if (copies[record.stream].length === batch) flushCopy(record.stream);
  if (i < singles) {
    single += `INSERT INTO "${record.stream}" (${quoted(names)}) VALUES (${names.map((name) => literal(record[name])).join(', ')});\n`;
  }
  documents.push({_id: `${record.session}-${record.stream}-${record.seq}`, ...record});
  if (documents.length === batch) flushBody();
}
Object.keys(copies).forEach(flushCopy);
flushBody();
fs.writeFileSync(path.join(folder, 'copy.sql'), copy);
fs.writeFileSync(path.join(folder, 'single.sql'), single);
