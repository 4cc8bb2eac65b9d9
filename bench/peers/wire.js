// Counts the bytes between a client and a server on loopback, whoever they are.
//   node wire.js PORT
// Prints the port to be used in the place of PORT; at SIGTERM the bytes of both ways, headers included, and the connections.
'use strict';
const net = require('net');

const port = Number(process.argv[2]);
let bytes = 0;
let connections = 0;
const proxy = net.createServer((from) => {
  connections += 1;
  const to = net.connect(port, '127.0.0.1');
  for (const [source, sink] of [[from, to], [to, from]]) {
    source.on('data', (part) => { bytes += part.length; });
    source.on('error', () => sink.destroy());
    source.pipe(sink);
  }
});
proxy.listen(0, '127.0.0.1', () => console.log(`listening on ${proxy.address().port}`));
process.on('SIGTERM', () => {
  console.log(`bytes ${bytes}\nconnections ${connections}`);
  process.exit(0);
});
