// Who is told, and of what: alarms of AWS' own numbers, the budget, and the node that runs Prometheus, the ledger's backups and the nightly
// comparison: a service node needs no right on a backup.
import { Duration, RemovalPolicy, Size as Amount, Stack } from 'aws-cdk-lib';
import * as budgets from 'aws-cdk-lib/aws-budgets';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { HttpCodeElb, HttpCodeTarget } from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { Cluster } from './cluster.js';
import { LedgerDatabase } from './ledger.js';
import { Network, internalDomain } from './network.js';
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
    // RDS makes the disk larger when a tenth of it is free, which is never less than a tenth of its first size: half of that says that it did not. How near the
    // disk is to ledgerStorageMaxGb no metric says (there is none of its size), but RDS itself does, below.
    alarm('LedgerSpace', ledger.database.metricFreeStorageSpace({ ...minute, statistic: 'Minimum' }), (size.ledgerStorageGb / 20) * gib, false, 15, 'The ledger\'s disk is nearly full and does not grow.', BREACHING);
    new rds.CfnEventSubscription(this, 'LedgerEvents', {
      snsTopicArn: topic.topicArn, sourceType: 'db-instance', sourceIds: [ledger.database.instanceIdentifier], eventCategories: ['low storage', 'failure'],
    });
    alarm('LedgerCpu', ledger.database.metricCPUUtilization({ ...minute, statistic: 'Average' }), 85, true, 30, 'The ledger\'s processor is busy.');
    alarm('LedgerMemory', ledger.database.metricFreeableMemory({ ...minute, statistic: 'Minimum' }), gib / 4, false, 30, 'The ledger has little memory.');
    alarm('LedgerConnections', ledger.database.metricDatabaseConnections({ ...minute, statistic: 'Maximum' }), 200, true, 10, 'More connections to the ledger than all nodes need.');
    const gone = (node: NodeGroup, least: number): void => {
      const name = node.node.id;
      alarm(`${name}Gone`, new cloudwatch.Metric({
        namespace: 'AWS/AutoScaling', metricName: 'GroupInServiceInstances', dimensionsMap: { AutoScalingGroupName: node.group.autoScalingGroupName }, statistic: 'Minimum', ...minute,
      }), least, false, 15, `${name}: a machine is missing and none has taken its place.`, BREACHING);
    };
    for (const node of [...cluster.replicas, ...cluster.keepers]) gone(node, 1);
    gone(service.nodes, size.serviceNodes.min);
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

    // The ledger's backups, before they go to the bucket: a new machine goes on where the last one was.
    const volume = new ec2.Volume(this, `BackupVolume${site.newVolumes?.Monitor ?? ''}`, {
      availabilityZone: site.zones[0]!, encrypted: true, encryptionKey: safe.key, volumeType: ec2.EbsDeviceVolumeType.GP3,
      size: Amount.gibibytes(size.backupVolumeGb), removalPolicy: RemovalPolicy.RETAIN,
    });
    // amd64: it runs the same program as the service.
    const prometheus = new NodeGroup(this, 'Prometheus', {
      site, network, safe, topic, role: 'monitor', arm: false, instance: size.monitorInstance, group: network.monitor,
      zones: site.zones.slice(0, 1), min: 1, max: 1, artifacts: { BOATHOUSE: site.artifacts.boathouse, RDS_CA: site.artifacts.rdsCa },
      environment: {
        BOATHOUSE_URL: `https://${site.domain}`,
        BOATHOUSE_LEDGER: ledger.url,
        BOATHOUSE_LEDGER_SECRET: ledger.database.secret!.secretArn,
        BOATHOUSE_BACKUP_BUCKET: safe.backups.bucketName,
        BOATHOUSE_VOLUME: volume.volumeId,
        BOATHOUSE_HOST: `monitor.${internalDomain}`,
        BOATHOUSE_OPERATOR_KEY_SECRET: safe.operatorKey.ref,
        BOATHOUSE_ALARM_TOPIC: topic.topicArn,
      },
    });
    gone(prometheus, 1); // nobody else would say that the ledger's backups have stopped
    // Nor that there are no alerts any more: the node says each minute that both programs answer (deploy/cloud-init/watch-monitor), and only that.
    const namespace = 'Boathouse';
    alarm('PrometheusSilent', new cloudwatch.Metric({
      namespace, metricName: 'MonitorAnswers', dimensionsMap: { Stack: Stack.of(this).stackName }, statistic: 'Sum', ...minute,
    }), 1, false, 15, 'Prometheus or its alert manager does not answer, so no other alert comes.', BREACHING);
    prometheus.role.addToPolicy(new iam.PolicyStatement({
      actions: ['cloudwatch:PutMetricData'], resources: ['*'], conditions: { StringEquals: { 'cloudwatch:namespace': namespace } },
    }));
    prometheus.ownsVolume(volume, safe.key);
    prometheus.mayReadSecret(safe.operatorKey.ref);
    prometheus.mayReadSecret(ledger.database.secret!.secretArn);
    // It writes the ledger's backups, sees which are there and reads them back for a restore; it cannot delete one.
    prometheus.role.addToPolicy(new iam.PolicyStatement({
      actions: ['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'], resources: [safe.backups.arnForObjects('ledger/*')],
    }));
    // ClickHouse's backup reads there which of the ledger's it goes with.
    prometheus.role.addToPolicy(new iam.PolicyStatement({ actions: ['s3:PutObject'], resources: [safe.backups.arnForObjects('clickhouse/newest-ledger.json')] }));
    prometheus.role.addToPolicy(new iam.PolicyStatement({
      actions: ['s3:ListBucket'], resources: [safe.backups.bucketArn], conditions: { StringLike: { 's3:prefix': 'ledger/*' } },
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
