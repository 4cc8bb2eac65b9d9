// Real recordings through everything: device, sync, ledger, ClickHouse, CSV. Every cell of eight files of other tools and every notification of a
// capture is compared with what comes out; the files' own bytes come out of the device as they went in.
import fs from 'node:fs';
import path from 'node:path';
import { Server, check, equal, main, parseCsv, run, runJson, sharedData, skip, temporaryFolder } from './boathouse.mjs';

// [column of the file, stream, field of the export, factor, unit of the wire in the export's unit, values that mean "not available"]
const time = ['elapsed_s', 1, 0.01];
const none = [];
const zero = ['0'];
const native = (lead) => [
  [`${lead}ElapsedTime (sec)`, 'sample', ...time, none],
  [`${lead}Horizontal (meters)`, 'sample', 'distance_m', 1, 0.1, none],
  [`${lead}Stroke500mPace (sec/500m)`, 'sample', 'pace_s_per_500m', 1, 0.01, zero],
  [`${lead}HRCur (bpm)`, 'sample', 'heart_rate_bpm', 1, 1, zero],
  [`${lead}Calories (kCal)`, 'sample', 'total_calories', 1, 1, none],
  [`${lead}Speed (m/sec)`, 'sample', 'speed_mps', 1, 0.001, none],
  [`${lead}DragFactor`, 'sample', 'drag_factor', 1, 1, zero],
  [`${lead}Power (watts)`, 'stroke', 'stroke_power_w', 1, 1, none],
  [`${lead}StrokeCount`, 'stroke', 'stroke_count', 1, 1, none],
  [`${lead}StrokeDistance (meters)`, 'stroke', 'stroke_distance_m', 1, 0.01, none],
  [`${lead}DriveLength (meters)`, 'stroke', 'drive_length_m', 1, 0.01, none],
  [`${lead}DriveTime (ms)`, 'stroke', 'drive_time_s', 0.001, 0.01, none],
  [`${lead}StrokeRecoveryTime (ms)`, 'stroke', 'recovery_time_s', 0.001, 0.01, none],
  [`${lead}WorkPerStroke (joules)`, 'stroke', 'work_per_stroke_j', 1, 0.1, none],
  [`${lead}AverageDriveForce (lbs)`, 'stroke', 'avg_force_lbf', 1, 0.1, none],
  [`${lead}PeakDriveForce (lbs)`, 'stroke', 'peak_force_lbf', 1, 0.1, none],
];
const files = [
  { name: 'rowingdata_native_2k.csv', columns: [...native(' '), [' Cadence (stokes/min)', 'sample', 'stroke_rate_spm', 1, 1, none]] },
  { name: 'rowingdata_painsled_force.csv',
    columns: [...native(' '), [' Cadence (strokes/min)', 'sample', 'stroke_rate_spm', 1, 1, ['-1']],
      [' WorkoutType', 'sample', 'workout_type', 1, 1, none], [' IntervalType', 'sample', 'interval_type', 1, 1, none],
      [' WorkoutState', 'sample', 'workout_state', 1, 1, none], [' RowingState', 'sample', 'rowing_state', 1, 1, none]] },
  { name: 'concept2-result-44214428.csv',
    columns: [['Time (seconds)', 'sample', ...time, none], ['Distance (meters)', 'sample', 'distance_m', 1, 0.1, none],
      ['Pace (seconds)', 'sample', 'pace_s_per_500m', 1, 0.01, zero], ['Stroke Rate', 'sample', 'stroke_rate_spm', 1, 1, none],
      ['Heart Rate', 'sample', 'heart_rate_bpm', 1, 1, zero], ['Number', 'stroke', 'stroke_count', 1, 1, none],
      ['Watts', 'stroke', 'stroke_power_w', 1, 1, none], ['Cal/Hr', 'stroke', 'stroke_cal_per_hour', 1, 1, none]] },
  { name: 'rowingdata_ergdata_stroke.csv',
    columns: [['Time (seconds)', 'sample', ...time, none], ['Distance (meters)', 'sample', 'distance_m', 1, 0.1, none],
      ['Pace (seconds per 500m', 'sample', 'pace_s_per_500m', 1, 0.01, zero], ['Stroke Rate', 'sample', 'stroke_rate_spm', 1, 1, none],
      ['Heart Rate', 'sample', 'heart_rate_bpm', 1, 1, zero], ['Stroke Number', 'stroke', 'stroke_count', 1, 1, none]] },
  { name: 'rowingdata_hero_force.csv', headerLine: 3,
    columns: [['Distance', 'sample', 'distance_m', 1, 0.1, none], ['Stroke Rate', 'sample', 'stroke_rate_spm', 1, 1, none],
      ['Time', 'sample', ...time, none], ['Split', 'sample', 'pace_s_per_500m', 1, 0.01, zero],
      ['HR', 'sample', 'heart_rate_bpm', 1, 1, zero], ['Drag Factor', 'sample', 'drag_factor', 1, 1, zero],
      ['Watts', 'stroke', 'stroke_power_w', 1, 1, none], ['Stroke Length', 'stroke', 'drive_length_m', 0.01, 0.01, none],
      ['Work (J)', 'stroke', 'work_per_stroke_j', 1, 0.1, none],
      ['Peak Drive Force (N)', 'stroke', 'peak_force_lbf', 1 / 4.44822, 0.1, none],
      ['Average Drive Force (N)', 'stroke', 'avg_force_lbf', 1 / 4.44822, 0.1, none],
      ['Drive Time', 'stroke', 'drive_time_s', 1, 0.01, none], ['Recovery Time', 'stroke', 'recovery_time_s', 1, 0.01, none],
      ['Distance per Stroke', 'stroke', 'stroke_distance_m', 1, 0.01, none]] },
  { name: 'rowingdata_ergstick_all_metrics.csv', strokeKey: 'Stroke count', splitKey: 'Split/interval number',
    columns: [['Total elapsed time (s)', 'sample', ...time, none], ['Total distance (m)', 'sample', 'distance_m', 1, 0.1, none],
      ['Stroke rate (/min)', 'sample', 'stroke_rate_spm', 1, 1, none], ['Speed (m/s)', 'sample', 'speed_mps', 1, 0.001, none],
      ['Current heart rate (bpm)', 'sample', 'heart_rate_bpm', 1, 1, zero], ['Workout type', 'sample', 'workout_type', 1, 1, none],
      ['Interval type', 'sample', 'interval_type', 1, 1, none], ['Workout state', 'sample', 'workout_state', 1, 1, none],
      ['Rowing state', 'sample', 'rowing_state', 1, 1, none], ['Stroke state', 'sample', 'stroke_state', 1, 1, none],
      ['Total work distance (m)', 'sample', 'total_work_distance_m', 1, 1, none], ['Drag factor', 'sample', 'drag_factor', 1, 1, zero],
      ['Current pace (/500m)', 'sample', 'pace_s_per_500m', 1, 0.01, zero],
      ['Average pace (/500m)', 'sample', 'avg_pace_s_per_500m', 1, 0.01, zero],
      ['Rest distance (m)', 'sample', 'rest_distance_m', 1, 1, none], ['Rest time (s)', 'sample', 'rest_time_s', 1, 0.01, none],
      ['Interval count', 'sample', 'interval_count', 1, 1, none], ['Total average power (W)', 'sample', 'avg_power_w', 1, 1, none],
      ['Total average calories (cal)', 'sample', 'total_calories', 1, 1, none],
      ['Split average pace (/500m)', 'sample', 'split_avg_pace_s_per_500m', 1, 0.01, zero],
      ['Split average power (W)', 'sample', 'split_avg_power_w', 1, 1, none],
      ['Split average calories (cal/hr)', 'sample', 'split_avg_calories', 1, 1, none],
      ['Last split time (s)', 'sample', 'last_split_time_s', 1, 0.01, none],
      ['Last split distance (m)', 'sample', 'last_split_distance_m', 1, 1, none],
      ['Drive length (m)', 'stroke', 'drive_length_m', 1, 0.01, none], ['Drive time (s)', 'stroke', 'drive_time_s', 1, 0.01, none],
      ['Stroke recovery time (s)', 'stroke', 'recovery_time_s', 1, 0.01, none],
      ['Stroke distance (m)', 'stroke', 'stroke_distance_m', 1, 0.01, none],
      ['Peak drive force (lbs)', 'stroke', 'peak_force_lbf', 1, 0.1, none], ['Ave. drive force (lbs)', 'stroke', 'avg_force_lbf', 1, 0.1, none],
      ['Work per stroke (J)', 'stroke', 'work_per_stroke_j', 1, 0.1, none], ['Stroke count', 'stroke', 'stroke_count', 1, 1, none],
      ['Stroke power (W)', 'stroke', 'stroke_power_w', 1, 1, none],
      ['Stroke calories (cal/hr)', 'stroke', 'stroke_cal_per_hour', 1, 1, none],
      ['Projected work time (s)', 'stroke', 'projected_work_time_s', 1, 1, none],
      ['Projected work distance (m)', 'stroke', 'projected_work_distance_m', 1, 1, none],
      ['Split/interval number', 'split', 'split_number', 1, 1, none],
      ['Split/interval time (s)', 'split', 'split_time_s', 1, 0.1, none],
      ['Split/interval distance (m)', 'split', 'split_distance_m', 1, 1, none],
      ['Split/interval ave. stroke rate (/min)', 'split', 'avg_stroke_rate_spm', 1, 1, none]] },
  { name: 'concept2-season-2019.csv', season: true },
  { name: 'concept2-season-2021.csv', season: true },
];
const seasonColumns = [
  ['Work Time (Seconds)', 'work_time_s', 0.1, none], ['Rest Time (Seconds)', 'rest_time_s', 0.1, none],
  ['Work Distance', 'distance_m', 0.1, none], ['Rest Distance', 'total_rest_distance_m', 1, none],
  ['Stroke Rate/Cadence', 'avg_stroke_rate_spm', 1, none], ['Stroke Count', 'stroke_count', 1, none],
  ['Avg Watts', 'avg_power_w', 1, none], ['Cal/Hour', 'avg_cal_per_hour', 1, none], ['Total Cal', 'total_calories', 1, none],
  ['Avg Heart Rate', 'avg_heart_rate_bpm', 1, zero], ['Drag Factor', 'avg_drag_factor', 1, zero],
];

