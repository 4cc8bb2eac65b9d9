// As much of AWS as a node asks at its first boot and afterwards: what an instance is told of itself, secrets, the attachment of a volume, names, the stack's
// signals, metrics, S3. Debian's `aws` talks to it as it would to AWS; signatures are not checked, and neither are rights: those are the template's tests.
import http from 'node:http';
import { objectStore } from './object_store.mjs';

// Listens for metadata at 169.254.169.254 and for everything else at `address`, both of this network namespace. `nodes`: who calls from an address.
// `attach(volume, node)`: gives a node its volume.
export async function playedAws({ address, nodes, attach }) {
  const store = await objectStore();
  const aws = { url: `http://${address}:4566`, secrets: new Map(), names: new Map(), signals: [], metrics: [], objects: store.objects, refused: [] };
  const caller = (request) => nodes.get(request.socket.remoteAddress.replace('::ffff:', ''));

  const about = http.createServer((request, reply) => {
    const node = caller(request);
    const answers = {
      '/latest/meta-data/instance-id': node?.instance, '/latest/meta-data/local-ipv4': node?.address, '/latest/meta-data/iam/security-credentials/': 'node',
      '/latest/meta-data/iam/security-credentials/node': JSON.stringify({ Code: 'Success', Type: 'AWS-HMAC', AccessKeyId: 'k', SecretAccessKey: 's', Token: 't', LastUpdated: '2026-01-01T00:00:00Z', Expiration: '2099-01-01T00:00:00Z' }),
    };
    if (request.method === 'PUT' && request.url === '/latest/api/token') {
      reply.setHeader('X-aws-ec2-metadata-token-ttl-seconds', '21600');
      reply.end('token');
    } else if (request.headers['x-aws-ec2-metadata-token'] !== 'token') {
      reply.writeHead(401).end();  // the stack asks for IMDSv2
    } else if (answers[request.url] === undefined) {
      reply.writeHead(404).end();
    } else {
      reply.end(answers[request.url]);
    }
  });

  const json = (reply, value, status = 200) => { reply.writeHead(status, { 'Content-Type': 'application/x-amz-json-1.1' }); reply.end(JSON.stringify(value)); };
  const xml = (reply, text, status = 200) => { reply.writeHead(status, { 'Content-Type': 'text/xml' }); reply.end(`<?xml version="1.0"?>${text}`); };
  const secret = (reply, target, { SecretId: id, SecretString: value }) => {
    if (target.endsWith('.PutSecretValue')) aws.secrets.set(id, value);
    else if (!target.endsWith('.GetSecretValue')) return json(reply, { __type: 'InvalidAction' }, 400);
    if (!aws.secrets.has(id)) return json(reply, { __type: 'ResourceNotFoundException', message: 'no value' }, 400);
    return json(reply, { ARN: id, Name: id, VersionId: '1', SecretString: aws.secrets.get(id), VersionStages: ['AWSCURRENT'] });
  };
  const action = async (reply, form, node) => {
    if (form.get('Action') === 'AttachVolume') {
      await attach(form.get('VolumeId'), node);
      return xml(reply, `<AttachVolumeResponse><volumeId>${form.get('VolumeId')}</volumeId><instanceId>${form.get('InstanceId')}</instanceId><device>${form.get('Device')}</device><status>attaching</status></AttachVolumeResponse>`);
    }
    if (form.get('Action') === 'SignalResource') {
      aws.signals.push({ node: node.name, resource: form.get('LogicalResourceId'), id: form.get('UniqueId'), status: form.get('Status') });
      return xml(reply, '<SignalResourceResponse><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></SignalResourceResponse>');
    }
    if (form.get('Action') === 'PutMetricData') {
      aws.metrics.push({ node: node.name, name: form.get('MetricData.member.1.MetricName') });
      return xml(reply, '<PutMetricDataResponse><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></PutMetricDataResponse>');
    }
    aws.refused.push(form.get('Action'));
    return xml(reply, '<ErrorResponse><Error><Code>InvalidAction</Code></Error></ErrorResponse>', 400);
  };

  const services = http.createServer((request, reply) => {
    const target = request.headers['x-amz-target'];
    const zone = /^\/2013-04-01\/hostedzone\/[^/]+\/rrset\/?$/.test(request.url);
    const isForm = /x-www-form-urlencoded/.test(request.headers['content-type'] ?? '');
    if (!target && !zone && !isForm) {
      const { port } = new URL(store.url);
      return request.pipe(http.request({ host: '127.0.0.1', port, method: request.method, path: request.url, headers: request.headers }, (answer) => {
        reply.writeHead(answer.statusCode, answer.headers);
        answer.pipe(reply);
      }));
    }
    const pieces = [];
    request.on('data', (piece) => pieces.push(piece));
    request.on('end', () => {
      const body = Buffer.concat(pieces).toString();
      if (target) return secret(reply, target, JSON.parse(body));
      if (isForm) return action(reply, new URLSearchParams(body), caller(request));
      for (const [, name, value] of body.matchAll(/<Name>([^<]*)<\/Name>.*?<Value>([^<]*)<\/Value>/gs)) aws.names.set(name, value);
      return xml(reply, '<ChangeResourceRecordSetsResponse><ChangeInfo><Id>/change/C1</Id><Status>PENDING</Status><SubmittedAt>2026-01-01T00:00:00Z</SubmittedAt></ChangeInfo></ChangeResourceRecordSetsResponse>');
    });
  });

  await Promise.all([[about, 80, '169.254.169.254'], [services, 4566, address]].map(([server, port, host]) => new Promise((resolve) => { server.listen(port, host, resolve); })));
  aws.close = async () => {
    for (const server of [about, services]) {
      server.closeAllConnections();
      await new Promise((resolve) => { server.close(resolve); });
    }
    await store.close();
  };
  return aws;
}
