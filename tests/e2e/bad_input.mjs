// Bad input from every side: notifications, files, servers, batches. Each gets an error that names the place; everything else is kept.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { Server, check, equal, main, run, runAsync, runJson, temporaryFolder } from './boathouse.mjs';

// An HTTP server that always answers the same; gives its URL.
async function fakeServer(answer) {
  const server = http.createServer((request, response) => { request.resume(); answer(request, response); });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => { server.closeAllConnections(); server.close(); } };
}

await main(async () => {
  const folder = temporaryFolder();
  const device = path.join(folder, 'device');
  const file = (name, content) => {
    const place = path.join(folder, name);
    fs.writeFileSync(place, content);
    return place;
  };

  // --- notifications ---
  const good = run(['pm5', 'simulate', '--type', '2', '--minutes', '1', '--seed', '5']).out.trimEnd().split('\n');
  const clean = runJson(['device', 'replay', '--json', '--data', path.join(folder, 'clean'), file('clean.jsonl', good.join('\n'))]);
  const middle = Math.floor(good.length / 2);
  const at = JSON.parse(good[middle]).at_ms;
  const bad = [
    `{"at_ms":${at},"char":"0031","hex":"b01d"}`,                    // too short
    `{"at_ms":${at},"char":"0031","hex":"zz"}`,                      // no hex
    `{"at_ms":${at},"char":"0080","hex":"7f000000"}`,                // unknown id
    `{"at_ms":${at},"char":"0080","hex":""}`,
    `{"at_ms":${at},"char":"003D","hex":"29ff0c"}`,                  // announces more than it holds
    `{"at_ms":"soon","char":"0031","hex":"00"}`,
    '{"char":', '[]', 'hello', '\u0000\u0001', `{"at_ms":${at}}`,
  ];
  const garbled = runJson(['device', 'replay', '--json', '--data', device,
    file('garbled.jsonl', [...good.slice(0, middle), ...bad, ...good.slice(middle)].join('\n'))]);
  equal('garbled notifications: exit 1', garbled.code, 1);
  equal('garbled notifications: every bad one is counted', garbled.json.rejected_lines + garbled.json.refused, bad.length);
  check('garbled notifications: the lines are named', garbled.err.includes(`garbled.jsonl:${middle + 2}`), garbled.err);
  for (const stream of ['sample', 'stroke', 'force_curve', 'split', 'summary']) {
    equal(`garbled notifications: all of ${stream} is kept`, garbled.json.records[stream], clean.json.records[stream]);
  }
  equal('garbled notifications: an event for each', garbled.json.records.event, bad.length);

  const decoded = run(['pm5', 'decode'], { input: `${bad.join('\n')}\n${good[0]}\n` });
  const lines = decoded.out.trimEnd().split('\n').map((line) => JSON.parse(line));
  equal('pm5 decode goes on after errors and ends with 1', [decoded.code, lines.length], [1, bad.length + 1]);
  equal('pm5 decode names each line', lines.map((line) => line.line), lines.map((_, i) => i + 1));
  check('pm5 decode reads the good one', lines.at(-1).fields !== undefined && lines.at(-1).error === undefined, lines.at(-1));

  const noStrokes = good.filter((line) => !['0035', '0036', '003D'].includes(JSON.parse(line).char));
  const quiet = runJson(['device', 'replay', '--json', '--data', device, file('no-strokes.jsonl', noStrokes.join('\n'))]);
  equal('a recording without strokes is kept', [quiet.code, quiet.json.records.stroke ?? 0, quiet.json.records.sample],
    [0, 0, clean.json.records.sample]);
  const shuffled = [...good].sort((a, b) => (JSON.parse(a).hex < JSON.parse(b).hex ? -1 : 1));
  const reordered = runJson(['device', 'replay', '--json', '--data', device, file('reordered.jsonl', shuffled.join('\n'))]);
  check('reordered notifications do no harm', reordered.json.notifications === good.length, reordered.json);
  const empty = run(['device', 'replay', '--json', '--data', device, file('empty.jsonl', '')]);
  check('an empty capture makes no session', empty.code === 0 && JSON.parse(empty.out).sessions.length === 0, empty);

  // --- files ---
  const importing = (name, content, options = []) => run(['device', 'import', '--json', '--data', device, ...options, file(name, content)]);
  const unknown = importing('unknown.csv', 'When,How far\n1,2\n');
  equal('an unknown dialect is refused', unknown.code, 1);
  for (const dialect of ['ergstick', 'rowingdata', 'painsled', 'hero', 'logbook', 'ergdata']) {
    check(`and told what is known: ${dialect}`, unknown.err.toLowerCase().includes(dialect), unknown.err);
  }
  for (const [name, content] of [['empty.csv', ''], ['binary.csv', Buffer.from([0, 1, 2, 255, 254, 0])],
    ['header-only.csv', 'Number,"Time (seconds)","Distance (meters)","Pace (seconds)",Watts,Cal/Hr,"Stroke Rate","Heart Rate"\n']]) {
    const refused = importing(name, content);
    check(`${name} is refused with a reason`, refused.code === 1 && refused.err.includes(name), refused);
  }
  equal('a file that is not there', run(['device', 'import', '--data', device, path.join(folder, 'nowhere.csv')]).code, 1);
  const holes = importing('holes.csv', ['Number,"Time (seconds)","Distance (meters)","Pace (seconds)",Watts,Cal/Hr,"Stroke Rate","Heart Rate"',
    '1,0.7,2.4,163.3,80,576,,', '2,oops,11.0,150.4,103,654,24,', '3,5.3,99999999,150.4,-103,654,24,', '4,8.4', '5,11.0,40.7,127.5,169,881,23,', ''].join('\n'));
  const holesReport = JSON.parse(holes.out);
  check('a damaged file: what is wrong is counted', holesReport.rejected_values + holesReport.rejected_lines >= 4, holesReport);
  check('a damaged file: and named by line', /holes\.csv:3/.test(holes.err) && /holes\.csv:4/.test(holes.err) && /holes\.csv:5/.test(holes.err),
    holes.err);
  check('a damaged file: the rest is kept', holesReport.records.sample >= 3 && holesReport.records.source === 1, holesReport);
  check('an unknown time zone is refused', importing('zone.csv', fs.readFileSync(path.join(folder, 'holes.csv')), ['--time-zone', 'Mars/Base']).code !== 0);

  // --- folders and stores ---
  const inTheWay = path.join(file('a-file', ''), 'device');
  const first = file('one.jsonl', good[0]);
  for (const command of [['record', first], ['import', file('any.csv', 'x')], ['run', '--server', 'http://127.0.0.1:1', '--key', 'k']]) {
    for (const place of [inTheWay, '/sys']) {
      const refused = run(['device', command[0], '--data', place, ...command.slice(1)]);
      check(`device ${command[0]}: a folder that cannot be used is named with what helps: ${place}`,
        refused.code === 1 && refused.err.includes(place) && refused.err.includes('name '), refused);
    }
  }

  const full = path.join(folder, 'full');
  run(['device', 'replay', '--data', full, path.join(folder, 'clean.jsonl')]);
  const tooSmall = run(['device', 'storage', '--data', full, '--cap', '1KB']);
  check('a cap that nothing could keep is wrong use, and the smallest is named',
    tooSmall.code === 2 && tooSmall.err.includes('the smallest cap that makes sense is '), tooSmall);
  const held = runJson(['device', 'status', '--json', '--data', full]).json.space;
  equal('what must stay is said for every byte', held.stays.reduce((sum, part) => sum + part.bytes, 0), held.used);
  run(['device', 'storage', '--data', full, '--cap', String(held.used)]);
  const refusedStart = run(['device', 'record', '--data', full, file('all.jsonl', good.join('\n'))]);
  check('a start that is refused does not say that it records',
    refusedStart.err.includes('not recording: ') && !refusedStart.err.includes('still recording'), refusedStart);

  const whole = runJson(['device', 'verify', '--json', '--data', device]).json.records;
  const broken = path.join(folder, 'broken');
  fs.cpSync(device, broken, { recursive: true });
  fs.writeSync(fs.openSync(path.join(broken, 'device.db'), 'r+'), Buffer.alloc(4096, 'x'), 0, 4096, 0);
  const corrupt = run(['device', 'sessions', '--data', broken]);
  check('a damaged store names the command that saves it', corrupt.code === 1 && corrupt.err.includes(`device salvage --data ${broken}`),
    corrupt);
  const saved = path.join(folder, 'saved');
  const salvaged = run(['device', 'salvage', '--data', broken, '--output', saved]);
  check('a damaged store is saved, and what is damaged named', salvaged.code === 1 && salvaged.out.includes('cannot be read (1)'), salvaged);
  const verifiedSaved = runJson(['device', 'verify', '--json', '--data', saved]);
  equal('without its first page every record is there', [verifiedSaved.code, verifiedSaved.json.records], [0, whole]);
  equal('a folder with a store in it is no output', run(['device', 'salvage', '--data', broken, '--output', saved]).code, 1);
  equal('salvage without an output is wrong use', run(['device', 'salvage', '--data', broken]).code, 2);
  const untouched = runJson(['device', 'salvage', '--json', '--data', device, '--output', path.join(folder, 'untouched')]);
  equal('a store that is whole is saved without a word', [untouched.code, untouched.json.damages], [0, []]);

  // --- servers ---
  const pending = runJson(['device', 'status', '--json', '--data', device]).json.pending_items;
  const answers = {
    'a captive portal': (_, response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>Please sign in</html>'),
    'wrong JSON': (_, response) => response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"epoch":"x","results":[]}'),
    'an endless answer': (_, response) => { response.writeHead(200); response.end(Buffer.alloc(8 << 20, 0x20)); },
    'a 500': (_, response) => response.writeHead(500).end('oops'),
    'a redirect': (_, response) => response.writeHead(302, { Location: 'http://127.0.0.1:1/' }).end(),
    'a 401': (_, response) => response.writeHead(401, { 'Content-Type': 'application/problem+json' }).end('{"detail":"who are you?"}'),
    'a cut connection': (_, response) => response.destroy(),
  };
  for (const [name, answer] of Object.entries(answers)) {
    const fake = await fakeServer(answer);
    const done = await runAsync(['device', 'sync', '--json', '--data', device, '--server', fake.url, '--key', 'rk_live_x', '--deadline', '3']);
    fake.close();
    const status = JSON.parse(done.out);
    check(`${name}: everything stays, and the device says so`,
      done.code === 1 && status.pending_items === pending && status.stored_items === 0 && `${status.reason}${status.last_error}` !== '', status);
  }

  // --- batches ---
  const server = await new Server(path.join(folder, 'cloud')).start();
  const key = server.key('Anna');
  const post = async (body, headers = {}) => {
    const reply = await fetch(`${server.url}/v1/sync/batch`, {
      method: 'POST', body, headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/vnd.boathouse.batch',
        'Boathouse-Replica': '018bcfe5-6800-7abc-8def-0123456789ab', ...headers } });
    return { status: reply.status, json: await reply.json() };
  };
  const garbage = await post('garbage');
  check('a batch of garbage is 400 and says what it should be', garbage.status === 400 && garbage.json.detail.includes('BHB'), garbage);
  equal('a batch of nobody is 400', (await post('garbage', { 'Boathouse-Replica': 'me' })).status, 400);
  equal('an empty batch is 400', (await post('')).status, 400);
  equal('another media type is 415', (await post('x', { 'Content-Type': 'text/plain' })).status, 415);
  equal('another coding is 415', (await post('x', { 'Content-Encoding': 'br' })).status, 415);
  equal('a wrong digest is 422', (await post('garbage',
    { 'Content-Digest': 'sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:' })).status, 422);
  // The answer comes before the body is read, which fetch takes for an error; curl reads it.
  const large = spawnSync('curl', ['-s', '-o', path.join(folder, 'answer'), '-w', '%{http_code}', '-H', `Authorization: Bearer ${key}`,
    '-H', 'Content-Type: application/vnd.boathouse.batch', '-H', 'Boathouse-Replica: 018bcfe5-6800-7abc-8def-0123456789ab',
    '--data-binary', `@${file('large', Buffer.alloc(5 << 20))}`, `${server.url}/v1/sync/batch`]);
  equal('too much is 413', large.stdout.toString(), '413');
  equal('no key is 401', (await post('x', { Authorization: '' })).status, 401);
  equal('the operator gets 403', (await post('x', { Authorization: `Bearer ${server.operatorKey}` })).status, 403);

  // After all of this the device still has everything, and it goes through.
  equal('the real server takes it all', run(['device', 'sync', '--data', device, '--server', server.url, '--key', key]).code, 0);
  const verified = runJson(['device', 'verify', '--json', '--data', device]);
  equal('the device is whole', [verified.code, verified.json.acknowledged], [0, verified.json.records]);
  const counted = server.reconcile(key);
  equal('and counted', [counted.code, counted.json?.differences], [0, []]);

  // --- wrong use ---
  for (const args of [[], ['frobnicate'], ['serve'], ['device', 'replay'], ['serve', '--data', device, '--listen', 'nonsense'],
    ['export', '--server', server.url], ['device', 'sync', '--data', device, '--server', server.url]]) {
    const done = run(args);
    check(`boathouse ${args.slice(0, 2).join(' ')} wrongly used`, done.code === 2 && done.err !== '' && done.out === '', done);
  }
  equal('--help is no error', run(['device', '--help']).code, 0);
});