// "2:07.8" is 127.8.
function seconds(text) {
  return text.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
}

// What is wrong between a cell of the file and the export's cell; "" = nothing. Exact where the wire unit can hold it, else within half a unit.
function difference(cell, out, factor, unit, missing) {
  const text = cell.trim();
  const isMissing = text === '' || missing.some((value) => Number(value) === Number(text));
  if (isMissing) return out === '' ? '' : `${text} became ${out}`;
  if (out === '') return `${text} became nothing`;
  const wanted = (text.includes(':') ? seconds(text) : Number(text)) * factor;
  const inUnits = wanted / unit;
  const holds = Math.abs(inUnits - Math.round(inUnits)) < 1e-6;
  const slack = (holds ? 1e-6 : 0.5 + 1e-6) * unit;
  return Math.abs(Number(out) - wanted) <= slack ? '' : `${text} became ${out}`;
}

// The rows of a file that the records of a stream stand for: one a row, or the last of each group with a key.
function rowsFor(rows, key) {
  if (!key) return rows;
  const last = [];
  rows.forEach((row, i) => { if (i + 1 === rows.length || rows[i + 1][key] !== row[key]) last.push(row); });
  return last.filter((row) => Number(row[key]) > 0);
}

async function checkFile(file, server, key, session) {
  const text = fs.readFileSync(path.join(sharedData, file.name), 'utf8').replace(/^\uFEFF/, '');
  const lines = text.split('\n').slice(file.headerLine ?? 0).join('\n');
  const rows = parseCsv(lines).filter((row) => Object.values(row).some((cell) => cell !== undefined && cell.trim() !== ''));
  const exported = await server.csv(session.id, key, '?superseded=true');
  const byStream = { sample: rowsFor(rows), stroke: rowsFor(rows, file.strokeKey), split: rowsFor(rows, file.splitKey) };
  for (const [column, stream, field, factor, unit, missing] of file.columns) {
    const out = exported.filter((row) => row.stream === stream);
    const wanted = byStream[stream];
    if (!equal(`${file.name}: ${column} has a record per row`, out.length, wanted.length)) continue;
    const wrong = wanted.map((row, i) => difference(row[column], out[i][field], factor, unit, missing)).filter((text) => text !== '');
    check(`${file.name}: every ${column.trim()} of ${wanted.length} comes out as ${stream}.${field}`, wrong.length === 0, wrong.slice(0, 5));
  }
  return exported;
}

