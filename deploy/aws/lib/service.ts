// Nodes of the service behind a load balancer with TLS, and the name that devices know.
import { Duration } from 'aws-cdk-lib';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as elb from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as route53 from 'aws-cdk-lib/aws-route53';
import * as targets from 'aws-cdk-lib/aws-route53-targets';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { Cluster } from './cluster.js';
import { LedgerDatabase } from './ledger.js';
import { Network } from './network.js';
import { NodeGroup } from './node_group.js';
import { Safe, backupKeptDays } from './safe.js';
import { Site, Size } from './settings.js';

export class Service extends Construct {
  readonly nodes: NodeGroup;
  readonly door: elb.ApplicationLoadBalancer;
  readonly targets: elb.ApplicationTargetGroup;

  constructor(scope: Construct, id: string, site: Site, size: Size, network: Network, safe: Safe, cluster: Cluster, ledger: LedgerDatabase, topic: sns.ITopic) {
    super(scope, id);
    this.nodes = new NodeGroup(this, 'Nodes', {
      site, network, safe, topic, role: 'service', arm: false, instance: size.serviceInstance, group: network.service,
      zones: site.zones.slice(0, 2), min: size.serviceNodes.min, max: size.serviceNodes.max, rollTogether: true,
      artifacts: { BOATHOUSE: site.artifacts.boathouse, RDS_CA: site.artifacts.rdsCa },
      environment: {
        BOATHOUSE_HOST: 'service.boathouse.internal',
        BOATHOUSE_VPC_CIDR: network.vpc.vpcCidrBlock,
        BOATHOUSE_LEDGER: ledger.url,
        BOATHOUSE_CLICKHOUSE: cluster.urls.join(','),
        BOATHOUSE_BACKUP_KEPT_DAYS: String(backupKeptDays),
        BOATHOUSE_LEDGER_SECRET: ledger.database.secret!.secretArn,
        BOATHOUSE_CLICKHOUSE_SECRET: safe.clickhousePassword.secretArn,
        BOATHOUSE_PEPPER_SECRET: safe.pepper.secretArn,
        BOATHOUSE_OPERATOR_KEY_SECRET: safe.operatorKey.ref,
      },
    });
    for (const secret of [safe.pepper, safe.clickhousePassword, ledger.database.secret!]) this.nodes.mayReadSecret(secret.secretArn);
    this.nodes.role.addToPolicy(new iam.PolicyStatement({ actions: ['secretsmanager:PutSecretValue'], resources: [safe.operatorKey.ref] }));
    this.nodes.mayUseKey(safe.key);
    // It makes the tables on both replicas at its first start.
    this.nodes.group.node.addDependency(ledger.database, ...cluster.replicas.map(({ group }) => group));
    this.nodes.group.scaleOnCpuUtilization('Cpu', { targetUtilizationPercent: 60, cooldown: Duration.minutes(5) });

    const zone = route53.HostedZone.fromHostedZoneAttributes(this, 'Zone', { hostedZoneId: site.hostedZoneId, zoneName: site.hostedZoneName });
    const certificate = new acm.Certificate(this, 'Certificate', { domainName: site.domain, validation: acm.CertificateValidation.fromDns(zone) });
    this.door = new elb.ApplicationLoadBalancer(this, 'Door', {
      vpc: network.vpc, internetFacing: true, securityGroup: network.loadBalancer, deletionProtection: true, dropInvalidHeaderFields: true,
      vpcSubnets: { subnetGroupName: 'public', availabilityZones: site.zones.slice(0, 2) },
      idleTimeout: Duration.seconds(120),
    });
    this.door.logAccessLogs(safe.accessLogs, 'door');
    const listener = this.door.addListener('Https', {
      port: 443, protocol: elb.ApplicationProtocol.HTTPS, certificates: [certificate], sslPolicy: elb.SslPolicy.TLS13_RES, open: false,
    });
    // /healthz, not /readyz: uploads are taken in while ClickHouse is down, so a node that cannot reach it must stay.
    this.targets = listener.addTargets('Nodes', {
      port: 8443, protocol: elb.ApplicationProtocol.HTTPS, targets: [this.nodes.group], deregistrationDelay: Duration.seconds(30),
      healthCheck: { path: '/healthz', protocol: elb.Protocol.HTTPS, healthyHttpCodes: '200', interval: Duration.seconds(10), healthyThresholdCount: 2, unhealthyThresholdCount: 3 },
    });
    new route53.ARecord(this, 'Name', { zone, recordName: `${site.domain}.`, target: route53.RecordTarget.fromAlias(new targets.LoadBalancerTarget(this.door)) });
  }
}
