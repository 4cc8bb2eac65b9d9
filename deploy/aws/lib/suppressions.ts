// What cdk-nag finds and we leave as it is, each with its reason. Nothing is suppressed for the stack as a whole.
import { Stack } from 'aws-cdk-lib';
import { NagPackSuppression, NagSuppressions } from 'cdk-nag';
import { NodeGroup } from './node_group.js';
import { sizes, Site } from './settings.js';

export function acknowledge(stack: Stack, site: Site): void {
  const at = (path: string, ...suppressions: NagPackSuppression[]): void =>
    NagSuppressions.addResourceSuppressionsByPath(stack, `/${stack.node.path}/${path}`, suppressions);

  at('Network/LoadBalancer/Resource', {
    id: 'AwsSolutions-EC23',
    reason: 'Phones of athletes come from any address. This group opens port 443 of the load balancer alone; every request needs a key.',
  });
  at('Safe/Pepper/Resource', {
    id: 'AwsSolutions-SMG4',
    reason: 'Every API key in the database is hashed with the pepper: a new one would make all keys of all athletes invalid at once.',
  });
  at('Safe/OperatorKey', {
    id: 'AwsSolutions-SMG4',
    reason: 'The key is made by the service, which alone can rotate it (POST /v1/keys/{id}/rotate); the runbook says how and when.',
  });
  for (const name of ['ClickHousePassword', 'InterserverPassword']) {
    at(`Safe/${name}/Resource`, {
      id: 'AwsSolutions-SMG4',
      reason: 'Both ends read it at their start, so it changes together with them: the runbook rotates it by hand, replica by replica. It is of use in the private subnets alone.',
    });
  }
  at('Ledger/Database/Secret/Resource', {
    id: 'AwsSolutions-SMG4',
    reason: 'A rotation between two starts would lock the nodes out of the ledger, and with it every upload; the runbook rotates it by hand. It is of use in the private subnets alone.',
  });
  if (!sizes[site.size].ledgerMultiAz) {
    at('Ledger/Database/Resource', {
      id: 'AwsSolutions-RDS3',
      reason: 'The small size trades minutes of waiting after the loss of a zone for half of the database\'s price: devices keep what is in no verified backup and send it again. The large size is Multi-AZ.',
    });
  }

  for (const node of stack.node.findAll()) {
    if (!(node instanceof NodeGroup)) continue;
    NagSuppressions.addResourceSuppressions(node.role, [
      {
        id: 'AwsSolutions-IAM4',
        appliesTo: ['Policy::arn:<AWS::Partition>:iam::aws:policy/AmazonSSMManagedInstanceCore'],
        reason: 'AWS keeps this list of what the Session Manager\'s agent calls; a copy of ours would go stale and lock the operator out. It replaces SSH.',
      },
    ], true);
    const owner = /^(?:(Keeper|Replica)(\d)|Prometheus)$/.exec(node.node.id);
    if (owner) {
      NagSuppressions.addResourceSuppressions(node.role, [{
        id: 'AwsSolutions-IAM5',
        appliesTo: [`Resource::arn:aws:ec2:${site.region}:${site.account}:instance/*`],
        reason: 'The id of the next instance is not known; a condition allows those with this stack\'s tag alone, and the volume is named.',
      }], true);
    }
    if (owner?.[1] === 'Replica') {
      NagSuppressions.addResourceSuppressions(node.role, [{
        id: 'AwsSolutions-IAM5',
        appliesTo: [{ regex: `/^Resource::<SafeCold[0-9A-F]+\\.Arn>/replica-${owner[2]}[A-Za-z0-9]*/\\*$/` }, { regex: '/^Resource::<SafeBackups[0-9A-F]+\\.Arn>/clickhouse/\\*(/\\.lock)?$/' }],
        reason: 'ClickHouse names its own objects; each replica reaches its own prefix of the cold bucket, and may write below clickhouse/ of the backups, and delete the lock of its own backup alone.',
      }], true);
    }
    if (node.node.path.endsWith('Watch/Prometheus')) {
      NagSuppressions.addResourceSuppressions(node.role, [{
        id: 'AwsSolutions-IAM5',
        appliesTo: ['Resource::*'],
        reason: 'ec2:DescribeInstances, ec2:DescribeAvailabilityZones (Prometheus finds its targets with them) and cloudwatch:PutMetricData know no resources; the last is for our namespace alone.',
      }, {
        id: 'AwsSolutions-IAM5',
        appliesTo: [{ regex: '/^Resource::<SafeBackups[0-9A-F]+\\.Arn>/ledger/\\*$/' }],
        reason: 'A backup\'s files are named by their time and hash. The node may write and read below ledger/, never delete there.',
      }], true);
    }
  }
}