async function checkSeason(file, server, key, sessions) {
  const rows = parseCsv(fs.readFileSync(path.join(sharedData, file.name), 'utf8'));
  const mine = sessions.filter((session) => session.source_name === file.name);
  equal(`${file.name}: a session per workout`, mine.length, rows.length);
  const wrong = [];
  const unused = new Set(mine);
  for (const row of rows) {
    // The monitor's date is the end of the workout; with the time zone given the start is earlier by work and rest.
    const end = Date.parse(`${row.Date.replace(' ', 'T')}Z`) / 1000;
    const start = end - Number(row['Work Time (Seconds)']) - Number(row['Rest Time (Seconds)']);
    const session = [...unused].find((each) => Math.abs(Date.parse(each.started_at) / 1000 + each.utc_offset_minutes * 60 - start) < 1
      && Math.abs(each.work_distance_m - Number(row['Work Distance'])) < 0.05);
    if (!session) {
      wrong.push(`no session for ${row.Date} ${row.Description}`);
      continue;
    }
    unused.delete(session);
    const [summary] = (await server.csv(session.id, key, '?stream=summary'));
    for (const [column, field, unit, missing] of seasonColumns) {
      const text = difference(row[column], summary[field], 1, unit, missing);
      if (text !== '') wrong.push(`${row.Date} ${column}: ${text}`);
    }
  }
  check(`${file.name}: every workout comes out with its numbers`, wrong.length === 0, wrong.slice(0, 5));
}

