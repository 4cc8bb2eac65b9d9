// What an athlete's own program hears of a workout: signed calls that the code of docs/webhooks.md takes, once each, also after a
// receiver that was away and a server that was killed.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { Server, atEnd, check, equal, main, run, runAsync, temporaryFolder } from './boathouse.mjs';

// The verification as documented.
async function documentedVerify() {
  const page = fs.readFileSync(path.join(path.dirname(new URL(import.meta.url).pathname), '../../docs/webhooks.md'), 'utf8');
  const [, code] = /```js\n([\s\S]*?)```/.exec(page);
  return (await import(`data:text/javascript,${encodeURIComponent(code)}`)).verify;
}

// An athlete's program on loopback. `answer(id, seen)` gives the status for the call with this webhook-id, seen before or not.
class Receiver {
  constructor() {
    this.calls = [];
    this.answer = () => 204;
    this.waiting = [];
    this.server = http.createServer((request, response) => {
      let body = '';
      request.on('data', (piece) => { body += piece; });
      request.on('end', () => {
        const id = request.headers['webhook-id'];
        const status = this.answer(id, this.calls.some((call) => call.headers['webhook-id'] === id));
        this.calls.push({ headers: request.headers, body, status });
        response.writeHead(status).end();
        for (const wake of this.waiting.splice(0)) wake();
      });
    });
    atEnd(() => new Promise((resolve) => { this.server.close(resolve); this.server.closeAllConnections?.(); }));
  }

  async start() {
    await new Promise((resolve) => { this.server.listen(0, '127.0.0.1', resolve); });
    this.url = `http://127.0.0.1:${this.server.address().port}/in`;
    return this;
  }

  taken() {
    return this.calls.filter((call) => call.status < 300);
  }

  // Until `done()`; a minute at most.
  async until(done) {
    const end = AbortSignal.timeout(60_000);
    while (!done() && !end.aborted) {
      await new Promise((resolve) => { this.waiting.push(resolve); end.addEventListener('abort', resolve, { once: true }); });
    }
    return done();
  }
}

