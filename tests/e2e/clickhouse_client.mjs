// ClickHouse's own client from npm talks to boathouse-engine: what works with a ClickHouse must work here.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { Readable } from 'node:stream';
import { atEnd, check, engineBinary, equal, main, temporaryFolder } from './boathouse.mjs';

const { createClient, ClickHouseError, ClickHouseLogLevel } = createRequire(import.meta.url)('@clickhouse/client');

async function startEngine(folder) {
  fs.writeFileSync(path.join(folder, 'password'), 'open sesame\n');
  const engine = spawn(engineBinary, ['--path', path.join(folder, 'data'), '--listen', '127.0.0.1:0', '--password-file', path.join(folder, 'password')]);
  const ended = new Promise((resolve) => { engine.on('exit', (code, signal) => resolve({ code, signal })); });
  let said = '';
  engine.stderr.on('data', (piece) => { said += piece; });
  const url = await new Promise((resolve, reject) => {
    engine.stdout.on('data', (piece) => {
      const found = /^listening on (\S+)$/m.exec(piece);
      if (found) resolve(found[1]);
    });
    ended.then((end) => reject(new Error(`the engine ended with ${JSON.stringify(end)}: ${said}`)));
  });
  const stop = () => {
    engine.kill('SIGTERM');
    return ended;
  };
  atEnd(stop);
  return { url, stop };
}

// The error that a call ends with; undefined when it works.
async function failure(call) {
  try {
    await call();
    return undefined;
  } catch (error) {
    return error;
  }
}

const numbers = (from, count) => Array.from({ length: count }, (_, i) => ({ n: from + i, text: `row ${from + i}` }));

