// The VPC, who may speak to whom, and the names inside it.
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as route53 from 'aws-cdk-lib/aws-route53';
import { RemovalPolicy } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { Site, Size } from './settings.js';

export const internalDomain = 'boathouse.internal';

export class Network extends Construct {
  readonly vpc: ec2.Vpc;
  readonly storage: ec2.GatewayVpcEndpoint;
  readonly names: route53.PrivateHostedZone;
  readonly loadBalancer: ec2.SecurityGroup;
  readonly service: ec2.SecurityGroup;
  readonly clickhouse: ec2.SecurityGroup;
  readonly keeper: ec2.SecurityGroup;
  readonly ledger: ec2.SecurityGroup;
  readonly monitor: ec2.SecurityGroup;

  constructor(scope: Construct, id: string, site: Site, size: Size, key: kms.IKey, ledgerPort: number) {
    super(scope, id);
    this.vpc = new ec2.Vpc(this, 'Vpc', {
      ipAddresses: ec2.IpAddresses.cidr('10.20.0.0/16'),
      availabilityZones: site.zones,
      natGateways: size.natGateways,
      restrictDefaultSecurityGroup: false, // it would need a function of its own; no rule of ours uses the default group
      subnetConfiguration: [
        { name: 'public', subnetType: ec2.SubnetType.PUBLIC, cidrMask: 24, mapPublicIpOnLaunch: false },
        { name: 'nodes', subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 22 },
        { name: 'ledger', subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask: 24 },
      ],
    });
    // Backups and cold parts do not pass the NAT gateway, which is paid by the byte.
    this.storage = this.vpc.addGatewayEndpoint('S3', { service: ec2.GatewayVpcEndpointAwsService.S3 });
    const flows = new logs.LogGroup(this, 'Flows', {
      encryptionKey: key, retention: logs.RetentionDays.ONE_MONTH, removalPolicy: RemovalPolicy.DESTROY,
    });
    // What was refused tells of an attack or of a rule that is missing; everything would cost more than the nodes.
    this.vpc.addFlowLog('Refused', {
      destination: ec2.FlowLogDestination.toCloudWatchLogs(flows), trafficType: ec2.FlowLogTrafficType.REJECT,
    });
    this.names = new route53.PrivateHostedZone(this, 'Names', { zoneName: internalDomain, vpc: this.vpc });

    const group = (name: string, description: string, toInternet: boolean): ec2.SecurityGroup => {
      const made = new ec2.SecurityGroup(this, name, { vpc: this.vpc, description, allowAllOutbound: false });
      if (toInternet) {
        made.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), 'AWS, and webhooks');
        made.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(80), 'Debian packages, which are signed');
      }
      return made;
    };
    this.loadBalancer = group('LoadBalancer', 'The one door from outside', false);
    this.service = group('Service', 'Nodes that run boathouse serve', true);
    this.clickhouse = group('ClickHouse', 'ClickHouse replicas', true);
    this.keeper = group('Keeper', 'ClickHouse Keepers', true);
    this.ledger = group('Ledger', 'PostgreSQL', false);
    this.monitor = group('Monitor', 'Prometheus', true);

    const allow = (from: ec2.SecurityGroup, to: ec2.SecurityGroup, port: number, why: string): void => {
      to.addIngressRule(from, ec2.Port.tcp(port), why);
      from.addEgressRule(to, ec2.Port.tcp(port), why);
    };
    this.loadBalancer.addIngressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), 'Devices, pages, programs');
    allow(this.loadBalancer, this.service, 8443, 'Requests');
    allow(this.service, this.ledger, ledgerPort, 'Ledger');
    allow(this.service, this.clickhouse, 8443, 'Loads and queries');
    for (const [port, why] of [[9440, 'Statements ON CLUSTER'], [9010, 'Parts'], [8443, 'A replica asks itself at boot']] as const) {
      allow(this.clickhouse, this.clickhouse, port, why);
    }
    allow(this.clickhouse, this.keeper, 9281, 'Coordination');
    allow(this.keeper, this.keeper, 9234, 'Raft');
    allow(this.monitor, this.ledger, ledgerPort, 'Backups of the ledger');
    allow(this.monitor, this.service, 8443, 'Numbers of the service');
    allow(this.monitor, this.clickhouse, 9363, 'Numbers of ClickHouse');
    allow(this.monitor, this.clickhouse, 8124, 'Drill of a restore');
    allow(this.monitor, this.keeper, 9363, 'Numbers of the Keepers');
    for (const node of [this.service, this.clickhouse, this.keeper, this.monitor]) allow(this.monitor, node, 9100, 'Numbers of the machine');
  }
}
