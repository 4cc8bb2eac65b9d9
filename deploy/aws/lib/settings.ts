// What a stack is made of: the two sizes, which are ours, and the site, which is the operator's (site.example.json).
import * as fs from 'node:fs';
import sizesFile from '../sizes.json';

export interface Size {
  clickhouseInstance: string;
  clickhouseVolumeGb: number;
  keeperInstance: string;
  keeperVolumeGb: number;
  serviceInstance: string;
  serviceNodes: { min: number; max: number };
  monitorInstance: string;
  backupVolumeGb: number; // the ledger's backups before they go to the bucket
  ledgerInstance: string;
  ledgerStorageGb: number;
  ledgerStorageMaxGb: number;
  ledgerMultiAz: boolean;
  natGateways: number;
}

// In JSON, because docs/cost.md is computed from them, too.
export const sizes: Record<'small' | 'large', Size> = sizesFile;

export interface Artifact {
  key: string;
  sha256: string;
}

export interface Site {
  size: 'small' | 'large';
  account: string;
  region: string;
  zones: string[]; // three; ClickHouse, service and ledger use the first two, a Keeper is in each
  domain: string;
  hostedZoneId: string;
  hostedZoneName: string;
  operatorEmail: string;
  monthlyBudgetUsd: number;
  images: { amd64: string; arm64: string }; // Debian 12, pinned: a new image is a change of the stack
  newVolumes?: Record<string, string>; // of a node whose volume is lost, by Replica1 ... Keeper3, Monitor: a mark that was not there before
  tlsSecretArn: string; // {"ca", "certificate", "key"} as make-tls prints it
  artifacts: {
    bucket: string;
    boathouse: Artifact;
    clickhouseArm64: Artifact;
    ssmAgentAmd64: Artifact;
    ssmAgentArm64: Artifact;
    rdsCa: Artifact;
  };
}

const forms: [string, (site: Site) => unknown, RegExp][] = [
  ['size', (site) => site.size, /^(small|large)$/],
  ['account', (site) => site.account, /^\d{12}$/],
  ['region', (site) => site.region, /^[a-z]{2}(-[a-z]+)+-\d$/],
  ['domain', (site) => site.domain, /^([a-z0-9-]+\.)+[a-z]{2,}$/],
  ['hostedZoneId', (site) => site.hostedZoneId, /^Z[A-Z0-9]+$/],
  ['hostedZoneName', (site) => site.hostedZoneName, /^([a-z0-9-]+\.)+[a-z]{2,}$/],
  ['operatorEmail', (site) => site.operatorEmail, /^[^@\s]+@[^@\s]+\.[^@\s]+$/],
  ['monthlyBudgetUsd', (site) => site.monthlyBudgetUsd, /^[1-9]\d*$/],
  ['images.amd64', (site) => site.images?.amd64, /^ami-[0-9a-f]{8,17}$/],
  ['images.arm64', (site) => site.images?.arm64, /^ami-[0-9a-f]{8,17}$/],
  ['tlsSecretArn', (site) => site.tlsSecretArn, /^arn:aws[a-z-]*:secretsmanager:[^:]+:\d{12}:secret:[^:]+-[A-Za-z0-9]{6}$/],
  ['artifacts.bucket', (site) => site.artifacts?.bucket, /^[a-z0-9.-]{3,63}$/],
];
const artifactNames = ['boathouse', 'clickhouseArm64', 'ssmAgentAmd64', 'ssmAgentArm64', 'rdsCa'] as const;

// Throws an Error that names every field that is missing or has another form.
export function checkSite(site: Site): Site {
  const wrong = forms.filter(([, read, form]) => !form.test(String(read(site) ?? ''))).map(([name]) => name);
  if (!Array.isArray(site.zones) || new Set(site.zones).size !== 3 || site.zones.some((zone) => !zone.startsWith(site.region))) {
    wrong.push('zones (three different ones of the region)');
  }
  for (const [node, mark] of Object.entries(site.newVolumes ?? {})) {
    if (!/^(Replica[12]|Keeper[123]|Monitor)$/.test(node) || !/^[A-Za-z0-9]{1,20}$/.test(mark)) wrong.push(`newVolumes.${node} (Replica1 or 2, Keeper1 to 3, Monitor: letters and digits)`);
  }
  for (const name of artifactNames) {
    const artifact = site.artifacts?.[name];
    if (!artifact?.key || !/^[0-9a-f]{64}$/.test(artifact.sha256 ?? '')) wrong.push(`artifacts.${name} (key and SHA-256)`);
  }
  if (!wrong.includes('domain') && !wrong.includes('hostedZoneName') && site.domain !== site.hostedZoneName &&
      !site.domain.endsWith(`.${site.hostedZoneName}`)) {
    wrong.push('domain (must lie in hostedZoneName)');
  }
  if (wrong.length > 0) throw new Error(`the site file is not right: ${wrong.join(', ')}`);
  return site;
}

export function readSite(file: string): Site {
  return checkSite(JSON.parse(fs.readFileSync(file, 'utf8')) as Site);
}
