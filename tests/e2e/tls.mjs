// TLS by option: a device and the commands sync over it, a stranger's certificate is refused with the fix named, plain HTTP hears what is
// spoken, and SIGHUP brings another certificate in without dropping a connection.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { Server, check, equal, main, run, runJson, temporaryFolder } from './boathouse.mjs';

function openssl(...args) {
  const done = spawnSync('openssl', args);
  if (done.status !== 0) throw new Error(`openssl ${args.join(' ')}: ${done.error ?? done.stderr}`);
}

// A CA and, signed by it, a server's certificate with its key.
function makeCertificate(folder, name) {
  const file = (end) => path.join(folder, `${name}.${end}`);
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl('req', '-x509', ...curve, '-days', '2', '-subj', `/CN=${name} CA`, '-keyout', file('ca.key'), '-out', file('ca.pem'));
  openssl('req', ...curve, '-subj', `/CN=${name}`, '-keyout', file('key'), '-out', file('csr'));
  fs.writeFileSync(file('ext'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
  openssl('x509', '-req', '-in', file('csr'), '-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial', '-days', '2',
    '-extfile', file('ext'), '-out', file('pem'));
  fs.chmodSync(file('key'), 0o600);
  return { ca: file('ca.pem'), certificate: file('pem'), key: file('key') };
}

// {status, body, port of this side, subject of the certificate}
function ask(module, options) {
  return new Promise((resolve, reject) => {
    const request = module.request({ host: '127.0.0.1', path: '/healthz', ...options }, (reply) => {
      const seen = { status: reply.statusCode, body: '', port: reply.socket.localPort, subject: reply.socket.getPeerCertificate?.().subject?.CN };
      reply.on('data', (piece) => { seen.body += piece; });
      reply.on('end', () => resolve(seen));
    });
    request.on('error', reject);
    request.end();
  });
}

await main(async () => {
  const folder = temporaryFolder();
  const ours = makeCertificate(folder, 'ours');
  const theirs = makeCertificate(folder, 'theirs');
  const cloud = path.join(folder, 'cloud');

  const half = run(['serve', '--data', cloud, '--tls-cert', ours.certificate]);
  check('a certificate without its key is wrong use', half.code === 2 && half.err.includes('--tls-key'), half.err);
  const wrong = run(['serve', '--data', cloud, '--listen', '127.0.0.1:0', '--tls-cert', ours.certificate, '--tls-key', theirs.key]);
  check('so is another one\'s key', wrong.code === 2 && wrong.err.includes('is not that of the certificate'), wrong.err);
  fs.chmodSync(ours.key, 0o644);
  const open = run(['serve', '--data', cloud, '--listen', '127.0.0.1:0', '--tls-cert', ours.certificate, '--tls-key', ours.key]);
  check('and a key that everybody may read', open.code === 2 && open.err.includes(`chmod 600 ${ours.key}`), open.err);
  fs.chmodSync(ours.key, 0o600);

  process.env.CURL_CA_BUNDLE = ours.ca;
  const server = await new Server(cloud, { extra: ['--tls-cert', ours.certificate, '--tls-key', ours.key] }).start();
  check('the address says that it is TLS', server.url.startsWith('https://127.0.0.1:'), server.url);
  check('the log says which certificate', /TLS certificate in use: CN=ours, valid until/.test(server.log), server.log);
  const key = server.key('Anna');
  delete process.env.CURL_CA_BUNDLE;

  const device = path.join(folder, 'device');
  const workout = run(['pm5', 'simulate', '--minutes', '2']).out;
  runJson(['device', 'record', '--data', device], { input: workout });
  const sync = (url, more = [], seconds = 3) => {
    const done = run(['device', 'sync', '--data', device, '--server', url, '--key', key, '--deadline', String(seconds), ...more]);
    return { code: done.code, text: done.out + done.err };
  };
  for (const [name, more] of [['the system does not know our CA', []], ['another CA is no help', ['--ca-file', theirs.ca]]]) {
    const refused = sync(server.url, more);
    check(`${name}, and the fix is named`, refused.code === 1 && refused.text.includes('--ca-file') && refused.text.includes('certificate'), refused);
  }
  const elsewhere = sync(server.url, ['--ca-file', path.join(folder, 'none.pem')]);
  check('a CA file that is not there is told of', elsewhere.code !== 0 && elsewhere.text.includes('none.pem'), elsewhere);

  const port = Number(new URL(server.url).port);
  const plain = await ask(http, { port });
  equal('plain HTTP is answered', [plain.status, JSON.parse(plain.body).type], [400, 'urn:boathouse:problem:tls-required']);
  const unsafe = sync(`http://127.0.0.1:${port}`);
  check('a device that speaks plain HTTP is told to use https://', unsafe.code === 1 && unsafe.text.includes('https://'), unsafe);
  equal('nothing was lost by all that', runJson(['device', 'verify', '--json', '--data', device]).code, 0);
  const plainServer = await new Server(path.join(folder, 'plain')).start();
  const mistaken = sync(plainServer.url.replace('http:', 'https:'));
  check('and one that speaks TLS to a plain server, to use http://', mistaken.code === 1 && mistaken.text.includes('http://'), mistaken);
  await plainServer.stop();

  const synced = sync(server.url, ['--ca-file', ours.ca], 60);
  check('with the CA everything is sent', synced.code === 0, synced);
  const sessions = run(['sessions', '--json', '--server', server.url, '--key', key, '--ca-file', ours.ca]);
  check('the commands speak TLS too', sessions.code === 0 && sessions.out.includes('ses_'), sessions);

  const storm = runJson(['simulate', '--light', '--storm', '--ergs', '20', '--minutes', '2', '--speed', '0', '--server', server.url,
    '--key', server.operatorKey, '--ca-file', ours.ca, '--keys', path.join(folder, 'keys')]);
  const told = storm.json;
  equal('a storm of reconnecting devices is acknowledged', [storm.code, told.errors, told.storm.requests, told.acked], [0, 0, 20, told.records]);
  equal('their keys are kept', fs.readFileSync(path.join(folder, 'keys'), 'utf8').trim().split('\n').length, 20);

  const agent = new https.Agent({ keepAlive: true, maxSockets: 1, ca: fs.readFileSync(ours.ca) });
  const before = await ask(https, { port, agent });
  equal('our certificate is served', [before.status, before.subject], [200, 'ours']);
  const reload = async (good) => {
    const at = server.log.length;
    server.process.kill('SIGHUP');
    for (let i = 0; i < 100 && !good.test(server.log.slice(at)); ++i) await new Promise((resolve) => setTimeout(resolve, 50));
    check(`SIGHUP is answered in the log: ${good.source}`, good.test(server.log.slice(at)), server.log.slice(at));
  };
  fs.copyFileSync(theirs.certificate, ours.certificate);
  await reload(/the TLS certificate of before stays in use: the TLS key .* is not that of the certificate/);
  equal('what does not fit is not used', (await ask(https, { port, ca: fs.readFileSync(ours.ca) })).subject, 'ours');
  fs.copyFileSync(theirs.key, ours.key);
  await reload(/TLS certificate in use: CN=theirs/);
  equal('new connections get the new one', (await ask(https, { port, ca: fs.readFileSync(theirs.ca) })).subject, 'theirs');
  equal('the open connection went on', [(await ask(https, { port, agent })).port], [before.port]);
  agent.destroy();
  process.env.CURL_CA_BUNDLE = theirs.ca;
  equal('ledger and ClickHouse count the same', server.reconcile(server.operatorKey).code, 0);
  equal('SIGTERM ends it well', await server.stop(), { code: 0, signal: null });
});
