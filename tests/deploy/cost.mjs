// docs/cost.md and docs/cost.svg are what deploy/cost.mjs writes, and its sums are right where they can be done by hand.
import fs from 'node:fs';
import path from 'node:path';
import { check, equal, main, run, runJson } from '../e2e/boathouse.mjs';

const source = process.env.BOATHOUSE_SOURCE_DIR;
const script = path.join(source, 'deploy/cost.mjs');

await main(async () => {
  const { bytesOfAnHour, chart, document, month } = await import(script);
  const read = (file) => fs.readFileSync(path.join(source, file), 'utf8');
  // Not equal(): it would print both.
  check('docs/cost.md is what deploy/cost.mjs writes', read('docs/cost.md') === document(), 'run: node deploy/cost.mjs');
  check('docs/cost.svg is what deploy/cost.mjs writes', read('docs/cost.svg') === chart(), 'run: node deploy/cost.mjs');

  const { prices, sources, measured, date: pricesDate } = JSON.parse(read('deploy/prices.json'));
  equal('every price says where it is from', Object.entries(prices).filter(([, { source: from, usd, unit }]) => !(from in sources) || !(usd > 0) || !unit).map(([name]) => name), []);
  equal('what was read or derived says where', Object.entries(prices).filter(([, price]) => price.source !== 'known' && !price.from).map(([name]) => name), []);
  const text = read('apps/boathouse/cost_model.cpp') + read('deploy/aws/sizes.json');
  equal('every price is used', Object.keys(prices).filter((name) => !text.includes(`"${name.replace(/^db\./, '')}"`)), []);

  // 7,200 samples, 1,440 strokes, as many curves.
  const { sample, stroke, force_curve: curve } = measured.clickhouse;
  const hour = bytesOfAnHour('clickhouse');
  equal('an hour in ClickHouse', [hour.sample, hour.stroke, hour.force_curve], [7200 * sample.bytes, 1440 * stroke.bytes, 1440 * curve.bytes]);
  const one = month('small', 1000, 1);
  const hours = 1000 * 5 * 52;
  check('a year of 1,000 athletes in ClickHouse', Math.abs(one.clickhouseGb - (hours * (7200 * sample.bytes + 1440 * stroke.bytes + 1440 * curve.bytes)) / 1e9) < 1e-9, one.clickhouseGb);
  check('two replicas and three Keepers', Math.abs(one.usd['ClickHouse, Keepers: machines'] - 730 * (2 * 0.107 + 3 * 0.017)) < 1e-9, one.usd);
  const bigger = month('large', 10000, 5);
  check('what grows grows in proportion', Math.abs(bigger.ledgerGb / month('large', 10000, 1).ledgerGb - 5) < 1e-9);
  // While the volume of the backups is large enough, a year more costs the bucket: of ClickHouse six weeks' full copies, of the ledger seven weeks'
  // bodies and 49 nights' databases.
  const copies = measured.backups;
  const bodies = hours * (7200 * measured.ledger.sample.bytes + 1440 * (measured.ledger.stroke.bytes + measured.ledger.force_curve.bytes)) / 1e9;
  const more = month('large', 1000, 2).usd.backups - month('large', 1000, 1).usd.backups;
  check('backups: weekly copies, and the volume that they are made on', Math.abs(more - (6 * one.clickhouseGb * copies.clickhouseFull.factor + bodies * (7 * copies.segments.factor + 49 * copies.databases.factor)) * prices.s3.usd) < 1e-6 && month('large', 1, 1).usd.backups > 500 * prices.gp3.usd, [more, bodies]);
  // The night's backup of the ledger comes to its end before the next one, on the machine that makes it: databases written, read back and uploaded, bodies read.
  const ebsMegabytesASecond = { 't3.small': 21.75, 'm7i.large': 81.25 };  // what EC2's table of EBS-optimized instances calls the baseline
  const hoursAllowed = Number(/^TimeoutStartSec=(\d+)h$/m.exec(read('deploy/systemd/ledger-backup.service'))[1]);
  for (const [size, athletes] of [['small', 1000], ['large', 10000]]) {
    const instance = JSON.parse(read('deploy/aws/sizes.json'))[size].monitorInstance;
    const gigabytes = (athletes / 1000) * 5 * bodies * (copies.segments.factor + 3 * copies.databases.factor);
    const nightly = gigabytes / ebsMegabytesASecond[instance] / 3.6;
    check(`${size}, ${athletes} athletes, fifth year: ${nightly.toFixed(1)} hours of a night's backup, half of what it may take`, nightly < hoursAllowed / 2 && hoursAllowed < 24, [instance, gigabytes]);
  }
  const cold = month('large', 20000, 5).usd['ClickHouse: storage'] - month('large', 20000, 4).usd['ClickHouse: storage'];
  const aYear = month('large', 20000, 1).clickhouseGb;
  check('from the third year on a year more costs S3, twice', Math.abs(cold - 2 * aYear * prices.s3.usd) < 1e-6, [cold, aYear]);
  check('more than a size takes is said', month('small', 10000, 5).fitsLedger === false && document().includes('small, 1,000 athletes'));
  // 10 hours a week of 10,000 athletes in the fifth year: in every table.
  const rows = document().split('\n').filter((line) => line.startsWith('| 10 hours a week'));
  check('and in the table of hours', month('large', 10000, 5, 10).fitsLedger === false && rows.length === 1 && /\\\* \|$/.test(rows[0]) && (rows[0].match(/\*/g) ?? []).length === 1, rows);

  const asked = runJson(['cost', '--month', 'large:10000:5']).json;
  equal('the program says the same', asked.map((one) => [Math.round(one.all), one.size]), [[Math.round(Object.values(bigger.usd).reduce((a, b) => a + b)), 'large']]);
  for (const wrong of ['huge:1:1', 'small:1', 'small:-1:1', 'small:1:x']) equal(`--month ${wrong} is refused`, run(['cost', '--month', wrong]).code, 2);
  equal('prices that are none are refused', run(['cost', '--prices', path.join(source, 'README.md')]).code, 2);
  const table = run(['cost', '--size', 'large', '--athletes', '10000']);
  check('without data it is a table of five years, with the date of the prices', table.code === 0 && table.out.includes(pricesDate) && /^all +\d+ +\d+ +\d+ +\d+ +\d+$/m.test(table.out), table);
});
