// PostgreSQL for the ledger: the durable record, and the one thing that cannot be rebuilt from something else.
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as rds from 'aws-cdk-lib/aws-rds';
import { Construct } from 'constructs';
import { Network } from './network.js';
import { Safe } from './safe.js';
import { Size } from './settings.js';

export const ledgerPort = 5433; // not the one that everybody tries first

export class LedgerDatabase extends Construct {
  readonly database: rds.DatabaseInstance;
  readonly url: string; // the password comes from a .pgpass file

  constructor(scope: Construct, id: string, size: Size, network: Network, safe: Safe) {
    super(scope, id);
    // The major version alone: RDS retires minor ones, about one a year, and then makes no new instance of them.
    const engine = rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.VER_16 });
    this.database = new rds.DatabaseInstance(this, 'Database', {
      engine, port: ledgerPort, databaseName: 'boathouse',
      vpc: network.vpc, vpcSubnets: { subnetGroupName: 'ledger' }, securityGroups: [network.ledger], publiclyAccessible: false,
      instanceType: new ec2.InstanceType(size.ledgerInstance), multiAz: size.ledgerMultiAz,
      credentials: rds.Credentials.fromGeneratedSecret('boathouse', { encryptionKey: safe.key }),
      storageType: rds.StorageType.GP3, allocatedStorage: size.ledgerStorageGb, maxAllocatedStorage: size.ledgerStorageMaxGb,
      storageEncrypted: true, storageEncryptionKey: safe.key,
      parameterGroup: new rds.ParameterGroup(this, 'Parameters', {
        engine, description: 'Boathouse ledger', parameters: { 'rds.force_ssl': '1', synchronous_commit: 'on' },
      }),
      backupRetention: Duration.days(35), deleteAutomatedBackups: false, copyTagsToSnapshot: true,
      deletionProtection: true, removalPolicy: RemovalPolicy.RETAIN,
      autoMinorVersionUpgrade: true, iamAuthentication: false,
      enablePerformanceInsights: true, performanceInsightEncryptionKey: safe.key,
      cloudwatchLogsExports: ['postgresql', 'upgrade'],
      caCertificate: rds.CaCertificate.RDS_CA_RSA2048_G1,
    });
    const { hostname } = this.database.instanceEndpoint;
    this.url = `postgresql://boathouse@${hostname}:${ledgerPort}/boathouse?sslmode=verify-full&sslrootcert=/etc/boathouse/rds-ca.pem`;
  }
}
