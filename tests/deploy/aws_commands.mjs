// What the operator's pages have for AWS' command line and for the CDK's: each command has the options that it has, and npx asks for no package.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { atEnd, check, equal, main, temporaryFolder } from '../e2e/boathouse.mjs';
import { objectStore } from './object_store.mjs';
import { codeOf, page, section } from './operators_pages.mjs';

// At the beginning of a line, after a pipe, within $(...); `aws s3` has no such list of its options.
const forAws = (code) => code.flatMap(({ text }) => text.split('\n')).flatMap((line) =>
  [...line.matchAll(/(?:^\s*|\|\s*|\$\()(aws (?!s3 )[a-z0-9-]+ [a-z0-9-]+(?:"[^"]*"|'[^']*'|[^|#;)"'])*)/g)].map(([, command]) => command.trim().replace(/\s+/g, ' ')));

await main(async () => {
  const folder = temporaryFolder();
  // Once it has read its options it asks AWS, whose place nobody takes here.
  const trouble = (command) => {
    const done = spawnSync('bash', ['-c', `echo {} | ${command} --endpoint-url http://127.0.0.1:1`], { encoding: 'utf8', cwd: folder, env: { ...process.env,
      AWS_DEFAULT_REGION: 'eu-central-1', AWS_ACCESS_KEY_ID: 'k', AWS_SECRET_ACCESS_KEY: 's', AWS_EC2_METADATA_DISABLED: 'true', AWS_MAX_ATTEMPTS: '1' } });
    if (done.error) throw done.error;
    return done.stderr.includes('Could not connect to the endpoint URL') ? '' : `${command}: ${done.stderr.slice(-300)}`;
  };
  check('an option that there is not is found', trouble('aws rds modify-db-instance --db-instance-identifier LEDGER --new-name X') !== '');
  equal('commands are found where they stand', forAws(codeOf('`aws a b --c d`\n```sh\nx=$(aws e f-g \\\n  --query "h | i)")  # so\nj | aws k l; m\naws s3 ls\n```\n')),
    ['aws a b --c d', 'aws e f-g --query "h | i)"', 'aws k l']);
  // The names that a private zone gives up: made as the page says, read by the command that comes after it.
  const deployment = page('deploy-aws.md');
  const [, filter] = /jq '([^']+)' > names\.json/.exec(deployment);
  const record = { Name: 'keeper-1.boathouse.internal.', Type: 'A', TTL: 10, ResourceRecords: [{ Value: '10.20.0.21' }] };
  const names = spawnSync('jq', [filter], { input: JSON.stringify([record]), encoding: 'utf8' }).stdout;
  equal('each name that was announced is deleted', JSON.parse(names), { Changes: [{ Action: 'DELETE', ResourceRecordSet: record }] });
  fs.writeFileSync(path.join(folder, 'names.json'), names);
  for (const [name, least] of [['operations/runbooks.md', 20], ['deploy-aws.md', 20]]) {
    const commands = forAws(codeOf(page(name)));
    const wrong = commands.map(trouble).filter((one) => one !== '');
    check(`docs/${name}: ${commands.length} commands of AWS have the options that they have`, commands.length >= least && wrong.length === 0, wrong.length > 0 ? wrong : commands);
  }

  // Of the places in S3 the lost volume's goes, whose name is the beginning of the new one's.
  const store = await objectStore();
  atEnd(store.close);
  for (const key of ['replica-1/abc/x', 'replica-2/abc/x', 'replica-2/y', 'replica-2a/abc/x']) store.objects.set(`/COLDBUCKET/${key}`, Buffer.from('x'));
  const [look, remove] = codeOf(section('operations/runbooks.md', 'What a lost volume leaves')).find(({ language }) => language === 'sh').text.trim().split('\n');
  const typed = (command) => new Promise((resolve) => {
    const child = spawn('bash', ['-c', command.replace(/^aws /, `aws --endpoint-url ${store.url} `)], { env: { ...process.env, AWS_DEFAULT_REGION: 'eu-central-1', AWS_ACCESS_KEY_ID: 'k', AWS_SECRET_ACCESS_KEY: 's', AWS_EC2_METADATA_DISABLED: 'true' } });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => { text += piece; });
    child.on('close', (code) => resolve({ code, text }));
  });
  check('the places are shown', (await typed(look)).text.includes('replica-2a/'));
  equal('the old place goes', await typed(remove), { code: 0, text: '' });
  equal('and the others stay', [...store.objects.keys()], ['/COLDBUCKET/replica-1/abc/x', '/COLDBUCKET/replica-2a/abc/x']);

  // Until the CDK is installed npx would fetch a package of that name from the registry.
  const [installed, asked] = ['npm ci', 'npx '].map((one) => deployment.indexOf(one));
  check('docs/deploy-aws.md: the CDK is installed before it is asked for', installed !== -1 && installed < asked, [installed, asked]);
  const cdk = path.join(process.env.BOATHOUSE_SOURCE_DIR, 'deploy/aws/node_modules/.bin/cdk');
  const { scripts } = JSON.parse(fs.readFileSync(path.join(process.env.BOATHOUSE_SOURCE_DIR, 'deploy/aws/package.json'), 'utf8'));
  const options = codeOf(deployment).flatMap(({ text }) => [...text.matchAll(/npm run (\w+) -- (--[a-z-]+)/g)]).map(([, script, option]) => {
    const command = /cdk (\w+)[^&]*$/.exec(scripts[script])?.[1]; // npm puts the option behind the script's last command
    const help = spawnSync(cdk, [command, '--help'], { encoding: 'utf8', env: { ...process.env, CDK_DISABLE_VERSION_CHECK: '1' } }).stdout;
    return [`${command} ${option}`, new RegExp(`^ *${option.replace('--no-', '--')}\\b`, 'm').test(help)];
  });
  equal('the first deployment leaves what failed as it is', options.map(([one]) => one), ['deploy --no-rollback']);
  equal('the CDK has each option', options.filter(([, known]) => !known), []);
});
