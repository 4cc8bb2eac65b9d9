// The CDK app. BOATHOUSE_SITE names the site file (default: site.json here). Synthesis asks nobody: no look-ups, no network.
import { App, Aspects } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { readSite } from './lib/settings.js';
import { BoathouseStack } from './lib/stack.js';
import { acknowledge } from './lib/suppressions.js';

const site = readSite(process.env.BOATHOUSE_SITE ?? 'site.json');
const app = new App();
acknowledge(new BoathouseStack(app, 'Boathouse', site), site);
Aspects.of(app).add(new AwsSolutionsChecks({ verbose: true }));
app.synth();
