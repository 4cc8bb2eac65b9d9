// ClickHouse's own server finds damage in the middle of an answer whose first rows are on their way: 200, chunked, compressed, an error behind the rows. Nobody is
// told that half is all.
import fs from 'node:fs';
import path from 'node:path';
import { Server, check, equal, main, run, runAsync, temporaryFolder } from '../e2e/boathouse.mjs';
import { ClickHouse, passwords } from './clickhouse_server.mjs';

await main(async () => {
  const folder = temporaryFolder();
  const clickhouse = await new ClickHouse(path.join(folder, 'clickhouse')).start();
  const passwordFile = path.join(folder, 'password');
  fs.writeFileSync(passwordFile, passwords.boathouse, { mode: 0o600 });
  const server = await new Server(path.join(folder, 'cloud'), { extra: ['--clickhouse', clickhouse.url, '--clickhouse-user', 'boathouse', '--clickhouse-read-user', 'boathouse-reader',
    '--clickhouse-password-file', passwordFile] }).start();
  const key = server.key('Anna');
  const device = path.join(folder, 'device');
  run(['device', 'record', '--data', device], { input: run(['pm5', 'simulate', '--type', '2', '--minutes', '300']).out });
  equal('a long workout is sent', (await runAsync(['device', 'sync', '--data', device, '--server', server.url, '--key', key])).code, 0);
  equal('and loaded', (await runAsync(['reconcile', '--wait', '60', '--server', server.url, '--key', key])).code, 0);
  const [session] = await server.sessions(key);
  const answer = async (what) => {
    const reply = await server.get(`/v1/sessions/${session.id}/${what}`, key);
    let length = 0;
    try {
      for await (const piece of reply.body) length += piece.length;
      return { status: reply.status, whole: true, length };
    } catch {
      return { status: reply.status, whole: false, length };
    }
  };
  const good = await answer('export.csv');
  check('its export is whole', good.status === 200 && good.whole && good.length > 1e6, good);

  await clickhouse.rows('OPTIMIZE TABLE sample FINAL');
  const [[part]] = await clickhouse.rows("SELECT path FROM system.parts WHERE active AND table = 'sample'");
  const file = path.join(part, 'data.bin');
  const bytes = fs.readFileSync(file);
  for (let at = Math.floor(bytes.length * 0.95); at < bytes.length; ++at) bytes[at] ^= 0x5a;
  fs.writeFileSync(file, bytes);
  await clickhouse.rows('SYSTEM DROP MARK CACHE');
  const broken = await answer('export.csv');
  check('with a damaged end it breaks off behind its first rows, and does not end as if that were all', !broken.whole && broken.length > 0 && broken.length < good.length, broken);
  const samples = await answer('samples');
  check('JSON neither', samples.status >= 500 || !samples.whole, samples);
  check('the log says what is damaged and what helps', /cannot read what it has: .*Checksum doesn't match.*boathouse reload/.test(server.log), server.log.slice(-2000));
});
