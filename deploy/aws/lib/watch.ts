// Who is told, and of what: alarms of AWS' own numbers, the budget, and the node that runs Prometheus, the ledger's backups and the nightly
// comparison: a service node needs no right on a backup.
import { Duration } from 'aws-cdk-lib';
import * as budgets from 'aws-cdk-lib/aws-budgets';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { HttpCodeElb, HttpCodeTarget } from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { Cluster } from './cluster.js';
import { LedgerDatabase } from './ledger.js';
import { Network } from './network.js';
import { NodeGroup } from './node_group.js';
import { Safe } from './safe.js';
import { Service } from './service.js';
import { Site, Size } from './settings.js';

export class Watch extends Construct {
  constructor(scope: Construct, id: string, site: Site, size: Size, network: Network, safe: Safe, topic: sns.Topic, cluster: Cluster, ledger: LedgerDatabase, service: Service) {
    super(scope, id);
    const notify = new SnsAction(topic);
    // Missing numbers are a failure where a living thing always sends them.
    const alarm = (name: string, metric: cloudwatch.IMetric, threshold: number, above: boolean, minutes: number, why: string, missing = cloudwatch.TreatMissingData.NOT_BREACHING): void => {
      const made = new cloudwatch.Alarm(this, name, {
        metric, threshold, evaluationPeriods: minutes, alarmDescription: `${why} See docs/operations/runbooks.md.`, treatMissingData: missing,
        comparisonOperator: above ? cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD : cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
      });
      made.addAlarmAction(notify);
      made.addOkAction(notify);
    };
    const minute = { period: Duration.minutes(1) };
    const gib = 2 ** 30;
    const { BREACHING } = cloudwatch.TreatMissingData;
    alarm('NoHealthyNode', service.targets.metrics.healthyHostCount({ ...minute, statistic: 'Minimum' }), 1, false, 3, 'No node of the service answers: devices keep their data and wait.', BREACHING);
    alarm('ServerErrors', service.targets.metrics.httpCodeTarget(HttpCodeTarget.TARGET_5XX_COUNT, { ...minute, statistic: 'Sum' }), 20, true, 5, 'The service answers with errors.');
    alarm('DoorErrors', service.door.metrics.httpCodeElb(HttpCodeElb.ELB_5XX_COUNT, { ...minute, statistic: 'Sum' }), 20, true, 5, 'The load balancer finds nobody who answers.');
    alarm('OneReplica', cluster.targets.metrics.healthyHostCount({ ...minute, statistic: 'Minimum' }), 2, false, 10, 'A ClickHouse replica is away or behind: loads wait for both.', BREACHING);
    alarm('LedgerSpace', ledger.database.metricFreeStorageSpace({ ...minute, statistic: 'Minimum' }), 20 * gib, false, 15, 'The ledger\'s disk is nearly full.', BREACHING);
    alarm('LedgerCpu', ledger.database.metricCPUUtilization({ ...minute, statistic: 'Average' }), 85, true, 30, 'The ledger\'s processor is busy.');
    alarm('LedgerMemory', ledger.database.metricFreeableMemory({ ...minute, statistic: 'Minimum' }), gib / 4, false, 30, 'The ledger has little memory.');
    alarm('LedgerConnections', ledger.database.metricDatabaseConnections({ ...minute, statistic: 'Maximum' }), 200, true, 10, 'More connections to the ledger than all nodes need.');
    [...cluster.replicas, ...cluster.keepers, service.nodes].forEach((node) => {
      const name = node.node.id;
      alarm(`${name}Gone`, new cloudwatch.Metric({
        namespace: 'AWS/AutoScaling', metricName: 'GroupInServiceInstances', dimensionsMap: { AutoScalingGroupName: node.group.autoScalingGroupName }, statistic: 'Minimum', ...minute,
      }), node === service.nodes ? size.serviceNodes.min : 1, false, 15, `${name}: a machine is missing and none has taken its place.`, BREACHING);
    });
    cluster.replicas.forEach((node) => alarm(`${node.node.id}Cpu`, new cloudwatch.Metric({
      namespace: 'AWS/EC2', metricName: 'CPUUtilization', dimensionsMap: { AutoScalingGroupName: node.group.autoScalingGroupName }, statistic: 'Average', ...minute,
    }), 90, true, 30, `${node.node.id}: the processor is busy.`));

    new budgets.CfnBudget(this, 'Budget', {
      budget: { budgetType: 'COST', timeUnit: 'MONTHLY', budgetLimit: { amount: site.monthlyBudgetUsd, unit: 'USD' } },
      notificationsWithSubscribers: ([['ACTUAL', 80], ['ACTUAL', 100], ['FORECASTED', 100]] as const).map(([notificationType, threshold]) => ({
        notification: { notificationType, threshold, thresholdType: 'PERCENTAGE', comparisonOperator: 'GREATER_THAN' },
        subscribers: [{ subscriptionType: 'EMAIL', address: site.operatorEmail }],
      })),
    });

    const prometheus = new NodeGroup(this, 'Prometheus', {
      site, network, safe, topic, role: 'monitor', arm: true, instance: size.monitorInstance, group: network.monitor,
      zones: site.zones.slice(0, 2), min: 1, max: 1, artifacts: { RDS_CA: site.artifacts.rdsCa },
      environment: {
        BOATHOUSE_URL: `https://${site.domain}`,
        BOATHOUSE_LEDGER: ledger.url,
        BOATHOUSE_LEDGER_SECRET: ledger.database.secret!.secretArn,
        BOATHOUSE_BACKUP_BUCKET: safe.backups.bucketName,
        BOATHOUSE_HOST: 'monitor.boathouse.internal',
        BOATHOUSE_OPERATOR_KEY_SECRET: safe.operatorKey.ref,
        BOATHOUSE_ALARM_TOPIC: topic.topicArn,
      },
    });
    prometheus.mayReadSecret(safe.operatorKey.ref);
    prometheus.mayReadSecret(ledger.database.secret!.secretArn);
    // It writes the ledger's backups and can neither read nor delete them.
    prometheus.role.addToPolicy(new iam.PolicyStatement({
      actions: ['s3:PutObject', 's3:AbortMultipartUpload'], resources: [safe.backups.arnForObjects('ledger/*')],
    }));
    prometheus.mayUseKey(safe.backupKey); // an upload in several parts also decrypts
    prometheus.mayUseKey(safe.key); // the secret, and the topic's messages
    prometheus.role.addToPolicy(new iam.PolicyStatement({ actions: ['sns:Publish'], resources: [topic.topicArn] }));
    prometheus.role.addToPolicy(new iam.PolicyStatement({
      actions: ['ec2:DescribeInstances', 'ec2:DescribeAvailabilityZones'], resources: ['*'],
    }));
    prometheus.group.node.addDependency(service.nodes.group); // which makes the key that it reads
  }
}
