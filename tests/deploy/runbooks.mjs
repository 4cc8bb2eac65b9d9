// Every `boathouse` command that the operator's pages name is one that there is, with every option that they give it. What the
// commands of backup.md do is run in tests/e2e/drill.mjs and recovery.mjs.
import fs from 'node:fs';
import path from 'node:path';
import { check, equal, main, run } from '../e2e/boathouse.mjs';

const docs = path.join(process.env.BOATHOUSE_SOURCE_DIR, 'docs');
const pages = ['operations.md', 'audit.md', 'cost.md', 'deploy-aws.md', 'retention.md', ...fs.readdirSync(path.join(docs, 'operations')).map((name) => `operations/${name}`)].filter((name) => name.endsWith('.md'));

const helps = new Map();
function help(words) {
  const key = words.join(' ');
  if (!helps.has(key)) {
    const said = run([...words, '--help']);
    helps.set(key, said.code === 0 && said.out.includes(`boathouse${words.map((word) => ` ${word}`).join('')} [`) ? said.out : undefined);
  }
  return helps.get(key);
}

// In code spans and in code blocks, lines that go on joined; up to what ends a command there.
export function commands(text) {
  const joined = text.replace(/\\\n\s*/g, ' ');
  const found = [];
  for (const [, block, span] of joined.matchAll(/```[a-z]*\n([\s\S]*?)```|`([^`]+)`/g)) {
    for (const line of (block ?? span.replace(/\s+/g, ' ')).split('\n')) {
      for (const [, command] of line.matchAll(/(?:^\s*(?:\$ )?|[;|(&]\s*|sudo -u \S+ )boathouse ((?:[a-z]|--)[^|;#)]*)/g)) found.push(command.trim().replace(/\s+/g, ' '));
    }
  }
  return found;
}

// What is wrong with a command; '' when nothing is.
function trouble(command) {
  const words = command.split(/\s+/);
  let depth = 0;
  while (depth < words.length && /^[a-z]/.test(words[depth]) && help(words.slice(0, depth + 1)) !== undefined) ++depth;
  if (depth === 0) return `there is no ${words[0]}`;
  const text = help(words.slice(0, depth));
  if (/^Usage: .*SUBCOMMAND/m.test(text) && depth < words.length) return `${words.slice(0, depth).join(' ')} has no ${words[depth]}`;
  // "audit show|verify": each of them.
  const missing = words.slice(depth).filter((word) => /^--[a-z]/.test(word)).map((word) => word.replace(/[=,.:].*$/, '')).filter((option) => !new RegExp(`${option}(?![a-z-])`).test(text));
  return missing.length === 0 ? '' : `${words.slice(0, depth).join(' ')} has no ${missing.join(', ')}`;
}

await main(async () => {
  equal('a wrong command is found', ['backup cretae', 'backup create --too DIR', 'restore --from X --data Y'].map((one) => trouble(one) !== ''), [true, true, false]);
  equal('commands are found in text', commands('say `boathouse doctor --data DIR` and\n```\nboathouse restore \\\n  --from X # so\nboathouse-engine --path X\n```\n'), ['doctor --data DIR', 'restore --from X']);
  for (const page of pages) {
    const all = commands(fs.readFileSync(path.join(docs, page), 'utf8'));
    equal(`docs/${page}: ${all.length} commands, all of which there are`, all.map((one) => [one, trouble(one)]).filter(([, why]) => why !== ''), []);
  }
  check('the runbooks have commands', commands(fs.readFileSync(path.join(docs, 'operations/backup.md'), 'utf8')).length > 10);
});
