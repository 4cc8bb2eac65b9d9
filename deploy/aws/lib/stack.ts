// The whole of Boathouse on AWS, for one site.
import { CfnOutput, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as subscriptions from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import { Cluster } from './cluster.js';
import { LedgerDatabase, ledgerPort } from './ledger.js';
import { Network } from './network.js';
import { Safe } from './safe.js';
import { Service } from './service.js';
import { Site, sizes } from './settings.js';
import { Watch } from './watch.js';

export class BoathouseStack extends Stack {
  private readonly zones: string[];

  constructor(scope: Construct, id: string, site: Site) {
    super(scope, id, {
      env: { account: site.account, region: site.region },
      description: `Boathouse, ${site.size}`,
      terminationProtection: true,
      tags: { project: 'boathouse' },
    });
    this.zones = site.zones;
    const size = sizes[site.size];
    const safe = new Safe(this, 'Safe');
    const topic = new sns.Topic(this, 'Alarms', { masterKey: safe.key, enforceSSL: true });
    topic.addToResourcePolicy(new iam.PolicyStatement({
      principals: ['cloudwatch.amazonaws.com', 'events.rds.amazonaws.com'].map((name) => new iam.ServicePrincipal(name)), actions: ['sns:Publish'], resources: [topic.topicArn],
      conditions: { StringEquals: { 'aws:SourceAccount': site.account } },
    }));
    topic.addSubscription(new subscriptions.EmailSubscription(site.operatorEmail));
    const network = new Network(this, 'Network', site, size, safe.key, ledgerPort);
    const ledger = new LedgerDatabase(this, 'Ledger', size, network, safe);
    const cluster = new Cluster(this, 'Cluster', site, size, network, safe, topic);
    const service = new Service(this, 'Service', site, size, network, safe, cluster, ledger, topic);
    new Watch(this, 'Watch', site, size, network, safe, topic, cluster, ledger, service);
    new CfnOutput(this, 'Url', { value: `https://${site.domain}` });
    new CfnOutput(this, 'OperatorKeySecret', { value: safe.operatorKey.ref });
    new CfnOutput(this, 'BackupBucket', { value: safe.backups.bucketName });
  }

  // The site names them: nobody is asked.
  override get availabilityZones(): string[] {
    return this.zones;
  }
}
