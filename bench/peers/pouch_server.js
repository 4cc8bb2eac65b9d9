// A PouchDB server on loopback with its databases in FOLDER.
//   node pouch_server.js FOLDER
// Prints its port; at SIGTERM the requests that it was asked.
'use strict';
const fs = require('fs');
const path = require('path');
const express = require('express');
const PouchDB = require('pouchdb');

const folder = process.argv[2];
fs.mkdirSync(folder, {recursive: true});
const Served = PouchDB.defaults({prefix: folder + path.sep});
const app = express();
app.use('/', require('express-pouchdb')(Served, {mode: 'minimumForPouchDB', inMemoryConfig: true, logPath: path.join(folder, 'log.txt')}));
const server = require('http').createServer(app);
let requests = 0;
server.on('request', () => { requests += 1; });
server.listen(0, '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
process.on('SIGTERM', () => {
  console.log(`requests ${requests}`);
  process.exit(0);
});
