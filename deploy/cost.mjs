// docs/cost.md and docs/cost.svg, from what `boathouse cost` reckons (measured bytes, prices.json, the stack's sizes).
//   node deploy/cost.mjs          writes both; needs the built program: BOATHOUSE_PROGRAMS, or build/release/bin
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = path.dirname(fileURLToPath(import.meta.url));
const boathouse = path.join(process.env.BOATHOUSE_PROGRAMS ?? path.join(folder, '../build/release/bin'), 'boathouse');
const { region, date, sources, prices, measured, assumed } = JSON.parse(fs.readFileSync(path.join(folder, 'prices.json'), 'utf8'));

const sum = (parts) => Object.values(parts).reduce((all, one) => all + one, 0);

const known = new Map();
// All at once, because each call starts a program.
function reckon(asked) {
  const missing = [...new Set(asked)].filter((one) => !known.has(one));
  if (missing.length === 0) return;
  const answer = JSON.parse(execFileSync(boathouse, ['cost', '--prices', path.join(folder, 'prices.json'), ...missing.flatMap((one) => ['--month', one])], { encoding: 'utf8' }));
  missing.forEach((one, i) => known.set(one, answer[i]));
}

// Dollars of one month, `years` after the first athlete, by what they are for.
export function month(size, athletes, years, hoursAWeek = assumed.hoursAWeek) {
  const asked = `${size}:${athletes}:${years}:${hoursAWeek}`;
  reckon([asked]);
  return known.get(asked);
}

// Bytes of an athlete's hour by grain.
export const bytesOfAnHour = (store) => month('small', 1, 1).bytesOfAnHour[store];

