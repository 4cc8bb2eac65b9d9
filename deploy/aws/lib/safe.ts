// Keys, secrets and buckets: what must outlive every machine.
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as secrets from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';

export const backupLockDays = 35;
const expiredVersionDays = 7;
// How long what was erased may still lie in a backup: it is copied from the monitor node's volume for two days more (backup-ledger
// removes what is older there before it copies), expires, and goes as an expired version; S3 does either at the end of a day. The ledger's own 35 days are fewer.
export const backupKeptDays = 2 + (backupLockDays + 1) + expiredVersionDays + 2;

export class Safe extends Construct {
  readonly key: kms.Key;
  readonly backupKey: kms.Key; // apart: whoever may read the data need not be able to read the backups
  readonly pepper: secrets.Secret;
  readonly clickhousePassword: secrets.Secret;
  readonly interserverPassword: secrets.Secret;
  readonly operatorKey: secrets.CfnSecret;
  readonly backups: s3.Bucket;
  readonly cold: s3.Bucket;
  readonly accessLogs: s3.Bucket;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    const { account, region } = Stack.of(this);
    this.key = new kms.Key(this, 'Key', {
      description: 'Boathouse: volumes, ledger, cold parts, secrets, alarms',
      enableKeyRotation: true, removalPolicy: RemovalPolicy.RETAIN,
    });
    this.backupKey = new kms.Key(this, 'BackupKey', {
      description: 'Boathouse: backups', enableKeyRotation: true, removalPolicy: RemovalPolicy.RETAIN,
    });
    // Groups start instances with encrypted volumes under this role of AWS (docs/deploy-aws.md makes it).
    const groups = new iam.ArnPrincipal(`arn:${Stack.of(this).partition}:iam::${account}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling`);
    this.key.addToResourcePolicy(new iam.PolicyStatement({
      principals: [groups], resources: ['*'],
      actions: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
    }));
    this.key.addToResourcePolicy(new iam.PolicyStatement({
      principals: [groups], resources: ['*'], actions: ['kms:CreateGrant'], conditions: { Bool: { 'kms:GrantIsForAWSResource': true } },
    }));
    this.key.addToResourcePolicy(new iam.PolicyStatement({
      principals: [new iam.ServicePrincipal(`logs.${region}.amazonaws.com`)], resources: ['*'],
      actions: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
      conditions: { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': `arn:${Stack.of(this).partition}:logs:${region}:${account}:*` } },
    }));
    // Alarms go to an encrypted topic.
    this.key.addToResourcePolicy(new iam.PolicyStatement({
      principals: ['cloudwatch.amazonaws.com', 'events.rds.amazonaws.com'].map((name) => new iam.ServicePrincipal(name)), resources: ['*'], actions: ['kms:Decrypt', 'kms:GenerateDataKey*'],
      conditions: { StringEquals: { 'aws:SourceAccount': account } },
    }));

    // 64 hex digits, as the service makes one itself: every node must have the same.
    this.pepper = new secrets.Secret(this, 'Pepper', {
      description: 'Boathouse: without it no API key can be checked', encryptionKey: this.key, removalPolicy: RemovalPolicy.RETAIN,
      generateSecretString: {
        passwordLength: 64, excludePunctuation: true, excludeUppercase: true, excludeCharacters: 'ghijklmnopqrstuvwxyz', requireEachIncludedType: false,
      },
    });
    const password = (name: string, description: string): secrets.Secret => new secrets.Secret(this, name, {
      description, encryptionKey: this.key,
      generateSecretString: { secretStringTemplate: '{}', generateStringKey: 'password', passwordLength: 40, excludePunctuation: true },
    });
    this.clickhousePassword = password('ClickHousePassword', 'Boathouse: the service at ClickHouse');
    this.interserverPassword = password('InterserverPassword', 'Boathouse: a ClickHouse replica at the other');
    // Empty: the first node of the service puts it there.
    this.operatorKey = new secrets.CfnSecret(this, 'OperatorKey', {
      description: 'Boathouse: the operator\'s API key', kmsKeyId: this.key.keyArn,
    });
    this.operatorKey.applyRemovalPolicy(RemovalPolicy.RETAIN);

    // Load balancers write with the key of S3 alone.
    this.accessLogs = new s3.Bucket(this, 'AccessLogs', {
      encryption: s3.BucketEncryption.S3_MANAGED, blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL, enforceSSL: true,
      versioned: true, removalPolicy: RemovalPolicy.RETAIN,
      lifecycleRules: [{ expiration: Duration.days(90), noncurrentVersionExpiration: Duration.days(1) }],
    });
    const bucket = {
      encryption: s3.BucketEncryption.KMS, bucketKeyEnabled: true, blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true, minimumTLSVersion: 1.2, removalPolicy: RemovalPolicy.RETAIN,
      serverAccessLogsBucket: this.accessLogs,
    };
    // Compliance: nobody, not even the account's owner, can delete a backup before its time.
    this.backups = new s3.Bucket(this, 'Backups', {
      ...bucket, encryptionKey: this.backupKey, serverAccessLogsPrefix: 'backups/', versioned: true,
      objectLockEnabled: true, objectLockDefaultRetention: s3.ObjectLockRetention.compliance(Duration.days(backupLockDays)),
      lifecycleRules: [{
        expiration: Duration.days(backupLockDays + 1), noncurrentVersionExpiration: Duration.days(expiredVersionDays),
        abortIncompleteMultipartUploadAfter: Duration.days(7),
      }],
    });
    // Not versioned: ClickHouse deletes what it has merged, and each replica has its own copy.
    this.cold = new s3.Bucket(this, 'Cold', {
      ...bucket, encryptionKey: this.key, serverAccessLogsPrefix: 'cold/',
      lifecycleRules: [{ abortIncompleteMultipartUploadAfter: Duration.days(7) }],
    });
  }
}
