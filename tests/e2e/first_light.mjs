// One workout's whole way, and what a client sees of it: simulated monitor -> device -> sync -> ledger -> ClickHouse -> REST -> CSV.
import fs from 'node:fs';
import path from 'node:path';
import { Server, check, countByStream, equal, main, run, runJson, temporaryFolder } from './boathouse.mjs';

await main(async () => {
  const folder = temporaryFolder();
  const device = path.join(folder, 'device');
  const server = await new Server(path.join(folder, 'cloud')).start();

  equal('healthz answers', (await server.getJson('/healthz')).json, { status: 'ok' });
  equal('the operator key is private', fs.statSync(path.join(server.folder, 'operator.key')).mode & 0o777, 0o600);

  // The network is away: the device records all the same.
  const notifications = run(['pm5', 'simulate', '--type', '7', '--minutes', '2', '--seed', '7']).out;
  const recorded = runJson(['device', 'record', '--data', device], { input: notifications });
  equal('recording needs no server', recorded.code, 0);
  equal('one workout is one session', recorded.json.sessions.length, 1);
  equal('every notification is decoded', recorded.json.decoded, recorded.json.notifications);
  const away = runJson(['device', 'sync', '--json', '--data', device, '--server', 'http://127.0.0.1:9', '--key', 'rk_live_x']);
  check('without a server sync fails and says so', away.code === 1 && away.json.last_error !== '', away.json);
  equal('and nothing is lost', runJson(['device', 'status', '--json', '--data', device]).json.pending_items, away.json.pending_items);

  const key = server.key('Anna');
  const wrong = runJson(['device', 'sync', '--json', '--data', device, '--server', server.url, '--key', server.operatorKey]);
  check('the operator key owns no athlete', wrong.json.state === 'needs_auth' && /key create --athlete/.test(JSON.stringify(wrong.json)),
    wrong.json);
  const synced = runJson(['device', 'sync', '--json', '--data', device, '--server', server.url, '--key', key]);
  equal('sync brings everything', [synced.code, synced.json.state, synced.json.pending_items], [0, 'up_to_date', 0]);
  const again = runJson(['device', 'sync', '--json', '--data', device, '--server', server.url, '--key', key]);
  equal('a second sync sends nothing', again.json.sent_items, 0);
  const log = runJson(['device', 'log', '--json', '--data', device]).json;
  // A sync that asks again whether queries count what it sent has a run for that.
  const good = log.slice(0, -2);
  equal('the log begins with the runs that failed', log.slice(-2).map((one) => [one.state, one.error]), [['needs_auth', 'http 403'], ['offline', 'network']]);
  check('then has those that did not', good.length >= 2 && good.every((one) => one.state === 'up_to_date' && one.error === ''), log);
  equal('and how far the first of them came', [good.at(-1).done_bytes, good.at(-1).stored_items], [good.at(-1).total_bytes, synced.json.stored_items]);
  equal('what was sent is verified when sync ends', synced.json.uncounted_recordings, 0);
  const text = run(['device', 'log', '--data', device]).out;
  check('as text it names no key', text.split('\n').length === log.length + 1 && !text.includes(key) && !text.includes('rk_live_x'), text);
  const status = runJson(['device', 'status', '--json', '--data', device]).json;
  check('status knows the last success', Date.parse(status.last_success_at) > 0 && status.last_run.state === 'up_to_date', status);

  const verified = runJson(['device', 'verify', '--json', '--data', device]);
  equal('the device is whole', [verified.code, verified.json.problems], [0, 0]);
  equal('what is recorded is acknowledged', verified.json.acknowledged, verified.json.records);
  const reconciled = server.reconcile(key);
  equal('ledger and ClickHouse count the same', [reconciled.code, reconciled.json?.differences], [0, []]);
  for (const stream of reconciled.json.streams) {
    if (stream.stream === 'source') continue;
    const onDevice = verified.json.records[stream.stream] ?? 0;
    equal(`${stream.stream}: device = seal = ledger = ClickHouse`, [stream.sealed, stream.ledger, stream.clickhouse],
      [onDevice, onDevice, onDevice]);
  }
  equal('readyz is ready', (await server.getJson('/readyz')).status, 200);

  const sessions = await server.sessions(key);
  equal('the session is listed', sessions.map((session) => session.id), recorded.json.sessions);
  const [session] = sessions;
  equal('its totals are the monitor\'s', [session.totals_from, session.workout_type_name], ['monitor', 'fixed_distance_interval']);
  equal('one session by id', (await server.getJson(`/v1/sessions/${session.id}`, key)).json, session);

  const strokes = (await server.getJson(`/v1/sessions/${session.id}/strokes`, key)).json;
  equal('strokes are columns of equal length', new Set(Object.values(strokes.data).map((column) => column.length)).size, 1);
  equal('all strokes', strokes.original_size, verified.json.records.stroke);
  const samples = (await server.getJson(`/v1/sessions/${session.id}/samples?fields=at_s,distance_m`, key)).json;
  equal('only the fields asked for', Object.keys(samples.data), ['at_s', 'distance_m']);
  const splits = (await server.getJson(`/v1/sessions/${session.id}/splits`, key)).json.data;
  equal('splits are numbered from 1', splits.map((split) => split.split_number), splits.map((_, i) => i + 1));
  const splitMetres = splits.reduce((sum, split) => sum + split.split_distance_m, 0);
  check('splits add up to the total', Math.abs(splitMetres - session.work_distance_m) <= splits.length, [splitMetres, session]);

  const rows = await server.csv(session.id, key, '?superseded=true');
  const counts = countByStream(rows);
  for (const [stream, count] of Object.entries(verified.json.records)) equal(`CSV has all of ${stream}`, counts[stream], count);
  const strokeRows = rows.filter((row) => row.stream === 'stroke');
  equal('CSV and REST agree', strokeRows.map((row) => Number(row.peak_force_lbf)), strokes.data.peak_force_lbf);
  check('newtons are 4.44822 lbf', strokeRows.every((row) => Math.abs(row.peak_force_n - row.peak_force_lbf * 4.44822) < 0.006));

  // What a client must not be able to do, and what it is told.
  const stranger = server.key('Ben');
  equal('another athlete\'s session is not there', (await server.get(`/v1/sessions/${session.id}`, stranger)).status, 404);
  equal('another athlete sees none', await server.sessions(stranger), []);
  for (const [target, status, asWhom] of [
    ['/v1/sessions', 401, ''],
    ['/v1/sessions', 401, 'rk_live_wrong'],
    ['/v1/sessions?limit=0', 400, key],
    ['/v1/sessions?colour=red', 400, key],
    ['/v1/sessions?cursor=AAAA', 400, key],
    ['/v1/sessions?from=yesterday', 400, key],
    ['/v1/sessions/ses_1', 400, key],
    [`/v1/sessions/${session.id}/strokes?fields=mood`, 400, key],
    [`/v1/sessions/${session.id}/export.csv?stream=source`, 400, key],
    ['/v1/keys', 403, key],
    ['/metrics', 403, key],
    ['/metrics', 401, ''],
    ['/v1/nothing', 404, key],
  ]) {
    const reply = await server.get(target, asWhom);
    const problem = await reply.json();
    check(`${target} with ${asWhom === key ? 'a key' : asWhom || 'no key'} is a problem ${status}`,
      reply.status === status && reply.headers.get('content-type').startsWith('application/problem+json') &&
      problem.status === status && typeof problem.detail === 'string' && problem.request_id === reply.headers.get('request-id'),
      [reply.status, problem]);
  }
  const tagged = await server.get(`/v1/sessions/${session.id}`, key);
  equal('an unchanged answer costs 304',
    (await server.get(`/v1/sessions/${session.id}`, key, { 'If-None-Match': tagged.headers.get('etag') })).status, 304);

  // Pages: many sessions, none twice, none missed.
  for (let seed = 0; seed < 5; ++seed) {
    run(['device', 'record', '--data', device],
      { input: run(['pm5', 'simulate', '--type', '2', '--minutes', '0.2', '--seed', String(seed)]).out });
  }
  run(['device', 'sync', '--data', device, '--server', server.url, '--key', key]);
  equal('more sessions arrive', server.reconcile(key).code, 0);
  const paged = [];
  let link = '/v1/sessions?limit=2';
  while (link) {
    const page = await server.get(link, key);
    paged.push(...(await page.json()).data.map((entry) => entry.id));
    link = /<([^>]+)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1];
  }
  equal('six sessions on three pages, each once', [paged.length, new Set(paged).size], [6, 6]);

  const metrics = await server.get('/metrics', server.operatorKey);
  const numbers = await metrics.text();
  const number = (series) => Number(numbers.split('\n').find((line) => line.startsWith(`${series} `))?.split(' ').at(-1));
  equal('metrics are in the text format', metrics.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  check('metrics count the chunks that were stored', number('boathouse_sync_items_total{kind="chunk",result="stored"}') > 0, numbers);
  equal('and the ledger holds as many', number('boathouse_ledger_chunks'),
    number('boathouse_sync_items_total{kind="chunk",result="stored"}'));
  check('and time acknowledgements', number('boathouse_http_request_duration_seconds_count{route="syncBatch"}') > 0, numbers);
  equal('every line of the metrics is one', numbers.trim().split('\n')
    .filter((line) => !/^(# (HELP|TYPE) [A-Za-z0-9_]+ .+|[A-Za-z0-9_]+(\{[a-z0-9_]+="[^"]*"(,[a-z0-9_]+="[^"]*")*\})? [0-9.e+-]+)$/.test(line)), []);
  const list = run(['key', 'list', '--server', server.url, '--key', server.operatorKey]).out;
  const keyId = list.split('\n').find((line) => line.includes('Ben')).split(/\s+/)[0];
  equal('a key can be revoked', run(['key', 'revoke', keyId, '--server', server.url, '--key', server.operatorKey]).code, 0);
  equal('and is dead at once', (await server.get('/v1/sessions', stranger)).status, 401);

  equal('no key text in the log', [key, stranger, server.operatorKey].filter((text) => server.log.includes(text)), []);
  equal('SIGTERM ends with 0', await server.stop(), { code: 0, signal: null });
});