await main(async () => {
  const verify = await documentedVerify();
  const folder = temporaryFolder();
  const device = path.join(folder, 'device');
  const receiver = await new Receiver().start();
  const server = await new Server(path.join(folder, 'cloud'), { extra: ['--webhook-allow-http-loopback'] }).start();
  const key = server.key('Anna');
  const call = async (method, target, body, withKey = key, headers = {}) => {
    const reply = await fetch(server.url + target, {
      method,
      headers: { Authorization: `Bearer ${withKey}`, ...(body ? { 'Content-Type': 'application/json' } : {}), ...headers },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await reply.text();
    return { status: reply.status, etag: reply.headers.get('ETag'), json: text === '' ? undefined : JSON.parse(text) };
  };
  const isGood = (secret, one) => {
    try {
      verify(secret, one.headers, one.body);
      return true;
    } catch {
      return false;
    }
  };

  for (const url of ['http://10.0.0.1/', 'https://127.0.0.1/', 'https://[::ffff:127.0.0.1]/', 'https://0x7f.1/', 'file:///etc/passwd']) {
    equal(`${url} is refused`, (await call('POST', '/v1/webhooks', { url })).status, 400);
  }
  const made = await call('POST', '/v1/webhooks', { url: receiver.url });
  equal('a webhook is made', made.status, 201);
  const { id, secret } = made.json;
  equal('another athlete does not see it', (await call('GET', `/v1/webhooks/${id}`, undefined, server.key('Ben'))).status, 404);
  equal('the operator has none', (await call('GET', '/v1/webhooks', undefined, server.operatorKey)).status, 403);

  equal('a test is accepted', (await call('POST', `/v1/webhooks/${id}/test`)).status, 202);
  check('and arrives', await receiver.until(() => receiver.calls.length === 1));
  check('the documented code takes it', isGood(secret, receiver.calls[0]), receiver.calls[0]);
  check('but no other body', !isGood(secret, { ...receiver.calls[0], body: receiver.calls[0].body.replace('test', 'fake') }));
  check('and no other secret', !isGood(`whsec_${Buffer.alloc(32).toString('base64')}`, receiver.calls[0]));

  const rotated = await call('POST', `/v1/webhooks/${id}/rotate`);
  check('a rotation gives another secret', rotated.status === 200 && rotated.json.secret !== secret);

  // The receiver fails at everything once while a workout comes; the server dies; then all of it arrives.
  receiver.answer = (id, seen) => (seen ? 204 : 503);
  run(['device', 'record', '--data', device], { input: run(['pm5', 'simulate', '--type', '2', '--minutes', '1', '--seed', '3']).out });
  equal('a workout is synced', (await runAsync(['device', 'sync', '--data', device, '--server', server.url, '--key', key])).code, 0);
  check('the receiver is told and fails', await receiver.until(() => receiver.calls.length >= 3));
  await server.stop('SIGKILL');
  await server.start();
  const types = () => receiver.taken().map((one) => JSON.parse(one.body).type);
  check('after the restart it hears of the session', await receiver.until(() => types().includes('session.complete')), types());
  check('and that it began', await receiver.until(() => types().includes('session.created')), types());
  const [session] = await server.sessions(key);
  const complete = receiver.taken().find((one) => JSON.parse(one.body).type === 'session.complete');
  equal('the id is that of the API', JSON.parse(complete.body).data.session_id, session.id);
  check('both secrets sign', isGood(secret, complete) && isGood(rotated.json.secret, complete), complete.headers);
  const ids = (calls) => calls.map((one) => one.headers['webhook-id']);
  check('what failed came again under its id', ids(receiver.calls).length > new Set(ids(receiver.calls)).size);

  const log = await call('GET', `/v1/webhooks/${id}/deliveries`);
  const delivered = log.json.data.find((one) => one.type === 'session.complete');
  check('the log says so', delivered.state === 'delivered' && delivered.status === 204, delivered);
  const before = receiver.calls.length;
  equal('it can be replayed', (await call('POST', `/v1/webhooks/${id}/deliveries/${delivered.id}/replay`)).status, 202);
  check('and comes again', await receiver.until(() => ids(receiver.calls.slice(before)).includes(delivered.event_id)));

  const metrics = await (await server.get('/metrics', server.operatorKey)).text();
  check('the operator sees how calls end', /^boathouse_webhook_calls_total\{result="taken"\} [1-9]/m.test(metrics), metrics);
  check('and that none was removed unseen', /^boathouse_webhook_forgotten_deliveries_total 0$/m.test(metrics) && /^boathouse_forgotten_events_total 0$/m.test(metrics), metrics);
  check('the operator sees the lag', /^boathouse_webhook_lag_seconds \d/m.test(metrics));
  receiver.answer = () => 410;
  await call('POST', `/v1/webhooks/${id}/test`);
  check('one more is sent', await receiver.until(() => receiver.calls.at(-1).status === 410));
  let state;
  for (let tries = 0; tries < 200 && (state = (await call('GET', `/v1/webhooks/${id}`)).json).enabled; ++tries) {
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
  equal('410 disables it', [state.enabled, state.disabled_reason], [false, 'the endpoint answered 410 (Gone)']);

  receiver.answer = () => 204;
  const enable = (headers) => call('PATCH', `/v1/webhooks/${id}`, { enabled: true }, key, headers);
  equal('a change says of what', (await enable({})).status, 428);
  equal('and enabled again', (await enable({ 'If-Match': (await call('GET', `/v1/webhooks/${id}`)).etag })).status, 200);
  const shell = (...words) => runAsync(['webhook', ...words, '--server', server.url, '--key', key]);
  const listed = await shell('list');
  check('the command lists it', listed.code === 0 && listed.out.startsWith(`${id}  ${receiver.url}  `), listed);
  const failed = (await call('GET', `/v1/webhooks/${id}/deliveries`)).json.data.filter((one) => one.state === 'failed');
  check('what was refused for good has failed', failed.length > 0, failed);
  const [since] = failed.map((one) => one.created_at).sort();
  const seen = receiver.calls.length;
  const replayed = await shell('replay', id, '--since', since);
  equal('the command sends all that failed again', [replayed.code, replayed.out], [0, `${failed.length} deliveries are sent again\n`]);
  equal('and once', (await shell('replay', id, '--since', since)).out, '0 deliveries are sent again\n');
  const again = () => ids(receiver.calls.slice(seen));
  check('they come', await receiver.until(() => failed.every((one) => again().includes(one.event_id))), again());
  const shown = await shell('deliveries', id);
  check('the command shows the log', failed.every((one) => shown.out.includes(one.id)), shown);
  equal('ledger and ClickHouse count the same', server.reconcile(server.operatorKey).code, 0);
  check('no secret is in the log', !server.log.includes(secret) && !server.log.includes(secret.slice(6)));
});
