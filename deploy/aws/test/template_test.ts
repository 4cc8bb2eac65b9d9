// Both sizes are made without any network; what must hold of them is looked up in the templates. Run by tests/deploy/aws_test.sh.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { App, Aspects } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks } from 'cdk-nag';
import { deployFolder, filesArchive, isShell, maxUserDataBytes, placedContent, roleFiles } from '../lib/boot.js';
import { Site, checkSite, sizes } from '../lib/settings.js';
import { BoathouseStack } from '../lib/stack.js';
import { acknowledge } from '../lib/suppressions.js';

type Json = any; // eslint-disable-line @typescript-eslint/no-explicit-any
let failed = 0;

function check(name: string, body: () => void): void {
  try {
    body();
    console.log(`ok ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`not ok ${name}`);
    console.log(String((error as Error).message).split('\n').slice(0, 20).map((line) => `# ${line}`).join('\n'));
  }
}

// The flags with which it is deployed.
const settings = JSON.parse(fs.readFileSync(path.join(deployFolder(), 'aws/cdk.json'), 'utf8')) as { context: Record<string, unknown> };
const operatorsPage = (name: string): string => fs.readFileSync(path.join(deployFolder(), '../docs', name), 'utf8');
const example = (): Site => JSON.parse(fs.readFileSync(path.join(deployFolder(), 'aws/site.example.json'), 'utf8')) as Site;

function make(size: 'small' | 'large', acknowledged = true): { stack: BoathouseStack; template: Template; resources: (type: string) => Json[] } {
  const site = checkSite({ ...example(), size });
  const app = new App({ context: settings.context });
  const stack = new BoathouseStack(app, 'Boathouse', site);
  if (acknowledged) acknowledge(stack, site);
  Aspects.of(app).add(new AwsSolutionsChecks());
  const template = Template.fromStack(stack);
  return { stack, template, resources: (type) => Object.values(template.findResources(type)) };
}

const properties = (resource: Json): Json => resource.Properties;
const findings = (stack: BoathouseStack): string[] => [
  ...Annotations.fromStack(stack).findError('*', Match.anyValue()),
  ...Annotations.fromStack(stack).findWarning('*', Match.anyValue()),
].map(({ id, entry }) => `${id} ${String(entry.data)}`);

// The text that an instance gets; what is known only at deployment counts with the longest that it can be.
function userData(template: Json): string {
  const value = template.LaunchTemplateData.UserData['Fn::Base64'];
  if (typeof value === 'string') return value;
  return value['Fn::Join'][1].map((piece: Json) => (typeof piece === 'string' ? piece : 'x'.repeat(120))).join('');
}

interface Unpacked {
  content: string;
  mode: string;
}

// With the program that the node uses.
function unpack(archive: Buffer): [string, Unpacked][] {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'boathouse-files-'));
  try {
    const done = spawnSync('tar', ['--extract', '--gzip', '--file', '-', '--directory', folder, '--verbose'], { input: archive });
    assert.equal(done.status, 0, String(done.stderr));
    return done.stdout.toString().trimEnd().split('\n').map((name) => {
      const file = path.join(folder, name);
      return [`/${name}`, { content: fs.readFileSync(file, 'utf8'), mode: `0${(fs.statSync(file).mode & 0o777).toString(8)}` }];
    });
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

for (const size of ['small', 'large'] as const) {
  const { stack, resources } = make(size);
  const all = (type: string): Json[] => {
    const found = resources(type);
    assert.ok(found.length > 0, `no ${type}`);
    return found.map(properties);
  };
  const it = (name: string, body: () => void): void => check(`${size}: ${name}`, body);

  it('cdk-nag finds nothing that is not acknowledged', () => assert.deepEqual(findings(stack), []));

  it('two replicas in two zones, three Keepers in three, each a group of one', () => {
    const groups = all('AWS::AutoScaling::AutoScalingGroup');
    const role = (group: Json): string => group.Tags.find((tag: Json) => tag.Key === 'boathouse:role').Value;
    const count = (name: string): Json[] => groups.filter((group) => role(group) === name);
    assert.equal(count('clickhouse').length, 2);
    assert.equal(count('keeper').length, 3);
    for (const group of [...count('clickhouse'), ...count('keeper')]) {
      assert.deepEqual([group.MinSize, group.MaxSize, group.VPCZoneIdentifier.length], ['1', '1', 1]);
    }
    const zones = (name: string): number => new Set(count(name).map((group) => JSON.stringify(group.VPCZoneIdentifier))).size;
    assert.deepEqual([zones('clickhouse'), zones('keeper')], [2, 3]);
    const [service] = count('service');
    assert.deepEqual([service.MinSize, service.MaxSize, service.VPCZoneIdentifier.length],
      [String(sizes[size].serviceNodes.min), String(sizes[size].serviceNodes.max), 2]);
    assert.ok(sizes[size].serviceNodes.min >= 2);
    assert.ok(sizes[size].serviceNodes.max > sizes[size].serviceNodes.min, 'an update starts a new node before an old one goes');
    assert.match(String(service.HealthCheckType), /ELB/);
  });

  it('a change reaches one node of the cluster after the other', () => {
    const groups = Object.entries(make(size).template.findResources('AWS::AutoScaling::AutoScalingGroup')) as [string, Json][];
    const named = (part: string): [string, Json] => groups.find(([id]) => id.includes(part))!;
    const chain = ['Keeper1', 'Keeper2', 'Keeper3', 'Replica1', 'Replica2'].map(named);
    chain.slice(1).forEach(([id, later], i) => assert.ok(later.DependsOn.includes(chain[i]![0]), `${id} does not wait`));
    for (const [, group] of groups) assert.equal(group.UpdatePolicy.AutoScalingRollingUpdate.WaitOnResourceSignals, true);
  });

  // Its boot fetches Debian's packages, secrets and artifacts at once: it finds the ways out there, and may do what it has to.
  it('no node starts before its ways out and its rights are there', () => {
    const byId = make(size).template.toJSON().Resources as Record<string, Json>;
    const references = (value: Json): string[] => {
      if (typeof value !== 'object' || value === null) return [];
      if (typeof value.Ref === 'string') return [value.Ref];
      if (Array.isArray(value['Fn::GetAtt'])) return [value['Fn::GetAtt'][0]];
      return Object.values(value).flatMap(references);
    };
    const needs = (id: string): string[] => [byId[id].DependsOn ?? [], references(byId[id].Properties)].flat().filter((one) => one in byId);
    const before = (id: string, seen = new Set<string>()): Set<string> => {
      for (const one of needs(id).filter((other) => !seen.has(other))) before(one, seen.add(one));
      return seen;
    };
    const named = (type: string, wanted: (properties: Json) => boolean): string[] => Object.keys(byId).filter((id) => byId[id].Type === type && wanted(byId[id].Properties));
    const groups = named('AWS::AutoScaling::AutoScalingGroup', () => true);
    assert.equal(groups.length, 7);
    for (const group of groups) {
      const earlier = before(group);
      assert.ok(!earlier.has(group), `${group} waits for itself`);
      const { VPCZoneIdentifier: subnets, LaunchTemplate: { LaunchTemplateId: { Ref: template } } } = byId[group].Properties;
      const waitsFor = (what: string, ids: string[]): void => {
        assert.ok(ids.length > 0, `no ${what} of ${group}`);
        for (const id of ids) assert.ok(earlier.has(id), `${group} does not wait for ${id}, ${what}`);
      };
      for (const { Ref: subnet } of subnets) {
        const ofSubnet = named('AWS::EC2::SubnetRouteTableAssociation', ({ SubnetId }) => SubnetId.Ref === subnet);
        const tables = ofSubnet.map((id) => byId[id].Properties.RouteTableId.Ref);
        const routes = named('AWS::EC2::Route', (route) => tables.includes(route.RouteTableId.Ref) && route.DestinationCidrBlock === '0.0.0.0/0');
        waitsFor('the table of its subnet', ofSubnet);
        waitsFor('the way to the internet', routes);
        const [gateway] = routes.map((id) => byId[id].Properties.NatGatewayId.Ref);
        const outside = named('AWS::EC2::SubnetRouteTableAssociation', ({ SubnetId }) => SubnetId.Ref === byId[gateway!].Properties.SubnetId.Ref);
        waitsFor('the gateway\'s own way', [gateway!, ...outside, ...named('AWS::EC2::Route', (route) => route.RouteTableId.Ref === byId[outside[0]!].Properties.RouteTableId.Ref)]);
      }
      waitsFor('the way to S3', named('AWS::EC2::VPCEndpoint', () => true));
      const [profile] = references(byId[template].Properties.LaunchTemplateData.IamInstanceProfile);
      const [role] = references(byId[profile!].Properties.Roles);
      waitsFor('its rights', named('AWS::IAM::Policy', ({ Roles }) => references(Roles).includes(role!)));
    }
  });

  it('every volume and disk is encrypted with our key and gp3', () => {
    for (const volume of all('AWS::EC2::Volume')) {
      assert.equal(volume.Encrypted, true);
      assert.ok(volume.KmsKeyId);
      assert.equal(volume.VolumeType, 'gp3');
    }
    for (const { LaunchTemplateData: data } of all('AWS::EC2::LaunchTemplate')) {
      for (const { Ebs } of data.BlockDeviceMappings) assert.deepEqual([Ebs.Encrypted, Ebs.VolumeType, typeof Ebs.KmsKeyId], [true, 'gp3', 'object']);
    }
  });

  it('what holds data outlives the stack', () => {
    const keeps = ['AWS::EC2::Volume', 'AWS::S3::Bucket', 'AWS::RDS::DBInstance', 'AWS::KMS::Key'].flatMap(resources);
    assert.equal(keeps.length, 6 + 3 + 1 + 2);
    for (const resource of keeps) assert.deepEqual([resource.DeletionPolicy, resource.UpdateReplacePolicy], ['Retain', 'Retain']);
    assert.equal(stack.terminationProtection, true);
  });

  it('every node speaks IMDSv2 alone, has no public address and no SSH key', () => {
    for (const { LaunchTemplateData: data } of all('AWS::EC2::LaunchTemplate')) {
      assert.deepEqual([data.MetadataOptions.HttpTokens, data.MetadataOptions.HttpPutResponseHopLimit], ['required', 1]);
      assert.equal(data.NetworkInterfaces?.[0]?.AssociatePublicIpAddress ?? false, false);
      assert.equal(data.KeyName, undefined);
    }
    for (const subnet of all('AWS::EC2::Subnet')) assert.equal(subnet.MapPublicIpOnLaunch ?? false, false);
  });

  it('only port 443 of the load balancer is open to the world, and port 22 nowhere', () => {
    const open = [];
    for (const group of all('AWS::EC2::SecurityGroup')) {
      for (const rule of group.SecurityGroupIngress ?? []) {
        if (rule.CidrIp === '0.0.0.0/0' || rule.CidrIpv6 === '::/0') open.push([group.GroupDescription, rule.FromPort, rule.ToPort]);
      }
    }
    assert.deepEqual(open, [['The one door from outside', 443, 443]]);
    for (const rule of all('AWS::EC2::SecurityGroupIngress')) {
      assert.ok(rule.SourceSecurityGroupId, 'a rule that names no group');
      assert.ok(!(rule.FromPort <= 22 && rule.ToPort >= 22));
    }
  });

  it('TLS on every listener, the public one with TLS 1.2 or later', () => {
    const byPort = new Map(all('AWS::ElasticLoadBalancingV2::Listener').map((listener) => [listener.Port, listener]));
    assert.deepEqual([...byPort.keys()], [443]);
    assert.deepEqual([byPort.get(443).Protocol, byPort.get(443).SslPolicy], ['HTTPS', 'ELBSecurityPolicy-TLS13-1-2-Res-2021-06']);
    for (const group of all('AWS::ElasticLoadBalancingV2::TargetGroup')) assert.deepEqual([group.Port, group.HealthCheckProtocol], [8443, 'HTTPS']);
  });

  // What the client does about a replica that fails (it spreads reads, goes by ClickHouse's codes) it does only among those that it is told of.
  it('the service knows each replica by its own name, and may speak to it', () => {
    const text = all('AWS::EC2::LaunchTemplate').map(userData).find((one) => one.includes('BOATHOUSE_CLICKHOUSE='))!;
    const urls = /BOATHOUSE_CLICKHOUSE='([^']*)'/.exec(text)![1]!.split(',');
    assert.deepEqual(urls, ['https://clickhouse-1.boathouse.internal:8443', 'https://clickhouse-2.boathouse.internal:8443']);
    // The names that the replicas announce are these.
    const own = all('AWS::EC2::LaunchTemplate').map(userData).map((one) => /BOATHOUSE_HOST='(clickhouse-[^']*)'/.exec(one)?.[1]).filter(Boolean);
    assert.deepEqual(own.sort().map((host) => `https://${host}:8443`), urls);
    const start = fs.readFileSync(path.join(deployFolder(), 'systemd/boathouse-aws.conf'), 'utf8');
    assert.match(start, /--clickhouse \$\{BOATHOUSE_CLICKHOUSE\} .*--clickhouse-cluster boathouse /m);
    const group = (description: string): string => Object.entries(make(size).template.findResources('AWS::EC2::SecurityGroup'))
      .find(([, { Properties }]: [string, Json]) => Properties.GroupDescription === description)![0];
    const [service, clickhouse] = [group('Nodes that run boathouse serve'), group('ClickHouse replicas')];
    const id = (reference: Json): string => reference['Fn::GetAtt'][0];
    assert.ok(all('AWS::EC2::SecurityGroupIngress').some((rule) => id(rule.GroupId) === clickhouse && id(rule.SourceSecurityGroupId) === service && rule.FromPort === 8443));
    assert.ok(all('AWS::EC2::SecurityGroupEgress').some((rule) => id(rule.GroupId) === service && id(rule.DestinationSecurityGroupId) === clickhouse && rule.FromPort === 8443));
  });

  it('a node keeps a connection for longer than the load balancer uses it', () => {
    const attributes: { Key: string; Value: string }[] = all('AWS::ElasticLoadBalancingV2::LoadBalancer')[0].LoadBalancerAttributes;
    const used = Number(attributes.find(({ Key }) => Key === 'idle_timeout.timeout_seconds')!.Value);
    const kept = Number(/^ *keepalive_timeout (\d+)s;$/m.exec(placedContent('nginx/boathouse.conf'))?.[1] ?? 75); // nginx' own
    assert.ok(kept >= used + 10, `${kept} s, ${used} s`);
  });

  it('a node stays in service while ClickHouse is down', () => {
    const group = all('AWS::ElasticLoadBalancingV2::TargetGroup').find(({ Protocol }) => Protocol === 'HTTPS');
    assert.equal(group.HealthCheckPath, '/healthz');
  });

  it('backups are versioned and locked in compliance mode; no bucket is public', () => {
    const buckets = all('AWS::S3::Bucket');
    const locked = buckets.filter(({ ObjectLockEnabled }) => ObjectLockEnabled);
    assert.equal(locked.length, 1);
    assert.deepEqual(locked[0].ObjectLockConfiguration.Rule.DefaultRetention, { Days: 35, Mode: 'COMPLIANCE' });
    assert.equal(locked[0].VersioningConfiguration.Status, 'Enabled');
    for (const bucket of buckets) {
      assert.deepEqual(bucket.PublicAccessBlockConfiguration,
        { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true });
      assert.ok(bucket.BucketEncryption);
    }
    // Every bucket refuses what does not come over TLS.
    const plain = all('AWS::S3::BucketPolicy').filter(({ PolicyDocument }) =>
      PolicyDocument.Statement.some((s: Json) => s.Effect === 'Deny' && s.Condition?.Bool?.['aws:SecureTransport'] === 'false'));
    assert.equal(plain.length, buckets.length);
  });

  it('the service says for how long a backup may have what was erased: longer than the bucket and the database keep it', () => {
    const { Rules } = all('AWS::S3::Bucket').find(({ ObjectLockEnabled }) => ObjectLockEnabled).LifecycleConfiguration;
    const kept = Rules[0].ExpirationInDays + Rules[0].NoncurrentVersionExpiration.NoncurrentDays;
    const template = all('AWS::EC2::LaunchTemplate').find((one) => userData(one).includes('BOATHOUSE_BACKUP_KEPT_DAYS'));
    const said = Number(/BOATHOUSE_BACKUP_KEPT_DAYS='?(\d+)/.exec(userData(template))![1]);
    assert.ok(said >= kept + 4 && said <= kept + 7, `${said}, ${kept}`);
    assert.ok(said > all('AWS::RDS::DBInstance')[0].BackupRetentionPeriod);
  });

  it('nothing that runs may delete or read away a backup', () => {
    const statements = all('AWS::IAM::Policy').flatMap(({ PolicyDocument }) => PolicyDocument.Statement) as Json[];
    const onBackups = statements.filter((s) => JSON.stringify(s.Resource).includes('SafeBackups'));
    assert.ok(onBackups.length >= 5);
    const allowed = ['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts', 's3:ListBucket'];
    // But the lock that BACKUP makes for its own time.
    const ofLocks = onBackups.filter((s) => [s.Resource].flat().every((one: Json) => one['Fn::Join']?.[1].at(-1) === '/clickhouse/*/.lock'));
    assert.deepEqual(ofLocks.map((s) => s.Action), ['s3:DeleteObject', 's3:DeleteObject']);
    for (const statement of onBackups.filter((s) => !ofLocks.includes(s))) {
      for (const action of [statement.Action].flat()) assert.ok(allowed.includes(action), `${action} on the backups`);
    }
  });

  // pg_dump of Debian refuses a newer server: the ledger's backup is the program's own, on the one processor that it is built for.
  it('the node that backs the ledger up has the program, a volume in its zone and a place in the bucket', () => {
    const groups = all('AWS::AutoScaling::AutoScalingGroup').filter((group) => group.Tags.some((tag: Json) => tag.Value === 'monitor'));
    assert.equal(groups.length, 1);
    assert.equal(groups[0].VPCZoneIdentifier.length, 1);
    const template = all('AWS::EC2::LaunchTemplate').find((one) => userData(one).includes('BOATHOUSE_BACKUP_BUCKET'));
    assert.equal(template.LaunchTemplateData.ImageId, example().images.amd64);
    assert.match(userData(template), /BOATHOUSE_ARTIFACT_BOATHOUSE_KEY=/);
    assert.match(userData(template), /BOATHOUSE_VOLUME=/);
    const volume = all('AWS::EC2::Volume').find(({ Size }) => Size === sizes[size].backupVolumeGb && Size > 50);
    assert.equal(volume.AvailabilityZone, example().zones[0]);
    const statements = all('AWS::IAM::Policy').flatMap(({ PolicyDocument }) => PolicyDocument.Statement) as Json[];
    const mayWrite = statements.filter((s) => JSON.stringify(s.Resource).includes('/ledger/*'));
    assert.deepEqual(mayWrite.map(({ Action }) => Action), [['s3:AbortMultipartUpload', 's3:GetObject', 's3:ListMultipartUploadParts', 's3:PutObject']]);
    assert.ok(statements.some((s) => s.Action === 's3:ListBucket' && s.Condition?.StringLike?.['s3:prefix'] === 'ledger/*'));
  });

  it('no role may do everything, or anything to everything', () => {
    for (const { PolicyDocument } of all('AWS::IAM::Policy')) {
      for (const statement of PolicyDocument.Statement) {
        for (const action of [statement.Action].flat()) {
          assert.ok(!action.includes('*'), action);
          if (action === 'cloudwatch:PutMetricData') assert.deepEqual(Object.keys(statement.Condition.StringEquals), ['cloudwatch:namespace']);
          else if (statement.Resource === '*') assert.match(action, /^(ec2:Describe|xray:|logs:)/);
        }
      }
    }
  });

  it(`the ledger is private, encrypted, kept 35 days${size === 'large' ? ' and Multi-AZ' : ''}`, () => {
    const [ledger] = all('AWS::RDS::DBInstance');
    assert.deepEqual([ledger.MultiAZ, ledger.PubliclyAccessible, ledger.StorageEncrypted, ledger.BackupRetentionPeriod, ledger.DeletionProtection, ledger.StorageType],
      [size === 'large', false, true, 35, true, 'gp3']);
    const [parameters] = all('AWS::RDS::DBParameterGroup');
    assert.deepEqual(parameters.Parameters, { 'rds.force_ssl': '1', synchronous_commit: 'on' });
  });

  it('the ledger is of a major version, no minor one: RDS retires those', () => {
    const [{ EngineVersion }] = all('AWS::RDS::DBInstance');
    assert.match(EngineVersion, /^\d+$/);
    assert.equal(all('AWS::RDS::DBParameterGroup')[0].Family, `postgres${EngineVersion}`);
    const byHand = [...operatorsPage('operations/runbooks.md').matchAll(/--engine-version (\S+)/g)].map(([, version]) => version);
    assert.deepEqual(byHand, [EngineVersion]);
  });

  it('every secret and topic is encrypted with our key, every key turns', () => {
    for (const secret of all('AWS::SecretsManager::Secret')) assert.ok(secret.KmsKeyId);
    for (const topic of all('AWS::SNS::Topic')) assert.ok(topic.KmsMasterKeyId);
    for (const key of all('AWS::KMS::Key')) assert.equal(key.EnableKeyRotation, true);
  });

  it('the pepper has the form that the service reads: 64 hex digits', () => {
    const pepper = all('AWS::SecretsManager::Secret').find(({ Description }) => Description.includes('API key can be checked'));
    const { PasswordLength, ExcludeCharacters, ExcludeUppercase, ExcludePunctuation } = pepper.GenerateSecretString;
    const left = [...'0123456789abcdefghijklmnopqrstuvwxyz'].filter((c) => !ExcludeCharacters.includes(c)).join('');
    assert.deepEqual([PasswordLength, left, ExcludeUppercase, ExcludePunctuation], [64, '0123456789abcdef', true, true]);
  });

  it('every alarm tells somebody, also when it is over', () => {
    const alarms = all('AWS::CloudWatch::Alarm');
    const named = Object.keys(make(size).template.findResources('AWS::CloudWatch::Alarm')).map((id) => id.replace(/^Watch/, '').replace(/[0-9A-F]{8}$/, ''));
    assert.deepEqual(named.sort(), ['DoorErrors', 'Keeper1Gone', 'Keeper2Gone', 'Keeper3Gone', 'LedgerConnections', 'LedgerCpu', 'LedgerMemory', 'LedgerSpace',
      'NoHealthyNode', 'NodesGone', 'PrometheusGone', 'PrometheusSilent', 'Replica1Cpu', 'Replica1Gone', 'Replica2Cpu', 'Replica2Gone', 'ServerErrors']);
    const runbooks = operatorsPage('operations/runbooks.md');
    for (const name of named) assert.match(runbooks, new RegExp(`^\\|.*\\b${name}\\b.*\\|`, 'm'), name);
    for (const alarm of alarms) {
      assert.deepEqual([alarm.AlarmActions?.length, alarm.OKActions?.length], [1, 1]);
      assert.match(alarm.AlarmDescription, /See docs\/operations\/runbooks\.md\.$/);
    }
    const [policy] = all('AWS::SNS::TopicPolicy');
    for (const who of ['cloudwatch.amazonaws.com', 'events.rds.amazonaws.com']) {
      assert.ok(policy.PolicyDocument.Statement.some((s: Json) => s.Effect === 'Allow' && s.Action === 'sns:Publish' && [s.Principal.Service].flat().includes(who)), who);
    }
    assert.equal(all('AWS::SNS::Subscription')[0].Endpoint, example().operatorEmail);
  });

  it('the number whose absence is an alarm is the one that the monitor node sends, may send, and can', () => {
    const silent = all('AWS::CloudWatch::Alarm').find(({ MetricName }) => MetricName === 'MonitorAnswers');
    assert.deepEqual([silent.TreatMissingData, silent.ComparisonOperator, silent.Threshold], ['breaching', 'LessThanThreshold', 1]);
    const [, namespace, metric, dimension] = /put-metric-data --namespace (\S+) --metric-name (\S+) --dimensions "(\S+)=\$\{BOATHOUSE_STACK:\?\}" --value 1$/m.exec(placedContent('cloud-init/watch-monitor'))!;
    assert.deepEqual([silent.Namespace, silent.MetricName, silent.Dimensions], [namespace, metric, [{ Name: dimension, Value: stack.stackName }]]);
    const monitor = all('AWS::EC2::LaunchTemplate').map(userData).find((text) => text.includes('monitor.boathouse.internal'))!;
    assert.ok(monitor.includes(`BOATHOUSE_STACK='${stack.stackName}'`));
    const may = all('AWS::IAM::Policy').filter(({ PolicyDocument }) => JSON.stringify(PolicyDocument).includes('cloudwatch:PutMetricData'));
    assert.deepEqual(may.flatMap(({ PolicyDocument }) => PolicyDocument.Statement.filter((s: Json) => s.Action === 'cloudwatch:PutMetricData').map((s: Json) => s.Condition)),
      [{ StringEquals: { 'cloudwatch:namespace': namespace } }]);
    assert.match(JSON.stringify(may[0].Roles), /WatchPrometheusRole/);
    // By AWS' own address: there is no endpoint of CloudWatch in the VPC.
    const group = all('AWS::EC2::SecurityGroup').find(({ GroupDescription }) => GroupDescription === 'Prometheus');
    assert.ok(group.SecurityGroupEgress.some((rule: Json) => rule.CidrIp === '0.0.0.0/0' && rule.FromPort === 443));
    assert.match(placedContent('cloud-init/monitor.sh'), /^systemctl enable --now .*boathouse-watch-monitor\.timer/m);
  });

  it('a full ledger is told of when its disk does not grow any more, not before', () => {
    const [database] = all('AWS::RDS::DBInstance');
    const space = all('AWS::CloudWatch::Alarm').find((alarm: Json) => alarm.MetricName === 'FreeStorageSpace');
    const grows = (Number(database.AllocatedStorage) / 10) * 2 ** 30;  // RDS' own rule, for the smallest that the disk ever is
    assert.ok(space.Threshold <= grows / 2 && space.Threshold > grows / 4, `${space.Threshold} ${grows}`);
    const [events] = all('AWS::RDS::EventSubscription');
    assert.deepEqual([events.SourceType, events.EventCategories, events.SourceIds.length], ['db-instance', ['low storage', 'failure'], 1]);
  });

  it('the budget warns at 80 %, at 100 % and ahead', () => {
    const [budget] = all('AWS::Budgets::Budget');
    assert.equal(budget.Budget.BudgetLimit.Amount, example().monthlyBudgetUsd);
    assert.deepEqual(budget.NotificationsWithSubscribers.map(({ Notification: n }: Json) => [n.NotificationType, n.Threshold]),
      [['ACTUAL', 80], ['ACTUAL', 100], ['FORECASTED', 100]]);
  });

  it('each boot text fits, is a cloud-config, and carries the plain files', () => {
    const texts = all('AWS::EC2::LaunchTemplate').map(userData);
    assert.equal(texts.length, 7);
    const seen = new Map<string, Unpacked>();
    for (const text of texts) {
      assert.ok(Buffer.byteLength(text) < maxUserDataBytes, `${Buffer.byteLength(text)} bytes`);
      assert.ok(text.startsWith('#cloud-config\n{'));
      const config = JSON.parse(text.slice(text.indexOf('\n'))) as { write_files: { path: string; content: string }[] };
      const [environment, files] = config.write_files;
      for (const line of environment!.content.trimEnd().split('\n')) assert.match(line, /^[A-Z0-9_]+='[^']*'$/);
      assert.equal(files!.path, filesArchive);
      const placed = new Map(unpack(Buffer.from(files!.content, 'base64')));
      for (const [target, file] of placed) seen.set(target, file);
      for (const [, name] of placed.get('/usr/local/lib/boathouse/boot')!.content.matchAll(/\$(BOATHOUSE_[A-Z_]+)/g)) {
        assert.ok(environment!.content.includes(`${name}='`), `${name}, which the boot script asks for`);
      }
    }
    for (const { source, target, mode } of Object.values(roleFiles).flat()) {
      assert.deepEqual(seen.get(target), { content: placedContent(source), mode: mode ?? '0644' }, source);
    }
  });

  it('no secret stands in the template', () => {
    for (const text of all('AWS::EC2::LaunchTemplate').map(userData)) assert.doesNotMatch(text, /PASSWORD='|SecretString/);
    for (const secret of all('AWS::SecretsManager::Secret')) assert.equal(secret.SecretString, undefined);
  });
}

// A line of a text within a script may look like a comment. Bash prints a function as it has read it: without comments, and with every text.
check('scripts do the same without their comments', () => {
  const read = (text: string): string => {
    const done = spawnSync('bash', ['-c', `script() {\n${text}\n}\ndeclare -f script`], { encoding: 'utf8' });
    assert.equal(done.status, 0, done.stderr);
    return done.stdout;
  };
  const sources = [...Object.values(roleFiles).flat().map(({ source }) => source), ...Object.keys(roleFiles).map((role) => `cloud-init/${role}.sh`)];
  const texts = new Map(sources.map((source) => [source, fs.readFileSync(path.join(deployFolder(), source), 'utf8')]));
  const scripts = [...texts].filter(([source, text]) => isShell(source, text));
  assert.ok(scripts.length >= 14, String(scripts.length));
  for (const [source, text] of scripts) {
    const placed = placedContent(source);
    assert.equal(read(placed), read(text), source);
    assert.equal(placed.split('\n')[0]!.startsWith('#!'), text.startsWith('#!'), source);
    assert.ok(Buffer.byteLength(placed) < Buffer.byteLength(text), source);
  }
});

check('nothing is left to be looked up at AWS', () => {
  const app = new App({ context: settings.context });
  new BoathouseStack(app, 'Boathouse', example());
  assert.deepEqual(app.synth().manifest.missing ?? [], []);
});

check('cdk-nag does find what is acknowledged', () => {
  const found = findings(make('small', false).stack).join('\n');
  for (const rule of ['EC23', 'IAM4', 'IAM5', 'SMG4', 'RDS3']) assert.ok(found.includes(`AwsSolutions-${rule}`), `${rule} is not found: the check does not run`);
});

check('every acknowledgement has a reason of its own, names its findings, and is of use', () => {
  const { stack } = make('small');
  const reasons = new Map<string, string>();
  for (const resource of Object.values(Template.fromStack(stack).toJSON().Resources) as Json[]) {
    for (const rule of resource.Metadata?.cdk_nag?.rules_to_suppress ?? []) {
      assert.ok(rule.reason.length >= 60 && rule.reason.split(' ').length >= 12, `${rule.id}: ${rule.reason}`);
      if (/IAM[45]/.test(rule.id)) assert.ok(rule.applies_to?.length > 0, `${rule.id} is acknowledged as a whole`);
      reasons.set(rule.reason, rule.id);
    }
  }
  assert.ok(reasons.size >= 9, String(reasons.size));
  assert.equal(stack.templateOptions.metadata?.cdk_nag, undefined);
});

const withNewVolumes = (newVolumes: Record<string, string>): Template =>
  Template.fromStack(new BoathouseStack(new App({ context: settings.context }), 'Boathouse', checkSite({ ...example(), newVolumes })));

check('a node whose volume is lost gets a new one, and nothing else changes', () => {
  const volumes = (newVolumes: Record<string, string>): Record<string, Json> => withNewVolumes(newVolumes).findResources('AWS::EC2::Volume');
  const before = volumes({});
  for (const [node, id] of [['Replica2', /Replica2Volumea/], ['Keeper1', /Keeper1Volumea/], ['Monitor', /BackupVolumea/]] as const) {
    const after = volumes({ [node]: 'a' });
    const fresh = Object.keys(after).filter((one) => !(one in before));
    assert.deepEqual([Object.keys(before).length, Object.keys(after).length, fresh.length, id.test(fresh[0]!)], [6, 6, 1, true], node);
  }
  for (const node of ['Ledger', 'Replica3', 'Monitor1']) assert.throws(() => checkSite({ ...example(), newVolumes: { [node]: 'a' } }), new RegExp(`newVolumes\\.${node} `));
});

check('the new volume of a replica has a place of its own in S3, and that alone may be reached', () => {
  const places = (newVolumes: Record<string, string>): string[][] => {
    const template = withNewVolumes(newVolumes);
    const found = (text: string): string[] => [...text.matchAll(/replica-[12][A-Za-z0-9]*\//g)].map(([place]) => place);
    return [Object.values(template.findResources('AWS::EC2::LaunchTemplate')).flatMap((one: Json) => found(userData(one.Properties))).sort(),
      Object.values(template.findResources('AWS::IAM::Policy')).flatMap((one: Json) => found(JSON.stringify(one.Properties.PolicyDocument))).sort()];
  };
  const twice = (names: string[]): string[] => names.flatMap((name) => [name, name]); // the objects, and their list
  assert.deepEqual(places({}), [['replica-1/', 'replica-2/'], twice(['replica-1/', 'replica-2/'])]);
  assert.deepEqual(places({ Replica2: 'a', Keeper1: 'b' }), [['replica-1/', 'replica-2a/'], twice(['replica-1/', 'replica-2a/'])]);
  const site = checkSite({ ...example(), newVolumes: { Replica1: 'a', Replica2: 'b' } });
  const app = new App({ context: settings.context });
  const stack = new BoathouseStack(app, 'Boathouse', site);
  acknowledge(stack, site);
  Aspects.of(app).add(new AwsSolutionsChecks());
  assert.deepEqual(findings(stack), []);
});

check('a site file that is not right is refused with every wrong field named', () => {
  const wrong = { ...example(), account: '12', zones: ['eu-central-1a', 'eu-central-1a', 'us-east-1a'], domain: 'rowing.example.com' };
  assert.throws(() => checkSite(wrong), /account, zones .*, domain \(must lie in hostedZoneName\)/);
  assert.throws(() => checkSite({} as Site), /size, account, region, .*artifacts\.rdsCa/);
});

process.exit(failed === 0 ? 0 : 1);
