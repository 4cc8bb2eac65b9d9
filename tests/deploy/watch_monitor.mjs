// deploy/cloud-init/watch-monitor: CloudWatch hears of the monitor node while both Prometheus and its alert manager answer, and else nothing.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { atEnd, check, equal, main, temporaryFolder } from '../e2e/boathouse.mjs';

const script = path.join(process.env.BOATHOUSE_SOURCE_DIR, 'deploy/cloud-init/watch-monitor');

async function program() {
  const played = { status: 200 };
  const server = http.createServer((request, reply) => reply.writeHead(request.url === '/-/healthy' ? played.status : 404).end());
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  atEnd(() => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }));
  return Object.assign(played, { url: `http://127.0.0.1:${server.address().port}` });
}

await main(async () => {
  const folder = temporaryFolder();
  const sent = path.join(folder, 'sent');
  fs.writeFileSync(path.join(folder, 'aws'), `#!/bin/sh\necho "$*" >>${sent}\n`, { mode: 0o755 });
  const [prometheus, alertManager] = [await program(), await program()];
  const watch = async (urls = {}) => {
    fs.rmSync(sent, { force: true });
    const child = spawn(script, [], { env: { PATH: `${folder}:${process.env.PATH}`, BOATHOUSE_STACK: 'Boathouse', BOATHOUSE_PROMETHEUS: prometheus.url, BOATHOUSE_ALERT_MANAGER: alertManager.url, ...urls } });
    child.stderr.resume();
    const code = await new Promise((resolve) => { child.on('close', resolve); });
    return { code, sent: fs.existsSync(sent) ? fs.readFileSync(sent, 'utf8') : '' };
  };
  equal('both answer: CloudWatch is told', await watch(), { code: 0, sent: 'cloudwatch put-metric-data --namespace Boathouse --metric-name MonitorAnswers --dimensions Stack=Boathouse --value 1\n' });
  for (const [name, one, variable] of [['Prometheus', prometheus, 'BOATHOUSE_PROMETHEUS'], ['the alert manager', alertManager, 'BOATHOUSE_ALERT_MANAGER']]) {
    one.status = 503;
    const unwell = await watch();
    one.status = 200;
    check(`${name} is not well: it is not told`, unwell.code !== 0 && unwell.sent === '', unwell);
    const gone = await watch({ [variable]: 'http://127.0.0.1:1' });
    check(`${name} is gone: it is not told`, gone.code !== 0 && gone.sent === '', gone);
  }
  check('without a stack nothing is told', (await watch({ BOATHOUSE_STACK: '' })).sent === '');
});
