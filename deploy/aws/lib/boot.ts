// What a node is told at its first boot: the plain files of deploy/ and its site.env, as one cloud-config.
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as zlib from 'node:zlib';
import { Fn, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';

export interface PlacedFile {
  source: string; // below deploy/
  target: string;
  mode?: string;
}

// deploy/: the bundle lies in build/, so it is named by who runs it.
export function deployFolder(): string {
  const folder = process.env.BOATHOUSE_DEPLOY_DIR ?? path.resolve(process.cwd(), '..');
  if (!fs.existsSync(path.join(folder, 'cloud-init/common.sh'))) {
    throw new Error(`no deploy/ at ${folder}: run in deploy/aws, or set BOATHOUSE_DEPLOY_DIR`);
  }
  return folder;
}

const program = (source: string, name: string): PlacedFile => ({ source, target: `/usr/local/bin/${name}`, mode: '0755' });
const unit = (name: string): PlacedFile => ({ source: `systemd/${name}`, target: `/etc/systemd/system/${name}` });

const common: PlacedFile[] = [
  { source: 'cloud-init/common.sh', target: '/usr/local/lib/boathouse/common.sh' },
  program('cloud-init/secrets', 'boathouse-secrets'),
  program('cloud-init/backup-done', 'boathouse-backup-done'),
  unit('boathouse-secrets.service'),
];

export const roleFiles: Record<'clickhouse' | 'keeper' | 'service' | 'monitor', PlacedFile[]> = {
  clickhouse: [
    ...common,
    { source: 'clickhouse/server.xml', target: '/etc/clickhouse-server/config.xml' },
    { source: 'clickhouse/users.xml', target: '/etc/clickhouse-server/users.xml' },
    { source: 'clickhouse/drill.xml', target: '/etc/clickhouse-server/drill.xml' },
    program('clickhouse/query', 'boathouse-clickhouse-query'),
    program('clickhouse/move-cold', 'boathouse-move-cold'),
    program('clickhouse/backup', 'boathouse-backup-clickhouse'),
    program('clickhouse/watch', 'boathouse-watch-clickhouse'),
    unit('clickhouse-server.service'),
    unit('clickhouse-backup.service'),
    unit('clickhouse-backup.timer'),
    unit('clickhouse-move-cold.service'),
    unit('clickhouse-move-cold.timer'),
    unit('clickhouse-watch.service'),
    unit('clickhouse-watch.timer'),
  ],
  keeper: [
    ...common,
    { source: 'clickhouse/keeper.xml', target: '/etc/clickhouse-keeper/config.xml' },
    unit('clickhouse-keeper.service'),
  ],
  service: [
    ...common,
    program('cloud-init/operator-key', 'boathouse-operator-key'),
    { source: 'nginx/boathouse.conf', target: '/etc/nginx/conf.d/boathouse.conf' },
    unit('boathouse.service'),
    { source: 'systemd/boathouse-aws.conf', target: '/etc/systemd/system/boathouse.service.d/aws.conf' },
    unit('boathouse-operator-key.service'),
    unit('boathouse-operator-key.path'),
  ],
  monitor: [
    ...common,
    { source: 'prometheus/prometheus.yml', target: '/usr/local/lib/boathouse/prometheus.yml' },
    { source: 'prometheus/alertmanager.yml', target: '/usr/local/lib/boathouse/alertmanager.yml' },
    program('cloud-init/backup-ledger', 'boathouse-backup-ledger'),
    program('cloud-init/reconcile', 'boathouse-reconcile'),
    unit('ledger-backup.service'),
    unit('ledger-backup.timer'),
    unit('boathouse-reconcile.service'),
    unit('boathouse-reconcile.timer'),
    program('cloud-init/watch-monitor', 'boathouse-watch-monitor'),
    unit('boathouse-watch-monitor.service'),
    unit('boathouse-watch-monitor.timer'),
    { source: 'prometheus/rules.yml', target: '/etc/prometheus/rules.yml' },
  ],
};

export const maxUserDataBytes = 16384; // EC2's limit, before base64
export const filesArchive = '/usr/local/lib/boathouse/files.tar.gz';

export const isShell = (source: string, text: string): boolean => source.endsWith('.sh') || text.startsWith('#!/usr/bin/env bash\n');

// Without the lines of YAML, units and scripts that are comments, which a machine does not read: with them the monitor node's files do not fit.
export function placedContent(source: string): string {
  const text = fs.readFileSync(path.join(deployFolder(), source), 'utf8');
  return /\.(yml|service|timer|path)$/.test(source) || isShell(source, text) ? text.replace(/^ *#(?!!).*\n/gm, '') : text;
}

// The files in the ustar format, gzipped: together they take half of what each takes alone. Always the same bytes for the same files.
function archive(files: PlacedFile[]): Buffer {
  const blocks: Buffer[] = [];
  for (const { source, target, mode } of files) {
    const content = Buffer.from(placedContent(source));
    const header = Buffer.alloc(512);
    const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;
    header.write(target.slice(1), 0);
    header.write(octal(parseInt(mode ?? '0644', 8), 7), 100);
    header.write(octal(0, 7) + octal(0, 7) + octal(content.length, 11) + octal(0, 11), 108);
    header.write('        0', 148); // the sum counts its own place as spaces
    header.write('ustar\x0000root', 257);
    header.write('root', 297);
    header.write(`${header.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0')}\0 `, 148);
    blocks.push(header, content, Buffer.alloc((512 - (content.length % 512)) % 512));
  }
  return zlib.gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]), { level: 9 });
}

// `environment` may hold values that are known only when the stack is deployed; the files may not, and are compressed.
export function bootData(scope: Construct, role: keyof typeof roleFiles, environment: Record<string, string>): ec2.UserData {
  const boot = '/usr/local/lib/boathouse/boot';
  const files = [...roleFiles[role], { source: `cloud-init/${role}.sh`, target: boot, mode: '0755' }];
  const lines = Object.entries(environment).map(([name, value]) => `${name}='${value}'`);
  const cloudConfig = {
    write_files: [
      { path: '/etc/boathouse/site.env', permissions: '0644', content: `${lines.join('\n')}\n` },
      { path: filesArchive, encoding: 'b64', content: archive(files).toString('base64') },
    ],
    runcmd: [['tar', '--extract', '--gzip', '--file', filesArchive, '--directory', '/', '--no-overwrite-dir'], [boot]],
  };
  // JSON is YAML.
  return ec2.UserData.custom(Fn.join('', ['#cloud-config\n', Stack.of(scope).toJsonString(cloudConfig)]));
}