const whole = (value) => Math.round(value).toLocaleString('en-US');
const kb = (bytes) => (bytes / 1000).toFixed(1);
const table = (head, rows) => [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

// A size whose ledger may not grow so large is no offer.
const tooMuch = '\\*';
const dollars = (one) => whole(sum(one.usd)) + (one.fitsLedger ? '' : tooMuch);

const shown = [['small', 100], ['small', 1000], ['large', 1000], ['large', 10000]];

export function document() {
  reckon([1, 5].flatMap((years) => [...shown.map((one) => [...one, years]), ...[2, 5, 10].flatMap((hours) => [['small', 1000, years, hours], ['large', 10000, years, hours]])])
    .map(([size, athletes, inYear, hours = assumed.hoursAWeek]) => `${size}:${athletes}:${inYear}:${hours}`));
  const clickhouse = bytesOfAnHour('clickhouse');
  const ledger = bytesOfAnHour('ledger');
  const months = (years) => shown.map(([size, athletes]) => month(size, athletes, years));
  const kinds = Object.keys(month('small', 1, 1).usd);
  const bill = (years) => {
    const columns = months(years);
    return table(['USD a month', ...columns.map(({ size, athletes }) => `${size}, ${whole(athletes)} athletes`)], [
      ...kinds.map((kind) => [kind, ...columns.map(({ usd }) => whole(usd[kind]))]),
      ['**all**', ...columns.map((one) => `**${dollars(one)}**`)],
      ['an athlete', ...columns.map((one) => (sum(one.usd) / one.athletes).toFixed(2))],
      ['GB in ClickHouse, each replica', ...columns.map((one) => whole(one.clickhouseGb))],
      ['GB in the ledger', ...columns.map((one) => whole(one.ledgerGb) + (one.fitsLedger ? '' : tooMuch))],
    ]);
  };
  const hours = [2, 5, 10].map((hoursAWeek) => [`${hoursAWeek} hours a week`, ...[['small', 1000], ['large', 10000]].flatMap(([size, athletes]) =>
    [1, 5].map((years) => dollars(month(size, athletes, years, hoursAWeek))))]);
  const tenThousand = month('large', 10000, 5);
  const tiers = tenThousand.tiersUsd;
  return `# What it costs

Written by \`node deploy/cost.mjs\`; do not edit. Prices of ${region}, ${date}, on demand, from \`deploy/prices.json\`, which says of each where it
was read and which were not looked up: check those before you order. Other regions are up to half dearer. For a box of your own, with the bytes
that its records take there: \`boathouse cost --data DIR --backup-to DIR --athletes 500 --hours-a-week 4\`.

![Growth over five years](cost.svg)

## One month at the end of the first year, ${assumed.hoursAWeek} hours a week

${bill(1)}

## One month at the end of the fifth year

${bill(5)}

Machines, the load balancer and NAT are most of a small bill. On a large one the ledger is: its bodies lie in PostgreSQL, ${(ledgerFactor()).toFixed(1)} times what
ClickHouse takes, and its databases are copied whole each night, ${assumed.ledgerNightsKept} nights of which are kept: half of what backups cost. So these come first, in this
order: fewer of those nights, bodies to segment files in S3 (planned, not built), a savings plan for the machines (-30 to -40 %).

## Hours

${table(['all, USD a month', 'small, 1,000: year 1', 'year 5', 'large, 10,000: year 1', 'year 5'], hours)}

${tooMuch} The ledger would be larger than the stack lets its disk become (\`ledgerStorageMaxGb\` of \`deploy/aws/sizes.json\`, of which a fifth stays free): raise that first.

## Tiers of ClickHouse's storage

10,000 athletes, year 5, both replicas: ${whole(tenThousand.clickhouseGb)} GB each.

${table(['', 'USD a month'], [
    ['all on gp3', whole(tiers.allOnGp3)],
    ['this year and the last one on gp3, the rest in S3 (as deployed)', whole(tiers.asDeployed)],
    ['the same without force curves', whole(tiers.withoutCurves)],
  ])}

Each replica has a copy of its own in S3: copies that replicas share are not supported by ClickHouse.

## Bytes of an hour

${table(['kB an hour at 2 Hz, 24 strokes a minute', 'samples', 'strokes', 'force curves', 'all'], [
    ['ClickHouse, each replica', kb(clickhouse.sample), kb(clickhouse.stroke), kb(clickhouse.force_curve), kb(sum(clickhouse))],
    ['ledger, bodies', kb(ledger.sample), kb(ledger.stroke), kb(ledger.force_curve), kb(sum(ledger))],
  ])}

${table(['bytes', 'each', 'measured'].map((one, i) => (i === 2 ? 'measured' : one)), [
    ...['clickhouse', 'ledger'].flatMap((store) => Object.entries(measured[store]).map(([grain, { bytes, from }]) => [`${store}: ${grain}`, String(bytes), from])),
    ['ledger: all, by its bodies', `x ${measured.ledgerOverhead.factor}`, measured.ledgerOverhead.from],
    ...Object.values(measured.backups).map(({ what, factor, from }) => [`backups: ${what}`, `x ${factor}`, from]),
  ])}

Assumed: ${assumed.readsOfAStoredByte} reads of each stored byte over the internet; ${assumed.clickhouseWeeksKept} weeks of ClickHouse's copies, ${assumed.ledgerWeeksKept} weeks of the
ledger's bodies and ${assumed.ledgerNightsKept} nights of its databases are kept (36 days and a week; each
week's place begins with a night of before); disks are made larger at ${assumed.diskFullAt * 100} %; the fewest nodes of the service; the volume of the
ledger's backups has room for all bodies twice, as after an erasure; no savings plan.

Not in the sums: RDS' own backups of 35 days. They are free up to the size of the disk, and a first copy of what is used with five weeks of changes after it stays about
there; what is above costs 0.095 USD a GB-month (known, see below).

## Prices

${table(['', 'USD', 'a', 'source'], Object.entries(prices).map(([name, { usd, unit, source, from }]) => [name, String(usd), unit, from ? `${source}: ${from}` : source]))}

${Object.entries(sources).map(([name, text]) => `\`${name}\`: ${text}.`).join(' ')}
`;
}

function ledgerFactor() {
  return (sum(bytesOfAnHour('ledger')) * measured.ledgerOverhead.factor) / sum(bytesOfAnHour('clickhouse'));
}

// Two charts side by side: what a month costs, by what it is for, over five years.
export function chart() {
  const colors = ['#1f4e79', '#2e75b6', '#7f6000', '#bf9000', '#548235', '#a9d18e', '#7f7f7f', '#c9c9c9'];
  const kinds = Object.keys(month('small', 1, 1).usd);
  const width = 400, height = 260, left = 60, top = 50, gap = 90;
  const parts = [];
  const text = (x, y, content, more = '') => parts.push(`<text x="${x}" y="${y}" ${more}>${content}</text>`);
  [['small', 1000], ['large', 10000]].forEach(([size, athletes], chartNumber) => {
    const x0 = left + chartNumber * (width + gap);
    reckon(Array.from({ length: 61 }, (_, i) => `${size}:${athletes}:${Math.max(i, 1) / 12}:${assumed.hoursAWeek}`));
    const points = Array.from({ length: 61 }, (_, i) => ({ years: i / 12, usd: month(size, athletes, Math.max(i, 1) / 12).usd }));
    const most = Math.max(...points.map(({ usd }) => sum(usd)));
    const step = 10 ** Math.floor(Math.log10(most)) / (most / 10 ** Math.floor(Math.log10(most)) < 3 ? 4 : 1);
    const full = Math.ceil(most / step) * step;
    const x = (years) => (x0 + (years / 5) * width).toFixed(1);
    const y = (usd) => (top + height - (usd / full) * height).toFixed(1);
    text(x0, top - 20, `${size}, ${whole(athletes)} athletes: USD a month`, 'font-weight="bold"');
    let below = points.map(() => 0);
    kinds.forEach((kind, i) => {
      const above = points.map(({ usd }, at) => below[at] + usd[kind]);
      const up = points.map(({ years }, at) => `${x(years)},${y(above[at])}`);
      const down = points.map(({ years }, at) => `${x(years)},${y(below[at])}`).reverse();
      parts.push(`<polygon fill="${colors[i]}" points="${[...up, ...down].join(' ')}"/>`);
      below = above;
    });
    for (let usd = 0; usd <= full; usd += step) {
      parts.push(`<line x1="${x0}" x2="${x0 + width}" y1="${y(usd)}" y2="${y(usd)}" stroke="#000" stroke-opacity="0.15"/>`);
      text(x0 - 6, Number(y(usd)) + 4, whole(usd), 'text-anchor="end"');
    }
    for (let years = 0; years <= 5; ++years) text(x(years), top + height + 18, `${years}`, 'text-anchor="middle"');
    text(x0 + width / 2, top + height + 36, 'years', 'text-anchor="middle"');
  });
  kinds.forEach((kind, i) => {
    const column = i % 4, row = Math.floor(i / 4);
    const lx = left + column * 225, ly = top + height + 60 + row * 22;
    parts.push(`<rect x="${lx}" y="${ly - 11}" width="14" height="14" fill="${colors[i]}"/>`);
    text(lx + 20, ly, kind);
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${left + 2 * width + gap + 20} ${top + height + 100}" font-family="sans-serif" font-size="12" role="img" aria-label="Monthly cost over five years">
<rect width="100%" height="100%" fill="#fff"/>
${parts.join('\n')}
</svg>
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const docs = path.join(folder, '../docs');
  fs.writeFileSync(path.join(docs, 'cost.md'), document());
  fs.writeFileSync(path.join(docs, 'cost.svg'), chart());
}
