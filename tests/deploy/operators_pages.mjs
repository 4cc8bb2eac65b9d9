// What the operator's pages have an operator type.
import fs from 'node:fs';
import path from 'node:path';

const docs = path.join(process.env.BOATHOUSE_SOURCE_DIR, 'docs');

export const page = (name) => fs.readFileSync(path.join(docs, name), 'utf8');

// Code spans and blocks, lines that go on joined.
export function codeOf(text) {
  const joined = text.replace(/\\\n\s*/g, ' ');
  return [...joined.matchAll(/```(\w*)\n([\s\S]*?)```|`([^`]+)`/g)].map(([, language, block, span]) => ({ language: language ?? '', text: block ?? span.replace(/\s+/g, ' ') }));
}

// The part of a page under a heading.
export function section(name, heading) {
  const found = page(name).split(/^(?=##)/m).find((one) => new RegExp(`^##+ ${heading}\\n`).test(one));
  if (found === undefined) throw new Error(`${name} has no part "${heading}"`);
  return found;
}

// What is asked of ClickHouse, in order.
export const forClickHouse = (code) => code.flatMap(({ text }) => [...text.matchAll(/echo (?:"([^"]*)"|'([^']*)')\s*\|\s*boathouse-clickhouse-query/g)].map(([, one, other]) => one ?? other));
