// Every metric that an alert or a panel asks for is one that a running system exports: `boathouse serve` after a workout, the engine under
// ClickHouse's names, and the text files that the scripts of deploy/ write.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { Server, atEnd, check, equal, main, run, temporaryFolder } from '../e2e/boathouse.mjs';

const source = process.env.BOATHOUSE_SOURCE_DIR;
const deploy = path.join(source, 'deploy');

// What only a real server of a cluster has (research: ClickHouse's system.asynchronous_metrics), or another exporter. One by one, so that a
// name that is mistyped is not among them.
const elsewhere = new Map([
  ['ClickHouseAsyncMetrics_OSMemoryTotal', 'server'],
  ['ClickHouseAsyncMetrics_ReplicasMaxAbsoluteDelay', 'server'],
  ['ClickHouseAsyncMetrics_ReplicasMaxQueueSize', 'server'],
  ['node_filesystem_avail_bytes', 'node exporter'],
  ['node_filesystem_size_bytes', 'node exporter'],
  ['up', 'Prometheus'],
]);

// Names of series in an expression: what is neither function, keyword, label, nor text.
function metricsOf(expression) {
  const bare = expression.replace(/"[^"]*"/g, '').replace(/\{[^}]*\}/g, ' ').replace(/\[[^\]]*\]/g, ' ').replace(/\b(by|without|on|ignoring) *\([^)]*\)/g, ' ');
  const keywords = new Set(['and', 'or', 'unless', 'offset', 'bool']);
  return [...bare.matchAll(/(?<![A-Za-z0-9_:.])([A-Za-z_:][A-Za-z0-9_:]*)(?![A-Za-z0-9_:])(?! *\()/g)].map(([, word]) => word).filter((word) => !keywords.has(word));
}

function series(text) {
  const found = new Map();  // name -> label names
  for (const line of text.split('\n')) {
    const parts = /^([A-Za-z_:][A-Za-z0-9_:]*)(?:\{(.*)\})? /.exec(line);
    if (!parts) continue;
    const labels = found.get(parts[1]) ?? new Set();
    for (const [, label] of (parts[2] ?? '').matchAll(/([a-z_]+)="/g)) labels.add(label);
    found.set(parts[1], labels);
  }
  return found;
}

// Counters with labels under increase() or rate() that a service need not have from the start. A series that is born with its first event has
// grown by nothing then: an alert that must fire at the first one needs it there before.
const bornLater = new Map([
  ['boathouse_http_requests_total{status=~"5.."}', 'a share of all answers for five minutes, not one'],
  ['boathouse_http_request_duration_seconds_bucket{route="syncBatch"}', 'a quantile of many calls'],
  ['boathouse_http_request_duration_seconds_bucket{route=~"get.*|list.*",route!="getMetrics"}', 'a quantile of many calls'],
]);

// name{selector} of each, without the labels that Prometheus adds.
function labelledCounters(expression) {
  return [...expression.matchAll(/\b(?:increase|i?rate)\(([A-Za-z_:][A-Za-z0-9_:]*)\{([^}]*)\}\[/g)].map(([, name, selector]) =>
    [name, selector.split(/, *(?=[a-z_]+ *[=!])/).filter((one) => !/^(job|instance) *[=!]/.test(one)).join(',')]).filter(([, selector]) => selector !== '').map(([name, selector]) => `${name}{${selector}}`);
}

// Whether a page of numbers has a series that `counter` selects.
function isExported(text, counter) {
  const [, name, selector] = /^([^{]*)\{(.*)\}$/.exec(counter);
  const wanted = [...selector.matchAll(/([a-z_]+) *(=~|!~|!=|=) *"([^"]*)"/g)];
  return text.split('\n').filter((line) => line.startsWith(`${name}{`)).some((line) => {
    const labels = new Map([...line.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, label, value]) => [label, value]));
    return wanted.length > 0 && wanted.every(([, label, operator, value]) => {
      const is = operator.endsWith('~') ? new RegExp(`^(?:${value})$`).test(labels.get(label) ?? '') : (labels.get(label) ?? '') === value;
      return operator.startsWith('!') ? !is : is;
    });
  });
}

async function engineMetrics(folder) {
  const engine = process.env.BOATHOUSE_ENGINE_BINARY;
  const process_ = spawn(engine, ['--path', path.join(folder, 'engine'), '--listen', '127.0.0.1:0', '--stop-with-parent']);
  const ended = new Promise((resolve) => process_.on('exit', resolve));
  atEnd(async () => { process_.kill(); await ended; });
  const url = await new Promise((resolve, reject) => {
    let out = '';
    process_.stdout.on('data', (piece) => {
      out += piece;
      const found = /^listening on (\S+)$/m.exec(out);
      if (found) resolve(found[1]);
    });
    ended.then((code) => reject(new Error(`the engine ended with ${code}`)));
  });
  const ask = async (body, query = '') => {
    const reply = await fetch(`${url}/${query}`, { method: 'POST', body });
    if (reply.status !== 200) throw new Error(await reply.text());
    return reply.text();
  };
  // The statements of a cluster parse; those of one server are carried out, too.
  const statements = (args) => run(['schema', ...args]).out.trimEnd().split(';\n').map((one) => one.replace(/;$/, ''));
  const replicated = statements(['--cluster', 'boathouse']);
  for (const statement of replicated) await ask(`EXPLAIN AST ${statement}`);
  const own = statements([]);
  const newest = own.findIndex((one) => one.startsWith('ALTER TABLE sample'));
  for (const statement of own.slice(0, newest)) await ask(statement.replace('CODEC(Delta(2), ZSTD(5))', 'CODEC(ZSTD(1))'));
  // Rows of the version before are the same after its migration, and after they were written anew.
  await ask(`INSERT INTO force_curve (athlete, started, rec_id, seq, points, ver) SELECT generateUUIDv4(), now64(3), generateUUIDv4(), number, arrayMap(i -> toUInt16((i * i * number) % 65536), range(number % 40)), 1 FROM numbers(1000)`);
  const sum = () => ask('SELECT count(), sum(cityHash64(seq, points)) FROM force_curve');
  const before = await sum();
  for (const statement of own.slice(newest)) await ask(statement);
  const between = await sum();
  await ask('OPTIMIZE TABLE force_curve FINAL');
  equal('curves of before a migration are the same after it', [between, await sum()], [before, before]);
  const codec = await ask(`SELECT compression_codec FROM system.columns WHERE table = 'force_curve' AND name = 'points' AND database = currentDatabase()`);
  equal('and have its codec', codec.trim(), 'CODEC(Delta(2), ZSTD(5))');
  for (const statement of own) await ask(statement);
  equal('the tables of a cluster are those of one server, and ClickHouse parses them', replicated.length, statements([]).length);
  const sharded = statements(['--cluster', 'boathouse', '--sharded']);
  for (const statement of sharded) await ask(`EXPLAIN AST ${statement}`);
  equal('several shards have a Distributed table for each besides', sharded.length, replicated.length + 7);
  // Parsing knows no names of settings, and of one server's tables other ones are made: all that a cluster is told must be known to ClickHouse.
  const namesIn = async (table) => new Set((await ask(`SELECT name FROM system.${table}`)).trimEnd().split('\n'));
  const ofTables = [...replicated, ...sharded].flatMap((statement) => settingsOf(statement));
  check('settings of tables are found', ['replicated_deduplication_window', 'fsync_after_insert', 'index_granularity', 'compress_per_column_in_compact_parts'].every((name) => ofTables.includes(name)), ofTables);
  const knownOfTables = await namesIn('merge_tree_settings');
  equal('every setting of a cluster\'s tables is one of ClickHouse\'s', [...new Set(ofTables)].filter((name) => !knownOfTables.has(name)), []);
  equal('a setting that is mistyped is none', settingsOf(replicated[0].replace('fsync_after_insert', 'fsync_after_inserts')).filter((name) => !knownOfTables.has(name)), ['fsync_after_inserts']);
  const ofCalls = await namesIn('settings');
  let refused = '';
  try { await ask(`EXPLAIN AST ${replicated[0].replace('ENGINE =', 'ENGIN =')}`); } catch (error) { refused = String(error); }
  check('a statement that is wrong does not parse', refused.includes('SYNTAX_ERROR'), refused);
  return { url, text: await (await fetch(`${url}/metrics`)).text(), settings: ofCalls };
}

// Names of the settings that a statement gives a table: behind SETTINGS, or MODIFY SETTING.
function settingsOf(statement) {
  const [, list] = /\b(?:SETTINGS|MODIFY SETTING) (.*)$/s.exec(statement) ?? [undefined, ''];
  return [...list.matchAll(/(?:^|, )([a-z_]+) = /g)].map(([, name]) => name);
}

// What `serve --clickhouse-cluster` sends to a server that agrees to everything.
async function clusterStatements(folder, count) {
  const statements = [];
  const said = new Set();
  let allCame;
  const came = new Promise((resolve) => { allCame = resolve; });
  const clickhouse = http.createServer((request, reply) => {
    let body = '';
    request.on('data', (piece) => { body += piece; });
    request.on('end', () => {
      for (const name of new URL(request.url, 'http://clickhouse').searchParams.keys()) said.add(name);
      if (/^(CREATE|ALTER) TABLE/.test(body)) statements.push(body);
      if (statements.length === count) allCame();
      reply.end();
    });
  });
  await new Promise((resolve) => { clickhouse.listen(0, '127.0.0.1', resolve); });
  atEnd(() => new Promise((resolve) => { clickhouse.closeAllConnections(); clickhouse.close(resolve); }));
  const server = await new Server(path.join(folder, 'clustered'), { extra: ['--clickhouse', `http://127.0.0.1:${clickhouse.address().port}`, '--clickhouse-cluster', 'boat'] }).start();
  await came;
  equal('serve ends', await server.stop(), { code: 0, signal: null });
  return { statements, settings: [...said].filter((name) => !/^(query|database|wait_end_of_query|param_.*)$/.test(name)) };
}

await main(async () => {
  const folder = temporaryFolder();
  const server = await new Server(path.join(folder, 'cloud'), { extra: ['--reconcile-every', '1s', '--backup-to', path.join(folder, 'backups')] }).start();
  // One of its own: what a page says of the engine is kept for a while, and the engine is not there yet.
  const young = await new Server(path.join(folder, 'young')).start();
  const fresh = await (await young.get('/metrics', young.operatorKey)).text();
  await young.stop();
  const device = path.join(folder, 'device');
  run(['device', 'record', '--data', device], { input: run(['pm5', 'simulate', '--type', '3', '--minutes', '2']).out });
  const key = server.key('Anna');
  equal('a workout is synced', run(['device', 'sync', '--data', device, '--server', server.url, '--key', key]).code, 0);
  await server.sessions(key);
  const printed = run(['schema', '--cluster', 'boat']).out.trimEnd().split(';\n').map((one) => one.replace(/;$/, ''));
  check('seven tables and what came later', printed.length > 7, printed.length);
  const toCluster = await clusterStatements(folder, printed.length);
  equal('serve makes the tables on its cluster', toCluster.statements.map((one) => one.trim()), printed);
  equal('a cluster without a server, and a name that leaves its quotes, are wrong use',
    [['--clickhouse-cluster', 'boat'], ['--clickhouse', 'x', '--clickhouse-cluster', 'a`b']].map((more) => run(['serve', '--data', path.join(folder, 'none'), ...more]).code), [2, 2]);
  equal('a backup is made', run(['backup', 'create', '--data', server.folder, '--to', path.join(folder, 'backups'), '--without-clickhouse']).code, 0);
  let exported = '';
  for (let tries = 0; tries < 600 && !exported.includes('\nboathouse_reconciler_last_run_timestamp_seconds'); ++tries) {
    if (tries > 0) await new Promise((resolve) => { setTimeout(resolve, 50); });
    exported = await (await server.get('/metrics', server.operatorKey)).text();
  }
  const service = series(exported);
  const { url: engineUrl, text: engineText, settings } = await engineMetrics(folder);
  check('serve tells a cluster settings with its calls', ['distributed_foreground_insert', 'distributed_product_mode', 'distributed_ddl_task_timeout', 'distributed_ddl_output_mode', 'max_execution_time'].every((name) => toCluster.settings.includes(name)), toCluster.settings);
  equal('each of them is one of ClickHouse\'s', toCluster.settings.filter((name) => !settings.has(name)), []);
  const engine = series(engineText);

  // The scripts' own metrics, written against this server.
  const texts = path.join(folder, 'texts');
  fs.mkdirSync(texts);
  const script = (name, args, env = {}) => spawnSync(path.join(deploy, 'cloud-init', name), args, { env: { ...process.env, BOATHOUSE_TEXTFILES: texts, BOATHOUSE_NOW: '1700000000', ...env } });
  const reconciled = script('reconcile', [], { BOATHOUSE_URL: server.url, BOATHOUSE_KEY_FILE: path.join(server.folder, 'operator.key') });
  equal('boathouse-reconcile asks the service', [reconciled.status, String(reconciled.stderr)], [0, '']);
  for (const what of ['clickhouse', 'ledger', 'drill']) equal(`boathouse-backup-done ${what}`, script('backup-done', [what, texts]).status, 0);
  // Ten minutes of 2 Hz, six times: an hour of 7,200 samples.
  const asEngine = (statement) => spawnSync('curl', ['-s', '--fail-with-body', '--data-binary', '@-', engineUrl], { input: statement, encoding: 'utf8' });
  const query = path.join(folder, 'query');
  fs.writeFileSync(query, `#!/bin/sh\nexec curl -s --fail-with-body --data-binary @- ${engineUrl}\n`, { mode: 0o755 });
  const watched = () => {
    const done = spawnSync(path.join(deploy, 'clickhouse/watch'), [], { encoding: 'utf8', env: { ...process.env, BOATHOUSE_TEXTFILES: texts, BOATHOUSE_QUERY: query } });
    equal('boathouse-watch-clickhouse', [done.status, done.stdout + done.stderr], [0, '']);
    return fs.readFileSync(path.join(texts, 'boathouse_clickhouse.prom'), 'utf8');
  };
  const idle = watched();
  check('it says what runs; of hours only when there are some', /^boathouse_clickhouse_longest_query_seconds \d/m.test(idle) && /^boathouse_clickhouse_oldest_mutation_seconds 0$/m.test(idle) && !idle.includes('samples_per_hour'), idle);
  const sessions = asEngine('INSERT INTO session (athlete, started, session, sealed, samples, work_time_cs, ver) SELECT generateUUIDv4(), now() - 3600, generateUUIDv4(), 1, 1200, 60000, 1 FROM numbers(6)');
  const stuck = asEngine("ALTER TABLE session DELETE WHERE throwIf(sleepEachRow(0) = 0, 'stuck') SETTINGS mutations_sync = 0");
  equal('sessions and a mutation that never ends', [sessions.status, stuck.status, sessions.stdout + stuck.stdout], [0, 0, '']);
  check('it counts samples of an hour', /^boathouse_clickhouse_samples_per_hour 7200$/m.test(watched()));
  equal('promtool reads that, too', spawnSync('promtool', ['check', 'metrics'], { input: fs.readFileSync(path.join(texts, 'boathouse_clickhouse.prom')), encoding: 'utf8' }).status, 0);
  const text = fs.readdirSync(texts).map((file) => fs.readFileSync(path.join(texts, file), 'utf8')).join('');
  check('they say what they found', text.includes('boathouse_reconcile_differences 0\n') &&
    text.includes('boathouse_backup_last_success_timestamp_seconds{what="drill"} 1700000000\n'), text);
  // Two files may not say what a metric is in two ways.
  const linted = spawnSync('promtool', ['check', 'metrics'], { input: fs.readFileSync(path.join(texts, 'boathouse_reconcile.prom')) });
  equal('promtool reads them', [linted.status, String(linted.stdout) + String(linted.stderr)], [0, '']);
  const wrongKey = script('reconcile', [], { BOATHOUSE_URL: server.url, BOATHOUSE_KEY_FILE: path.join(deploy, 'README.md'), BOATHOUSE_TEXTFILES: folder });
  check('with a wrong key it fails and says nothing', wrongKey.status !== 0 && !fs.existsSync(path.join(folder, 'boathouse_reconcile.prom')));
  const scripts = series(text);

  // One box has no page but the service's: what its alerts rest on is there, with a value.
  const oneBox = [...fs.readFileSync(path.join(deploy, 'prometheus/rules_one_box_test.yml'), 'utf8').matchAll(/- series: ([A-Za-z_]+)/g)].map(([, name]) => name);
  check('the alerts of one box rest on several series', new Set(oneBox).size >= 10, oneBox);
  equal('the service exports each of them', oneBox.filter((name) => !service.has(name)), []);

  const known = new Map([...service, ...engine, ...scripts]);
  const rules = fs.readFileSync(path.join(deploy, 'prometheus/rules.yml'), 'utf8');
  const expressions = [...rules.matchAll(/^ +expr: (?:\|\n((?: {10}.*\n)+)|(.*)\n)/gm)].map(([, block, line]) => block ?? line);
  equal('every alert has an expression with a metric', expressions.filter((one) => metricsOf(one).length > 0).length, [...rules.matchAll(/- alert: /g)].length);
  const dashboard = JSON.parse(fs.readFileSync(path.join(deploy, 'grafana/boathouse.json'), 'utf8'));
  const panels = dashboard.panels.filter(({ type }) => type !== 'row');
  const queries = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  check('the dashboard has panels, each with a query', panels.length >= 25 && panels.every(({ targets }) => targets.length > 0));
  equal('each panel has a number and a place of its own', [new Set(dashboard.panels.map(({ id }) => id)).size,
    new Set(dashboard.panels.map(({ gridPos }) => `${gridPos.x},${gridPos.y}`)).size], [dashboard.panels.length, dashboard.panels.length]);

  for (const [what, all] of [['rules.yml', expressions], ['the dashboard', queries]]) {
    const used = new Set(all.flatMap(metricsOf));
    check(`${what}: metrics are found in it`, used.size >= 20, [...used]);
    equal(`${what}: each metric is exported by a running system`, [...used].filter((name) => !known.has(name) && !elsewhere.has(name)), []);
    // A label that no series has selects nothing, and an alert on it never fires.
    const wrong = [];
    for (const expression of all) {
      for (const [, name, selector] of expression.matchAll(/([A-Za-z_:][A-Za-z0-9_:]*)\{([^}]*)\}/g)) {
        for (const [, label] of selector.matchAll(/([a-z_]+) *(?:=~|!~|!=|=)/g)) {
          if (!['job', 'instance'].includes(label) && known.has(name) && !known.get(name).has(label)) wrong.push(`${name}{${label}}`);
        }
      }
    }
    equal(`${what}: each label, too`, wrong, []);
  }
  check('a series is told from its sisters', isExported('a{b="1",c="x"} 0\n', 'a{b="1",c=~"x|y"}') && !isExported('a{b="1"} 0\n', 'a{b="2"}') && !isExported('a{b="1"} 0\n', 'a{b!="1"}'));
  equal('and its selector found', labelledCounters('sum(increase(a_total{job="x",b="1"}[1h])) / rate(c{job="x"}[5m])'), ['a_total{b="1"}']);
  const counters = [...new Set(expressions.flatMap(labelledCounters))];
  check('some alerts ask how much a labelled counter has grown', counters.includes('boathouse_sync_items_total{result="rejected"}'), counters);
  equal('a service that has just started exports each of these', counters.filter((one) => !bornLater.has(one) && !isExported(fresh, one)), []);
  equal('what may be born later is asked for', [...bornLater.keys()].filter((one) => !counters.includes(one)), []);
  const names = [...new Set([...expressions, ...queries].flatMap(metricsOf))];
  equal('what is said to be elsewhere is nowhere else and of use', [...elsewhere.keys()].filter((name) => known.has(name) || !names.includes(name)), []);

  // Prometheus itself reads every query of the dashboard.
  const asRules = path.join(folder, 'panels.json');
  fs.writeFileSync(asRules, JSON.stringify({ groups: [{ name: 'panels', rules: queries.map((expr, i) => ({ record: `panel_${i}`, expr })) }] }));
  const checked = spawnSync('promtool', ['check', 'rules', asRules]);
  equal('Prometheus can read every query of the dashboard', [checked.status, String(checked.stderr)], [0, '']);

  // docs/operations.md lists what the service exports, and nothing else.
  const listed = new Set([...fs.readFileSync(path.join(source, 'docs/operations.md'), 'utf8').matchAll(/^\| (`[^|]+) \|/gm)]
    .flatMap(([, cell]) => [...cell.matchAll(/`([A-Za-z_]+)`/g)].map(([, name]) => name)));
  const families = new Set([...service.keys()].map((name) => name.replace(/(?<=duration_seconds)_(bucket|sum|count)$/, '')));
  equal('docs/operations.md lists each metric of the service', [...families].filter((name) => !listed.has(name)), []);
  const said = [...exported.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name);
  equal('and none that the service does not have', [...listed].filter((name) => /^(boathouse|process|ClickHouse[A-Za-z]*)_/.test(name) && !said.includes(name)), []);

  // What a workout that was synced leaves in them.
  const number = (name) => Number(exported.split('\n').find((line) => line.startsWith(`${name} `))?.slice(name.length + 1));
  const [stored, unpacked] = ['stored', 'unpacked'].map((what) => number(`boathouse_sync_${what}_bytes_total`));
  check('chunks came, and came compressed', stored > 0 && unpacked / stored > 1, [stored, unpacked]);
  check('bodies were received', number('boathouse_http_received_body_bytes_total') >= stored, [number('boathouse_http_received_body_bytes_total'), stored]);
  for (const what of ['commit', 'ack']) {
    const [count, sum] = ['count', 'sum'].map((part) => number(`boathouse_ledger_${what}_duration_seconds_${part}`));
    check(`each ${what} of the ledger was timed`, count > 0 && sum > 0, [count, sum]);
  }
  equal('nothing waits for ClickHouse', [number('boathouse_outbox_chunks'), number('boathouse_outbox_lag_seconds')], [0, 0]);
  equal('one device store was seen today, when it had something to send', ['replicas', 'replicas_owing'].map((what) => number(`boathouse_${what}{seen="1d"}`)), [1, 1]);
});
