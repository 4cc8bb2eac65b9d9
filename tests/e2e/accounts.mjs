// Accounts over sockets: profiles, keys that end, a device paired by a code, a team whose coach reads what its members rowed and
// nothing else, for as long as they let them; and no secret in the log of any of it.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { Server, check, equal, main, run, runAsync, temporaryFolder } from './boathouse.mjs';

// A method that fetch() does not send.
function rawStatus(url, method, headers = {}) {
  return new Promise((resolve, reject) => {
    const { hostname, port, pathname } = new URL(url);
    http.request({ hostname, port, path: pathname, method, headers, agent: false }, (reply) => {
      reply.resume();
      reply.on('end', () => resolve(reply.statusCode));
    }).on('error', reject).end();
  });
}

await main(async () => {
  const folder = temporaryFolder();
  const server = await new Server(path.join(folder, 'cloud'), { extra: ['--log-format', 'json'] }).start();
  const secrets = [server.operatorKey];
  const boathouse = (args, key, code = 0) => {
    const done = run([...args, '--server', server.url, ...(key ? ['--key', key] : [])]);
    equal(`${args.slice(0, 2).join(' ')} ends with ${code}`, { code: done.code, err: code === 0 ? done.err : '' }, { code, err: '' });
    return done.out.trim();
  };
  const make = (args, key) => {
    const made = boathouse(args, key);
    secrets.push(made);
    return made;
  };
  const status = async (target, key, init = {}) => {
    const reply = await fetch(server.url + target, { ...init, headers: { Authorization: `Bearer ${key}`, ...init.headers } });
    await reply.arrayBuffer();
    return reply.status;
  };
  const statuses = async (targets, key) => Object.fromEntries(await Promise.all(targets.map(async (one) => [one, await status(one, key)])));
  const operator = server.operatorKey;

  // ---- profiles ----
  const anna = boathouse(['athlete', 'create', 'Zoë Müller', '--email', 'zoe@example.org', '--locale', 'de-at', '--time-zone', 'Europe/Vienna'], operator);
  const annaKey = make(['key', 'create', '--athlete', anna, '--name', 'laptop', '--expires', '90d'], operator);
  const profile = JSON.parse(boathouse(['athlete', 'show', '--json'], annaKey));
  equal('the profile is as it was typed', [profile.name, profile.locale, profile.time_zone], ['Zoë Müller', 'de-AT', 'Europe/Vienna']);
  boathouse(['athlete', 'update', '--email', ''], annaKey);
  equal('what is taken away is gone, the rest stays', JSON.parse(boathouse(['athlete', 'show', anna, '--json'], operator)).email, null);
  boathouse(['athlete', 'update', '--time-zone', 'Mars/Base'], annaKey, 1);
  const eveKey = make(['key', 'create', '--athlete', 'Eve'], operator);
  const coachKey = make(['key', 'create', '--athlete', 'Coach'], operator);
  const coach = JSON.parse(boathouse(['athlete', 'show', '--json'], coachKey)).id;
  equal('another athlete has no profile here', await status(`/v1/athletes/${anna}`, eveKey), 404);

  // ---- a device without a key ----
  const device = path.join(folder, 'phone');
  const code = make(['pair', 'create'], annaKey);
  boathouse(['device', 'pair', code.toLowerCase().replace('-', ' '), '--data', device, '--name', 'Zoë phone']);
  const deviceKey = fs.readFileSync(path.join(device, 'device.key'), 'utf8').split('\n')[0];
  secrets.push(deviceKey);
  equal('its key is for its owner alone', (fs.statSync(path.join(device, 'device.key')).mode & 0o777).toString(8), '600');
  boathouse(['device', 'pair', code, '--data', path.join(folder, 'thief')], undefined, 1);
  equal('nobody gets a second key for it', fs.existsSync(path.join(folder, 'thief', 'device.key')), false);
  run(['device', 'record', '--data', device], { input: run(['pm5', 'simulate', '--type', '2', '--minutes', '1', '--seed', '3']).out });
  equal('it syncs without --server and --key', (await runAsync(['device', 'sync', '--data', device])).code, 0);
  equal('its key reads no sessions', await status('/v1/sessions', deviceKey), 403);
  const elsewhere = await runAsync(['device', 'sync', '--data', device, '--server', 'http://127.0.0.1:9']);
  check('its key goes to its server alone', elsewhere.code === 2 && elsewhere.err.includes('no API key'), elsewhere);
  const [session] = await server.sessions(annaKey);

  // ---- somebody else's data ----
  const recording = session.id.replace('ses_', 'rec_');
  const readable = ['', '/strokes', '/samples', '/splits', '/export.csv'].map((rest) => `/v1/sessions/${session.id}${rest}`);
  const own = [...readable, `/v1/recordings/${recording}/trail`];
  const all = (targets, value) => Object.fromEntries(targets.map((one) => [one, value]));
  equal('the athlete reads it all', await statuses(own, annaKey), all(own, 200));
  equal('to others there is none of it', await statuses(own, eveKey), all(own, 404));
  equal('nor to a coach who was not let in', await statuses(own, coachKey), all(own, 404));
  equal('nor a chunk', await status(`/v1/recordings/${recording.slice(4)}/sample/0-10`, eveKey, { headers: { 'Boathouse-Replica': recording.slice(4) } }), 404);

  // ---- a team ----
  const team = boathouse(['team', 'create', 'Eight'], coachKey);
  const invitation = make(['team', 'invite', team, '--expires', '1d'], coachKey);
  equal('a team is nobody else\'s', await status(`/v1/teams/${team}`, eveKey), 404);
  equal('before the athlete agrees the coach reads nothing', (await statuses([`/v1/sessions?athlete=${anna}`], coachKey))[`/v1/sessions?athlete=${anna}`], 404);
  boathouse(['team', 'join', invitation], annaKey);
  const benKey = make(['key', 'create', '--athlete', 'Ben'], operator);
  boathouse(['team', 'join', invitation], benKey);
  equal('then the coach reads it all', await statuses(readable, coachKey), all(readable, 200));
  equal('but for the way it came', await status(own.at(-1), coachKey), 404);
  const listed = async (query, key) => (await server.getJson(`/v1/sessions${query}`, key)).json.data?.map((one) => [one.id, one.athlete_id]);
  equal('the list is the own one', await listed('', coachKey), []);
  equal('or an athlete\'s', await listed(`?athlete=${anna}`, coachKey), [[session.id, anna]]);
  equal('or the team\'s', await listed(`?team=${team}`, coachKey), [[session.id, anna]]);
  equal('the command has it too', boathouse(['sessions', '--team', team], coachKey).startsWith(session.id), true);
  equal('a member does not read the others', await status(`/v1/sessions?team=${team}`, benKey), 404);
  equal('the coach sees names', JSON.parse(boathouse(['team', 'show', team, '--json'], coachKey)).members.map((one) => one.name), ['Zoë Müller', 'Ben']);
  equal('a coach changes nothing of theirs', await status(`/v1/athletes/${anna}`, coachKey, { method: 'PATCH', body: '{"name":"x"}', headers: { 'If-Match': '*', 'Content-Type': 'application/json' } }), 404);
  const narrow = make(['key', 'create', '--athlete', coach, '--scopes', 'sessions:read,strokes:read'], operator);
  equal('a key without teams:read is for the own sessions', await statuses(readable.slice(0, 4), narrow), all(readable.slice(0, 4), 404));
  boathouse(['team', 'leave', team], annaKey);
  equal('who leaves is not read from then on', await statuses(readable, coachKey), all(readable, 404));
  boathouse(['team', 'join', invitation], annaKey);
  equal('who comes back is', await status(readable[0], coachKey), 200);
  boathouse(['team', 'let-out', team, coach], operator);
  equal('a coach who is let out reads nothing from then on', await statuses(readable, coachKey), all(readable, 404));
  equal('and knows of no team', await status(`/v1/teams/${team}`, coachKey), 404);

  // ---- keys that end ----
  const keys = JSON.parse(boathouse(['key', 'list', '--json'], operator)).data;
  const idOf = (label) => keys.find((one) => one.label === label).id;
  check('an end was set', Date.parse(keys.find((one) => one.label === 'laptop').expires_at) > Date.now() + 89 * 86_400_000);
  check('a device has its name', keys.some((one) => one.label === 'Zoë phone' && one.scopes.join() === 'sessions:write'), keys);
  equal('an athlete sees the own keys', boathouse(['key', 'list', '--mine'], annaKey).split('\n').length, 2);
  const rotated = make(['key', 'rotate', idOf('laptop'), '--overlap', '0h'], operator);
  equal('a rotated key is another', [await status('/v1/me', annaKey), await status('/v1/me', rotated)], [401, 200]);
  boathouse(['key', 'revoke', '--mine', idOf('Zoë phone')], rotated);
  equal('a revoked device is out', (await runAsync(['device', 'sync', '--data', device, '--deadline', '10'])).code, 1);
  equal('TRACE is not spoken', await rawStatus(`${server.url}/v1/me`, 'TRACE', { Authorization: `Bearer ${rotated}` }), 405);

  // ---- what is left of it ----
  const acts = boathouse(['audit', 'show', '--json', '--limit', '1000'], operator);
  for (const kind of ['athlete.update', 'pairing.claim', 'team.join', 'team.member.remove', 'team.coach.remove', 'key.rotate']) {
    check(`the audit has ${kind}`, acts.includes(`"kind":"${kind}"`));
  }
  boathouse(['audit', 'verify'], operator);
  equal('ledger and ClickHouse count the same', server.reconcile(server.operatorKey).code, 0);
  await server.stop();
  const everything = server.log + acts + fs.readFileSync(path.join(folder, 'cloud', 'control.db'), 'latin1');
  const words = [...new Set(secrets.flatMap((one) => (one.startsWith('rk_') ? [one.slice(41, 84)] : [one, one.replaceAll('-', '')])))];
  check('something was looked for', words.length >= 9 && server.log.includes('claimPairing'), words.length);
  equal('no secret is in the log, the audit or the database', words.filter((one) => everything.includes(one)), []);
  equal('no address of a person is in the log', /example\.org|Müller/.test(server.log), false);
});
