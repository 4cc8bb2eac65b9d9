// A group of machines of one role: Debian, no public address, no SSH, IMDSv2, encrypted disks, rights of its role alone.
import { Duration, Stack, Tags } from 'aws-cdk-lib';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { bootData, roleFiles } from './boot.js';
import { Network } from './network.js';
import { Safe } from './safe.js';
import { Artifact, Site } from './settings.js';

export interface NodeGroupProps {
  site: Site;
  network: Network;
  safe: Safe;
  topic: sns.ITopic;
  role: keyof typeof roleFiles;
  instance: string;
  arm: boolean;
  group: ec2.SecurityGroup;
  zones: string[];
  min: number;
  max: number;
  artifacts: Record<string, Artifact>;
  environment: Record<string, string>;
  rollTogether?: boolean; // whether a new one is started before an old one goes; not where each has its own volume
}

export class NodeGroup extends Construct {
  readonly role: iam.Role;
  readonly group: autoscaling.AutoScalingGroup;
  private readonly stack = Stack.of(this);

  constructor(scope: Construct, id: string, props: NodeGroupProps) {
    super(scope, id);
    const { site, network, safe } = props;
    const { partition, region, stackName } = this.stack;
    this.role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com'),
      managedPolicies: [iam.ManagedPolicy.fromAwsManagedPolicyName('AmazonSSMManagedInstanceCore')],
    });
    const artifacts: Record<string, Artifact> = { SSM_AGENT: props.arm ? site.artifacts.ssmAgentArm64 : site.artifacts.ssmAgentAmd64, ...props.artifacts };
    this.role.addToPolicy(new iam.PolicyStatement({
      actions: ['s3:GetObject'],
      resources: Object.values(artifacts).map(({ key }) => `arn:${partition}:s3:::${site.artifacts.bucket}/${key}`),
    }));
    this.mayReadSecret(site.tlsSecretArn);

    const template = new ec2.LaunchTemplate(this, 'Template', {
      machineImage: ec2.MachineImage.genericLinux({ [site.region]: props.arm ? site.images.arm64 : site.images.amd64 }),
      instanceType: new ec2.InstanceType(props.instance),
      role: this.role, securityGroup: props.group, associatePublicIpAddress: false,
      requireImdsv2: true, httpPutResponseHopLimit: 1, detailedMonitoring: true, ebsOptimized: true,
      blockDevices: [{
        deviceName: '/dev/xvda',
        volume: ec2.BlockDeviceVolume.ebs(16, { encrypted: true, kmsKey: safe.key, volumeType: ec2.EbsDeviceVolumeType.GP3, deleteOnTermination: true }),
      }],
    });
    const vpcSubnets = { subnetGroupName: 'nodes', availabilityZones: props.zones };
    this.group = new autoscaling.AutoScalingGroup(this, 'Group', {
      vpc: network.vpc, launchTemplate: template, vpcSubnets,
      minCapacity: props.min, maxCapacity: props.max,
      signals: autoscaling.Signals.waitForCount(props.min, { timeout: Duration.minutes(20) }),
      updatePolicy: autoscaling.UpdatePolicy.rollingUpdate({
        minInstancesInService: props.rollTogether ? props.min : 0, maxBatchSize: 1, waitOnResourceSignals: true, pauseTime: Duration.minutes(20),
      }),
      notifications: [{ topic: props.topic, scalingEvents: autoscaling.ScalingEvents.ALL }],
      groupMetrics: [autoscaling.GroupMetrics.all()],
      cooldown: Duration.minutes(5),
      // A node that runs but does not answer is replaced, too, where that costs nothing.
      ...(props.rollTogether ? {
        healthChecks: autoscaling.HealthChecks.withAdditionalChecks({
          additionalTypes: [autoscaling.AdditionalHealthCheckType.ELB], gracePeriod: Duration.minutes(20),
        }),
      } : {}),
    });
    // Its boot fetches packages, secrets and artifacts at once, and a group that names its subnets does not wait for their routes.
    this.group.node.addDependency(network.vpc.selectSubnets(vpcSubnets).internetConnectivityEstablished, network.storage);
    Tags.of(this.group).add('boathouse:role', props.role);
    Tags.of(this.group).add('boathouse:stack', stackName);
    const resource = this.stack.getLogicalId(this.group.node.defaultChild as autoscaling.CfnAutoScalingGroup);
    const environment: Record<string, string> = {
      AWS_REGION: region, AWS_DEFAULT_REGION: region,
      // By itself the command line asks for its credentials once, for a second.
      AWS_METADATA_SERVICE_NUM_ATTEMPTS: '5',
      BOATHOUSE_STACK: stackName, BOATHOUSE_RESOURCE: resource,
      BOATHOUSE_TLS_SECRET: site.tlsSecretArn, BOATHOUSE_ARTIFACT_BUCKET: site.artifacts.bucket,
      ...props.environment,
    };
    for (const [name, artifact] of Object.entries(artifacts)) {
      environment[`BOATHOUSE_ARTIFACT_${name}_KEY`] = artifact.key;
      environment[`BOATHOUSE_ARTIFACT_${name}_SHA256`] = artifact.sha256;
    }
    (template.node.defaultChild as ec2.CfnLaunchTemplate).addPropertyOverride(
      'LaunchTemplateData.UserData', { 'Fn::Base64': this.stack.resolve(bootData(this, props.role, environment).render()) });
  }

  mayReadSecret(arn: string): void {
    this.role.addToPolicy(new iam.PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [arn] }));
  }

  mayUseKey(key: kms.IKey): void {
    this.role.addToPolicy(new iam.PolicyStatement({ actions: ['kms:Decrypt', 'kms:GenerateDataKey'], resources: [key.keyArn] }));
  }

  // This one's own volume, which outlives its machine.
  ownsVolume(volume: ec2.Volume, key: kms.IKey): void {
    const { partition, account, region, stackName } = this.stack;
    // EC2 opens the volume for the instance with the right of who attaches it.
    this.mayUseKey(key);
    this.role.addToPolicy(new iam.PolicyStatement({
      actions: ['kms:CreateGrant'], resources: [key.keyArn], conditions: { Bool: { 'kms:GrantIsForAWSResource': true } },
    }));
    this.role.addToPolicy(new iam.PolicyStatement({
      actions: ['ec2:AttachVolume'], resources: [`arn:${partition}:ec2:${region}:${account}:volume/${volume.volumeId}`],
    }));
    this.role.addToPolicy(new iam.PolicyStatement({
      actions: ['ec2:AttachVolume'], resources: [`arn:${partition}:ec2:${region}:${account}:instance/*`],
      conditions: { StringEquals: { 'ec2:ResourceTag/boathouse:stack': stackName } },
    }));
  }

  // Its own name in the zone.
  ownsName(zoneArn: string, name: string): void {
    this.role.addToPolicy(new iam.PolicyStatement({
      actions: ['route53:ChangeResourceRecordSets'], resources: [zoneArn],
      conditions: {
        'ForAllValues:StringEquals': {
          'route53:ChangeResourceRecordSetsNormalizedRecordNames': [name],
          'route53:ChangeResourceRecordSetsRecordTypes': ['A'],
          'route53:ChangeResourceRecordSetsActions': ['UPSERT'],
        },
      },
    }));
  }
}