await main(async () => {
  const engine = await startEngine(temporaryFolder());
  const connect = (more = {}) => {
    const client = createClient({ url: engine.url, username: 'default', password: 'open sesame', request_timeout: 60_000,
      log: { level: ClickHouseLogLevel.OFF }, ...more });
    atEnd(() => client.close());
    return client;
  };
  const plain = connect();
  const rows = async (query, more = {}) => (await (more.client ?? plain).query({ query, format: 'JSONEachRow', ...more })).json();
  const one = async (query, more) => Object.values((await rows(query, more))[0])[0];

  for (const [name, client] of [['plain', plain], ['gzip', connect({ compression: { request: true, response: true } })]]) {
    const say = (what) => `${name}: ${what}`;
    const table = `t_${name}`;
    equal(say('ping'), (await client.ping()).success, true);
    equal(say('ping with a query'), (await client.ping({ select: true })).success, true);
    const made = await client.command({
      query: `CREATE TABLE ${table} (n UInt32, text String) ENGINE = ReplacingMergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 100` });
    check(say('DDL, with the id of its query'), made.query_id !== '', made);
    const nasty = [{ n: 1, text: 'a\tb\n\nDROP TABLE victim' }, { n: 2, text: `quote ' " \\ ;\r\n\0` }, { n: 3, text: 'ü 𝄞' }];
    const inserted = await client.insert({ table, values: nasty, format: 'JSONEachRow' });
    equal(say('insert says how many rows it wrote'), inserted.summary?.written_rows, '3');
    equal(say('rows come back as they went in, blank lines and quotes too'), await rows(`SELECT * FROM ${table} ORDER BY n`, { client }), nasty);
    for (const round of ['first', 'again']) {
      await client.insert({ table, values: numbers(10, 5), format: 'JSONEachRow', clickhouse_settings: { insert_deduplication_token: 'a token' } });
      equal(say(`a token counts once: ${round}`), await one(`SELECT toString(count()) FROM ${table} WHERE n >= 10`, { client }), '5');
    }
    equal(say('a parameter of text'), await one('SELECT {v:String} AS v', { client, query_params: { v: `tab\t'quote'\nline\\` } }), `tab\t'quote'\nline\\`);
    equal(say('an array, a NULL, a date'), (await rows('SELECT {a:Array(UInt32)} AS a, {s:Array(String)} AS s, {x:Nullable(UInt8)} AS x, {d:DateTime(\'UTC\')} AS d',
      { client, query_params: { a: [1, 2], s: [`it's`, '"'], x: null, d: new Date('2026-11-28T06:30:00Z') } }))[0],
      { a: [1, 2], s: [`it's`, '"'], x: null, d: '2026-11-28 06:30:00' });
    const json = await (await client.query({ query: `SELECT n FROM ${table} ORDER BY n LIMIT 2`, format: 'JSON' })).json();
    equal(say('format JSON'), [json.rows, json.data.map((row) => row.n), json.meta[0].type], [2, [1, 2], 'UInt32']);
    equal(say('format CSV'), await (await client.query({ query: 'SELECT 1, \'a,b\'', format: 'CSV' })).text(), '1,"a,b"\n');
    equal(say('a setting counts for its call alone'), [
      await one(`SELECT toString(getSetting('max_block_size')) AS v`, { client, clickhouse_settings: { max_block_size: 4321 } }),
      await one(`SELECT toString(getSetting('max_block_size')) = '4321' AS v`, { client })], ['4321', 0]);
    const result = await client.query({ query: 'SELECT number AS n FROM numbers(100000)', format: 'JSONEachRow' });
    const all = await client.query({ query: 'SELECT number AS n FROM numbers(100000)', format: 'JSON' });
    equal(say('a stream and a whole result come compressed to who asked for that'), [result, all].map(({ response_headers }) => response_headers['content-encoding']),
      name === 'gzip' ? ['gzip', 'gzip'] : [undefined, undefined]);
    equal(say('and are whole'), (await all.json()).rows, 100_000);
    let streamed = 0;
    for await (const piece of result.stream()) streamed += piece.length;
    equal(say('a stream of 100,000 rows'), streamed, 100_000);
    await client.insert({ table, values: Readable.from(numbers(1000, 50_000)), format: 'JSONEachRow' });
    equal(say('an insert of 50,000 rows from a stream'), await one(`SELECT toString(count()) FROM ${table} WHERE n >= 1000`, { client }), '50000');
    await client.insert({ table, values: Readable.from(['70000,"from CSV"\n'], { objectMode: false }), format: 'CSV' });
    equal(say('an insert of CSV'), await one(`SELECT text FROM ${table} WHERE n = 70000`, { client }), 'from CSV');
    for (const [what, query, code, type] of [
      ['syntax', 'SELEC 1', '62', 'SYNTAX_ERROR'],
      ['an unknown table', 'SELECT 1 FROM nobody', '60', 'UNKNOWN_TABLE'],
      ['an unknown column', 'SELECT nothing', '47', 'UNKNOWN_IDENTIFIER']]) {
      const error = await failure(() => rows(query, { client }));
      equal(say(`an error of ${what}`), [error instanceof ClickHouseError, error?.code, error?.type], [true, code, type]);
    }
    const unknown = await failure(() => rows('SELECT 1', { client, clickhouse_settings: { no_such_setting: 1 } }));
    equal(say('an unknown setting'), [unknown?.code, unknown?.type], ['115', 'UNKNOWN_SETTING']);
    const bad = await failure(() => client.insert({ table, values: ['not json'], format: 'JSONEachRow' }));
    check(say('rows that do not parse'), bad instanceof ClickHouseError, String(bad));
    equal(say('a select in exec'), await text((await client.exec({ query: 'SELECT 7 FORMAT TabSeparated' })).stream), '7\n');
  }

  // ---- many at once ----
  await plain.command({ query: 'CREATE TABLE many (n UInt32, text String) ENGINE = MergeTree ORDER BY n' });
  const crowd = connect({ max_open_connections: 24 });
  const jobs = [];
  for (let i = 0; i < 12; ++i) {
    jobs.push(crowd.insert({ table: 'many', values: Readable.from(numbers(i * 5000, 5000)), format: 'JSONEachRow' }));
    jobs.push((async () => {
      let sum = 0;
      const stream = (await crowd.query({ query: 'SELECT number + {i:UInt32} AS n FROM numbers(20000)', query_params: { i }, format: 'JSONEachRow' })).stream();
      for await (const piece of stream) for (const row of piece) sum += Number(row.json().n);
      if (sum !== 20000 * i + (19999 * 20000) / 2) throw new Error(`stream ${i} has the sum ${sum}`);
    })());
  }
  const ends = await Promise.allSettled(jobs);
  equal('12 streams in and 12 out at once', ends.filter((end) => end.status === 'rejected').map((end) => String(end.reason)), []);
  equal('nothing of them is lost or doubled', (await rows('SELECT toString(count()) AS c, toString(uniqExact(n)) AS u FROM many'))[0], { c: '60000', u: '60000' });

  // ---- errors in mid-stream ----
  // Rows went out before it: nothing may look like a whole result.
  const fails = (format) => ({ query: `SELECT number, throwIf(number = 900000) FROM numbers(1000000) FORMAT ${format}`,
    clickhouse_settings: { max_threads: '1' } });
  for (const format of ['RowBinary', 'JSONEachRow', 'CSV']) {
    const cut = await failure(async () => text((await plain.exec(fails(format))).stream));
    check(`an error after 900,000 rows of ${format} is no whole result`, cut !== undefined, String(cut));
  }
  const waited = await failure(() => plain.exec({ ...fails('RowBinary'), clickhouse_settings: { max_threads: '1', wait_end_of_query: 1 } }));
  equal('who waits for the end is told', waited?.code, '395');
  console.error = () => {};  // the client prints what it then throws
  const half = new Readable({ objectMode: true, read() {} });
  for (const row of numbers(200_000, 100)) half.push(row);
  const breaks = failure(() => plain.insert({ table: 'many', values: half, format: 'JSONEachRow' }));
  half.destroy(new Error('the source broke'));
  check('an insert whose source breaks fails', await breaks !== undefined);
  equal('and stores nothing', await one('SELECT toString(count()) FROM many WHERE n >= 200000'), '0');

  // ---- cancelled requests ----
  const aborted = [];
  for (let i = 0; i < 20; ++i) {
    const controller = new AbortController();
    const stream = new Readable({ objectMode: true, read() {} });
    stream.push({ n: 300_000 + i, text: 'never whole' });
    const kinds = [
      () => rows('SELECT sleep(1), 1 AS n', { abort_signal: controller.signal }),
      () => plain.insert({ table: 'many', values: stream, format: 'JSONEachRow', abort_signal: controller.signal }),
      async () => {  // the client's own signal ends with the reply's head
        const { stream: result } = await plain.exec({ query: 'SELECT number FROM numbers(100000000000) FORMAT RowBinary' });
        const abort = () => result.destroy(new Error('The user aborted a request.'));
        if (controller.signal.aborted) abort();
        controller.signal.addEventListener('abort', abort);
        for await (const piece of result) if (piece.length === 0) return;
      },
    ];
    aborted.push(failure(kinds[i % 3]));
    setTimeout(() => controller.abort(), 20 * i);
  }
  equal('20 requests are cancelled', (await Promise.all(aborted)).map((error) => error?.message),
    Array(20).fill('The user aborted a request.'));
  const after = await Promise.all(Array.from({ length: 16 }, (_, i) => one('SELECT {i:UInt8} AS i', { query_params: { i } })));
  equal('the engine goes on, none of its handles is lost', after, Array.from({ length: 16 }, (_, i) => i));
  equal('and nothing of them is stored', await one('SELECT toString(count()) FROM many WHERE n >= 300000'), '0');

  const stranger = createClient({ url: engine.url, password: 'wrong', log: { level: ClickHouseLogLevel.OFF } });
  equal('a wrong password', (await failure(() => rows('SELECT 1', { client: stranger })))?.code, '516');
  await stranger.close();
  equal('the engine stops cleanly under it', await engine.stop(), { code: 0, signal: null });
});

async function text(stream) {
  let all = '';
  for await (const piece of stream) all += piece;
  return all;
}