await main(async () => {
  if (!fs.existsSync(path.join(sharedData, files[0].name))) {
    skip('real recordings', `${sharedData} is not there (set BOATHOUSE_SHARED_DATA)`);
    return;
  }
  const folder = temporaryFolder();
  const device = path.join(folder, 'device');
  const server = await new Server(path.join(folder, 'cloud')).start();
  const key = server.key('Anna');
  const sessionOf = {};

  for (const file of files) {
    const done = runJson(['device', 'import', '--json', '--time-zone', 'Europe/London', '--data', device, path.join(sharedData, file.name)]);
    equal(`${file.name} is imported`, [done.code, done.json.rejected_lines], [0, 0]);
    [sessionOf[file.name]] = done.json.sessions;
    const again = runJson(['device', 'import', '--json', '--data', device, path.join(sharedData, file.name)]);
    equal(`${file.name} a second time brings nothing new`, again.json.already_imported, true);
  }
  const capture = runJson(['device', 'replay', '--json', '--data', device, path.join(sharedData, 'pm5_capture_3x250m.jsonl')]);
  equal('the capture is replayed', [capture.code, capture.json.refused], [0, 0]);

  equal('sync', run(['device', 'sync', '--data', device, '--server', server.url, '--key', key]).code, 0);
  const verified = runJson(['device', 'verify', '--json', '--data', device]);
  equal('the device is whole', [verified.code, verified.json.problems], [0, 0]);
  equal('all of it is acknowledged', verified.json.acknowledged, verified.json.records);
  const counted = server.reconcile(key);
  equal('reconciled', [counted.code, counted.json?.differences], [0, []]);
  for (const stream of counted.json.streams) {
    const here = verified.json.records[stream.stream] ?? 0;
    equal(`${stream.stream}: device = seal = ledger = ClickHouse`, [stream.sealed, stream.ledger, stream.clickhouse ?? stream.ledger],
      [here, here, here]);
  }

  const sessions = await server.sessions(key);
  equal('every recording is a session', sessions.length, verified.json.recordings);
  for (const file of files) {
    if (file.season) await checkSeason(file, server, key, sessions);
    else await checkFile(file, server, key, sessions.find((session) => session.id === sessionOf[file.name]));
  }

  // The capture: values as its own author decoded them, in order.
  const exported = await server.csv(capture.json.sessions[0], key, '?superseded=true');
  const samples = exported.filter((row) => row.stream === 'sample');
  const told = fs.readFileSync(path.join(sharedData, 'pm5_capture_3x250m.jsonl'), 'utf8').split('\n').filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  // The recording begins where elapsed first grows; what stands before is an idle monitor. Some notifications have lost their partner.
  const begin = told.findIndex((line) => line.char === 'CE060031' && line.elapsed_s > 0);
  const capturedAs = (characteristic) => told.slice(begin).filter((line) => line.char === characteristic);
  for (const [characteristic, present, fields] of [
    ['CE060031', 'workout_state', { elapsed_s: 'elapsed_s', distance_m: 'distance_m', workoutType: 'workout_type', intervalType: 'interval_type',
      workoutState: 'workout_state', rowingState: 'rowing_state', strokeState: 'stroke_state', totWorkDist_m: 'total_work_distance_m',
      duration_raw: 'workout_duration', drag: 'drag_factor' }],
    ['CE060032', 'speed_mps', { elapsed_s: 'elapsed_s', speed_mps: 'speed_mps', sr: 'stroke_rate_spm', hr: 'heart_rate_bpm',
      pace_s: 'pace_s_per_500m', avgPace_s: 'avg_pace_s_per_500m', restDist: 'rest_distance_m', restTime_s: 'rest_time_s' }],
  ]) {
    const captured = capturedAs(characteristic);
    const kept = samples.filter((row) => row[present] !== '');
    if (!equal(`capture: every ${characteristic} of the rowing is in one sample`, kept.length, captured.length)) continue;
    const wrong = [];
    captured.forEach((line, i) => {
      for (const [theirs, ours] of Object.entries(fields)) {
        const missing = line[theirs] === 0 && ['drag', 'hr', 'pace_s', 'avgPace_s'].includes(theirs);
        const good = missing ? kept[i][ours] === '' : kept[i][ours] !== '' && Number(kept[i][ours]) === line[theirs];
        if (!good) wrong.push(`${line.seq} ${ours}: ${line[theirs]} became ${kept[i][ours]}`);
      }
    });
    check(`capture: every value of ${captured.length} ${characteristic} is exact`, wrong.length === 0, wrong.slice(0, 5));
  }

  // The files' own bytes, from the device.
  for (const file of files) {
    const original = fs.readFileSync(path.join(sharedData, file.name));
    const out = path.join(folder, 'source.bin');
    equal(`${file.name}: its bytes are taken out`, run(['device', 'source', '--data', device, '-o', out, sessionOf[file.name]]).code, 0);
    check(`${file.name}: byte by byte as it came`, fs.readFileSync(out).equals(original));
  }
  equal('SIGTERM ends with 0', await server.stop(), { code: 0, signal: null });
});
