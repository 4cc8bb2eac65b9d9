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
