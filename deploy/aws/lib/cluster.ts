// ClickHouse: two replicas in two zones, three Keepers in three, each with a volume that outlives its machine.
import { RemovalPolicy, Size as Amount } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Stack } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { Network, internalDomain } from './network.js';
import { NodeGroup } from './node_group.js';
import { Safe } from './safe.js';
import { Site, Size } from './settings.js';

export class Cluster extends Construct {
  // Of each replica: the service spreads its reads and goes to the other by ClickHouse's own codes, which a load balancer does not read. TLS from
  // end to end: the replicas have certificates of the internal authority, which the service's nodes trust.
  readonly urls: string[] = [];
  readonly replicas: NodeGroup[] = [];
  readonly keepers: NodeGroup[] = [];

  constructor(scope: Construct, id: string, site: Site, size: Size, network: Network, safe: Safe, topic: sns.ITopic) {
    super(scope, id);
    const region = Stack.of(this).region;
    const node = (kind: 'clickhouse' | 'keeper', number: number, environment: Record<string, string>): NodeGroup => {
      const zone = site.zones[number - 1]!;
      const host = `${kind}-${number}.${internalDomain}`;
      const name = `${kind === 'keeper' ? 'Keeper' : 'Replica'}${number}`;
      const volume = new ec2.Volume(this, `${name}Volume${site.newVolumes?.[name] ?? ''}`, {
        availabilityZone: zone, encrypted: true, encryptionKey: safe.key, volumeType: ec2.EbsDeviceVolumeType.GP3,
        size: Amount.gibibytes(kind === 'keeper' ? size.keeperVolumeGb : size.clickhouseVolumeGb), removalPolicy: RemovalPolicy.RETAIN,
      });
      const group = new NodeGroup(this, name, {
        site, network, safe, topic, role: kind, arm: true, zones: [zone], min: 1, max: 1,
        instance: kind === 'keeper' ? size.keeperInstance : size.clickhouseInstance,
        group: kind === 'keeper' ? network.keeper : network.clickhouse,
        artifacts: { CLICKHOUSE: site.artifacts.clickhouseArm64 },
        environment: {
          BOATHOUSE_HOST: host, BOATHOUSE_VOLUME: volume.volumeId, BOATHOUSE_ZONE: network.names.hostedZoneId, ...environment,
        },
      });
      group.ownsVolume(volume, safe.key);
      group.ownsName(network.names.hostedZoneArn, host);
      return group;
    };

    for (const number of [1, 2, 3]) this.keepers.push(node('keeper', number, { BOATHOUSE_KEEPER_ID: String(number) }));
    for (const number of [1, 2]) {
      // What lies in S3 means nothing without the volume that says of which parts it is. So a new volume has a place of its own there, and what the lost one
      // had can be removed as a whole (docs/operations/runbooks.md, "Rebuild a replica").
      const place = `replica-${number}${site.newVolumes?.[`Replica${number}`] ?? ''}/`;
      const replica = node('clickhouse', number, {
        BOATHOUSE_VPC_CIDR: network.vpc.vpcCidrBlock,
        BOATHOUSE_COLD_ENDPOINT: `https://${safe.cold.bucketName}.s3.${region}.amazonaws.com/${place}`,
        BOATHOUSE_BACKUP_ENDPOINT: `https://${safe.backups.bucketName}.s3.${region}.amazonaws.com`,
        BOATHOUSE_CLICKHOUSE_SECRET: safe.clickhousePassword.secretArn,
        BOATHOUSE_INTERSERVER_SECRET: safe.interserverPassword.secretArn,
      });
      for (const secret of [safe.clickhousePassword, safe.interserverPassword]) replica.mayReadSecret(secret.secretArn);
      replica.role.addToPolicy(new iam.PolicyStatement({
        actions: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'],
        resources: [safe.cold.arnForObjects(`${place}*`)],
      }));
      replica.role.addToPolicy(new iam.PolicyStatement({
        actions: ['s3:ListBucket'], resources: [safe.cold.bucketArn], conditions: { StringLike: { 's3:prefix': `${place}*` } },
      }));
      // It writes backups and reads them for the next increment; nothing that runs may delete one. BACKUP ends with the removal of its own
      // lock, and fails when it may not; in a versioned bucket that leaves a marker, and no version goes before its time.
      replica.role.addToPolicy(new iam.PolicyStatement({
        actions: ['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'],
        resources: [safe.backups.arnForObjects('clickhouse/*')],
      }));
      replica.role.addToPolicy(new iam.PolicyStatement({
        actions: ['s3:DeleteObject'], resources: [safe.backups.arnForObjects('clickhouse/*/.lock')],
      }));
      replica.role.addToPolicy(new iam.PolicyStatement({
        actions: ['s3:ListBucket'], resources: [safe.backups.bucketArn], conditions: { StringLike: { 's3:prefix': 'clickhouse/*' } },
      }));
      replica.mayUseKey(safe.backupKey);
      this.replicas.push(replica);
      this.urls.push(`https://clickhouse-${number}.${internalDomain}:8443`);
    }
    // One after the other: an update of the stack goes on to the next node only when the one before has said that it works.
    const order = [...this.keepers, ...this.replicas];
    order.slice(1).forEach((later, i) => later.group.node.addDependency(order[i]!.group));
  }
}
