// A key that asks too much hears what it may, others do not notice; the log tells it all in JSON, and no secret.
import path from 'node:path';
import { Server, check, equal, main, run, temporaryFolder } from './boathouse.mjs';

const quota = 40;
const password = 'S3cretOfTheDatabase';

function lines(log) {
  return log.trimEnd().split('\n').map((line) => {
    try {
      return JSON.parse(line);
    } catch {
      return { broken: line };
    }
  });
}

await main(async () => {
  // Nothing listens on the port of discard, so there are failures to talk about.
  const server = await new Server(temporaryFolder(), { extra: ['--log-format', 'json', '--limit-requests', String(quota),
    '--clickhouse', `http://rower:${password}@127.0.0.1:9`] }).start();
  const anna = server.key('Anna');
  const ben = server.key('Ben');
  const replica = '018bcfe5-6800-7abc-8def-0123456789ab';
  const changes = (key, headers = {}) => server.get('/v1/sync/changes?since=0', key, { 'Boathouse-Replica': replica, ...headers });

  // One replica has half of its key's quota.
  let served = 0;
  let last;
  for (;;) {
    last = await changes(anna);
    if (last.status !== 200 || served > 2 * quota) break;
    served += 1;
    check(`answer ${served} has the fields`, last.headers.get('ratelimit-policy')?.startsWith(`"sync";q=${quota};w=60, `)
      && /"replica";r=\d+;t=\d+/.test(last.headers.get('ratelimit')), last.headers.get('ratelimit'));
    await last.arrayBuffer();
  }
  check('half of the quota is served', served >= quota / 2 && served < quota, String(served));
  const problem = await last.json();
  equal('then 429', [last.status, last.headers.get('content-type'), problem.type, problem['violated-policies']],
    [429, 'application/problem+json', 'https://iana.org/assignments/http-problem-types#quota-exceeded', ['replica']]);
  const wait = Number(last.headers.get('retry-after'));
  check('Retry-After is when the next one passes', wait >= 1 && wait <= 3
    && last.headers.get('ratelimit').includes(`"replica";r=0;t=${wait}`), `${wait}: ${last.headers.get('ratelimit')}`);
  check('the problem names the fix', problem.detail.includes(`again in ${wait} s`), problem.detail);
  equal('another key is served', (await changes(ben)).status, 200);
  for (let i = 0; i < 2 * quota; ++i) {
    if ((await server.get('/metrics', server.operatorKey)).status !== 200) check('the operator is not limited', false);
  }

  const metrics = await (await server.get('/metrics', server.operatorKey)).text();
  check('429s are counted by policy', /^boathouse_rate_limited_total\{policy="replica"\} [1-9]/m.test(metrics));
  check('open connections are shown', /^boathouse_http_open_connections [1-9]/m.test(metrics));
  check('queued bytes are shown', /^boathouse_ledger_queued_bytes 0$/m.test(metrics));

  // What is rowed meanwhile waits for the ClickHouse that is away.
  const device = path.join(temporaryFolder(), 'device');
  run(['device', 'record', '--data', device], { input: run(['pm5', 'simulate', '--minutes', '2']).out });
  equal('a workout is taken in', run(['device', 'sync', '--data', device, '--server', server.url, '--key', server.key('Carla')]).code, 0);

  // Secrets in every place where a client can put them by mistake.
  const marked = 'request-that-is-marked';
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  const traced = await (await server.get(`/v1/sessions?key=${anna}`, null,
    { 'Request-Id': marked, traceparent: `00-${trace}-00f067aa0ba902b7-01` })).json();
  equal('a problem names the caller\'s trace', traced.trace_id, trace);
  await server.get(`/v1/${anna}/nowhere`, anna);
  await server.get('/v1/sessions', `${anna}x`);
  await server.get('/v1/sessions', null, { 'X-API-Key': anna, Authorization: `Basic ${anna}` });
  await server.get('/v1/sessions', anna, { 'Request-Id': anna });
  await server.get('/v1/sessions', anna, { 'Boathouse-Replica': anna });
  await fetch(`${server.url}/v1/sync/hello`, { method: 'POST', body: JSON.stringify({ key: anna, secret: 'whsec_AbCdEfGhIjKl' }),
    headers: { Authorization: `Bearer ${ben}`, 'Content-Type': 'application/json', 'Boathouse-Replica': replica } });
  run(['key', 'list', '--server', server.url, '--key', server.operatorKey]);
  await server.stop();
  const log = server.log;

  const refused = run(['serve', '--data', temporaryFolder(), '--listen', '127.0.0.1:0',
    '--ledger', `postgresql://rower:${password}@127.0.0.1:9/boathouse`]);
  check('a ledger that is away is told of without its password', refused.code === 1 && !refused.err.includes(password)
    && refused.err.includes('127.0.0.1'), `${refused.code}: ${refused.err}`);

  const entries = lines(log);
  const requests = entries.filter((entry) => entry.event === 'request');
  equal('every line is one JSON object', entries.filter((entry) => !(entry.ts && entry.level && entry.event)), []);
  check('requests are logged with who, what and how long', requests.some((entry) => entry.route === 'syncChanges'
    && entry.status === 429 && entry.limited_by === 'replica' && entry.replica === replica && typeof entry.ms === 'number'
    && typeof entry.bytes === 'number' && anna.includes(entry.key.replaceAll('-', ''))));
  equal('one request is found by its id', requests.filter((entry) => entry.request_id === marked).map((entry) => entry.status), [400]);
  equal('and by its trace', requests.filter((entry) => entry.trace_id === trace).map((entry) => entry.request_id), [marked]);
  check('the ClickHouse that is away is logged', entries.some((entry) => entry.text?.startsWith('loading into ClickHouse failed')));
  for (const [name, secret] of [['Anna\'s key', anna.slice(41)], ['Ben\'s key', ben.slice(41)],
    ['the operator key', server.operatorKey.slice(41)], ['a password', password], ['a webhook secret', 'AbCdEfGhIjKl'],
    ['an Authorization', 'Bearer ']]) {
    check(`${name} is not in the log`, secret.length > 6 && !log.includes(secret),
      log.split('\n').find((line) => line.includes(secret)));
  }

  server.extra = [];
  await server.start();
  const counted = server.reconcile(server.operatorKey);
  equal('with a ClickHouse the workout is loaded, and ledger and ClickHouse count the same', [counted.code, counted.json?.recordings, counted.json?.differences], [0, 1, []]);
});
