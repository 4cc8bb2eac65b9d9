// Bundles a page and writes it as a .cpp: node build.mjs PAGE OUTPUT.cpp
import { build } from 'esbuild';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const [page, output] = process.argv.slice(2);
const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), page);

const { outputFiles } = await build({
  absWorkingDir: folder,
  entryPoints: ['main.jsx'],
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2020',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  entryNames: '[name]-[hash]',
  outdir: 'assets',
  legalComments: 'none',
  write: false,
});

const types = { '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8' };
const assets = outputFiles.map((file) => ({
  path: `/assets/${path.basename(file.path)}`,
  type: types[path.extname(file.path)],
  content: Buffer.from(file.contents),
  immutable: true,
}));
const named = (extension) => assets.find((asset) => asset.path.endsWith(extension)).path;
const html = fs.readFileSync(path.join(folder, 'index.html'), 'utf8')
  .replace('{{script}}', named('.js')).replace('{{style}}', named('.css'));
const files = [
  { path: '/', type: 'text/html; charset=utf-8', content: Buffer.from(html), immutable: false },
  { path: '/favicon.svg', type: 'image/svg+xml', content: fs.readFileSync(path.join(folder, 'favicon.svg')), immutable: false },
  ...assets,
];

// Bytes as C string literals, octal where a byte is not plain; a '?' too, because of trigraphs.
function literal(bytes) {
  const lines = [];
  for (let start = 0; start < bytes.length; start += 100) {
    let line = '';
    for (const byte of bytes.subarray(start, start + 100)) {
      const plain = byte >= 32 && byte < 127 && !'"\\?'.includes(String.fromCharCode(byte));
      line += plain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`;
    }
    lines.push(`"${line}"`);
  }
  return lines.join('\n');
}

const contents = files.map((file, i) => `constexpr char kFile${i}[] =\n${literal(file.content)};\n`).join('');
const rows = files.map((file, i) =>
  `    {"${file.path}", "${file.type}", {kFile${i}, ${file.content.length}}, ${file.immutable}},\n`).join('');
const name = `k${page[0].toUpperCase()}${page.slice(1)}Files`;
fs.writeFileSync(output, `// Made by apps/web/build.mjs.
#include <array>

#include "apps/web/files.hpp"

namespace boathouse::web {
namespace {

${contents}
constexpr std::array<File, ${files.length}> kAll{{
${rows}}};

}  // namespace

extern const std::span<const File> ${name};
const std::span<const File> ${name}(kAll);

}  // namespace boathouse::web
`);
