// A recording is `verified` only while queries count it: rows that ClickHouse loses behind the ledger are found by the device's own question,
// long before the hourly comparison, and are loaded again.
import path from 'node:path';
import { Server, check, equal, main, run, runJson, temporaryFolder, until } from './boathouse.mjs';
import { startEngine } from './cloud.mjs';

await main(async () => {
  const folder = temporaryFolder();
  const device = path.join(folder, 'device');
  const engine = await startEngine(path.join(folder, 'engine'));
  const server = await new Server(path.join(folder, 'cloud'), { extra: ['--clickhouse', engine.url] }).start();
  const key = server.key('Anna');
  run(['device', 'record', '--data', device], { input: run(['pm5', 'simulate', '--type', '3', '--minutes', '3', '--seed', '1']).out });
  equal('a workout is synced', run(['device', 'sync', '--data', device, '--server', server.url, '--key', key]).code, 0);

  // The numbers of its seal, as the ledger has them.
  const recording = (await server.getJson('/v1/sessions', key)).json.data[0].id.replace('ses_', '');
  const trail = (await server.getJson(`/v1/recordings/rec_${recording}/trail`, key)).json;
  const streams = trail.streams.filter((one) => one.sealed > 0).map((one) => one.stream);
  check('it has streams', streams.includes('sample'), trail);
  const verify = async (asked) => {
    const reply = await fetch(`${server.url}/v1/sync/verify`, { method: 'POST', body: JSON.stringify({ recordings: [{ rec_id: recording, revision: 1, streams: asked }] }),
      headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json', 'Boathouse-Replica': '018bcfe5-6800-7abc-8def-0123456789ab' } });
    return (await reply.json()).results[0];
  };
  const sealed = Object.fromEntries(trail.streams.filter((one) => one.sealed > 0).map((one) => [one.stream, { count: one.sealed, root: '0'.repeat(64) }]));
  const held = (await verify(sealed)).streams;
  for (const stream of streams) sealed[stream].root = held[stream].root;
  equal('queries count it', (await verify(sealed)).result, 'verified');

  await engine.ask('DELETE FROM sample WHERE 1');
  const lost = await verify(sealed);
  equal('its samples are gone', [lost.result, lost.streams.sample.visible, lost.streams.sample.count], ['stored', 0, sealed.sample.count]);
  await until('they are loaded again, and counted', async () => (await verify(sealed)).result === 'verified');
  equal('all of them', Number(await engine.ask('SELECT count() FROM sample FINAL')), sealed.sample.count);
  check('the log says it', server.log.includes('loading'), server.log);

  await engine.stop('SIGKILL');
  equal('without ClickHouse it is stored', (await verify(sealed)).result, 'stored');
  const whole = runJson(['device', 'verify', '--json', '--data', device]);
  equal('the device is whole', [whole.code, whole.json.problems], [0, 0]);
});
