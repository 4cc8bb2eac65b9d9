// Sends the bodies that rows.js made to a PouchDB server, one after the other, each when the last is answered.
//   node bulk_docs.js FOLDER URL
// Prints rows, seconds and the p99 of an answer.
'use strict';
const fs = require('fs');
const http = require('http');
const path = require('path');

const [folder, url] = process.argv.slice(2);
const agent = new http.Agent({keepAlive: true, maxSockets: 1});
const ask = (method, target, body) => new Promise((resolve, reject) => {
  const headers = body ? {'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body)} : {};
  const request = http.request(target, {method, agent, headers}, (reply) => {
    let text = '';
    reply.on('data', (piece) => { text += piece; });
    reply.on('end', () => (reply.statusCode < 300 ? resolve(text) : reject(new Error(`${reply.statusCode} ${text}`))));
  });
  request.on('error', reject);
  request.end(body);
});

async function main() {
  await ask('PUT', url);
  const took = [];
  let rows = 0;
  for (const name of fs.readdirSync(folder).filter((one) => one.startsWith('bulk-')).sort()) {
    const body = fs.readFileSync(path.join(folder, name), 'utf8');
    const began = process.hrtime.bigint();
    const answer = JSON.parse(await ask('POST', `${url}/_bulk_docs`, body));
    took.push(Number(process.hrtime.bigint() - began) / 1e6);
    if (answer.some((one) => one.error)) throw new Error(JSON.stringify(answer.find((one) => one.error)));
    rows += answer.length;
  }
  took.sort((a, b) => a - b);
  console.log(`rows ${rows}\nseconds ${took.reduce((sum, ms) => sum + ms, 0) / 1000}\np99_ms ${took[Math.floor((took.length - 1) * 0.99)]}`);
  process.exit(0);
}

main().catch((error) => { console.error(error); process.exit(1); });
