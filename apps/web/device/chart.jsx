// Pace, power and heart rate over the time of a session, and the same as a table.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { duration, pace } from './format.js';
import { useRows } from './live.js';

const SAMPLE = ['at_s', 'pace_s_per_500m', 'heart_rate_bpm', 'distance_m', 'stroke_rate_spm'];
const STROKE = ['at_s', 'stroke_power_w'];
const LINES = [
  { name: 'Pace', unit: (metres) => `min/${metres} m`, scale: 'pace', color: '--line-1', show: pace },
  { name: 'Power', unit: () => 'W', scale: 'power', color: '--line-2', dash: [6, 3], show: String },
  { name: 'Heart rate', unit: () => 'beats/min', scale: 'heart', color: '--line-3', dash: [2, 3], show: String },
];
const HEIGHT = 260;
const RECENT_S = 120;
const TABLE_ROWS = 40;

// Quick is up, with room above; what is slower than standing starts are is cut off, so that the rest can be seen.
const paceRange = (low, high) => (low === null ? [90, 150] : [low - 5, Math.min(Math.max(high, low + 10), low + 60) + 2]);

// [times, pace, power, heart rate] on one time axis.
function join(samples, strokes) {
  const timed = samples.filter((row) => row[0] !== null);
  const first = [timed.map((row) => row[0]), timed.map((row) => row[1]), timed.map((row) => row[2])];
  const second = strokes.filter((row) => row[0] !== null);
  if (timed.length === 0) return [[], [], [], []];
  const [times, paces, hearts, powers] = uPlot.join([first, [second.map((row) => row[0]), second.map((row) => row[1])]]);
  return [times, paces, powers, hearts];
}

function axes(style, narrow) {
  const text = style.getPropertyValue('--text');
  const grid = { stroke: style.getPropertyValue('--grid'), width: 1 };
  const side = (line, i) => ({
    scale: line.scale, side: i === 0 ? 3 : 1, show: i === 0 || !narrow, stroke: style.getPropertyValue(line.color), size: i === 0 ? 56 : 44,
    grid: { ...grid, show: i === 0 }, ticks: grid, values: (_, all) => all.map((v) => (v === null ? '' : line.show(v))),
  });
  return [
    { stroke: text, grid, ticks: grid, size: 30, label: 'Time (min:s)', labelSize: 22, labelGap: 0, labelFont: '12px system-ui', gap: 4, values: (_, all) => all.map((v) => duration(v)) },
    ...LINES.map(side),
  ];
}

function Plot({ data, label }) {
  const place = useRef(null);
  const plot = useRef(null);
  const latest = useRef(data);
  latest.current = data;
  useEffect(() => {
    const dark = window.matchMedia('(prefers-color-scheme: dark)');
    const build = () => {
      plot.current?.destroy();
      const style = getComputedStyle(document.documentElement);
      const width = place.current.clientWidth;
      plot.current = new uPlot({
        width, height: HEIGHT, legend: { show: false }, cursor: { drag: { x: false, y: false }, y: false },
        scales: {
          x: { time: false }, pace: { dir: -1, range: (_, low, high) => paceRange(low, high) }, power: { range: (_, low, high) => [0, Math.max(100, high * 1.8)] }, heart: {},
        },
        axes: axes(style, width < 520),
        series: [{}, ...LINES.map((line) => ({
          label: line.name, scale: line.scale, stroke: style.getPropertyValue(line.color), width: 2, dash: line.dash, spanGaps: true,
          points: { show: false },
        }))],
      }, latest.current, place.current);
    };
    build();
    const resized = new ResizeObserver(() => {
      if (plot.current.width !== place.current.clientWidth) build();
    });
    resized.observe(place.current);
    dark.addEventListener('change', build);
    return () => {
      resized.disconnect();
      dark.removeEventListener('change', build);
      plot.current.destroy();
    };
  }, []);
  useEffect(() => plot.current.setData(data), [data]);
  return <div ref={place} class="plot" role="img" aria-label={label} />;
}

function Table({ samples, strokes, paceMetres }) {
  const step = Math.max(1, Math.ceil(samples.length / TABLE_ROWS));
  const picked = samples.filter((_, i) => i % step === 0);
  const powerAt = (time) => {
    let found = null;
    for (const [at, power] of strokes) {
      if (at > time) break;
      found = power ?? found;
    }
    return found;
  };
  return (
    <details>
      <summary>The same as a table</summary>
      <div class="scroll" tabIndex={0} role="region" aria-label="Values of the chart">
        <table>
          <caption>{samples.length > picked.length ? `Every ${step}th of ${samples.length} values` : 'All values'}</caption>
          <thead>
            <tr><th scope="col">Time</th><th scope="col">Distance (m)</th>
              {LINES.map((line) => <th key={line.name} scope="col">{line.name} ({line.unit(paceMetres)})</th>)}
              <th scope="col">Stroke rate (strokes/min)</th></tr>
          </thead>
          <tbody>
            {picked.map(([time, paceNow, heart, distance, rate], i) => (
              <tr key={i}>
                <th scope="row">{time === null ? '-' : duration(time)}</th>
                <td>{distance === null ? '-' : Math.round(distance)}</td>
                <td>{paceNow === null ? '-' : pace(paceNow)}</td>
                <td>{powerAt(time) ?? '-'}</td>
                <td>{heart ?? '-'}</td>
                <td>{rate ?? '-'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

// With the pace that the machine shows: a BikeErg's is per 1000 m.
const shown = (rows, paceMetres) => (paceMetres === 500 ? rows
  : rows.map((row) => row.map((value, i) => (i === 1 && value !== null ? (value * paceMetres) / 500 : value))));

const lastOf = (values) => {
  for (let i = values.length - 1; i >= 0; --i) if (values[i] !== null && values[i] !== undefined) return values[i];
  return null;
};

export function Chart({ session, running }) {
  const [measured, paceMetres] = useRows(session, 'sample', SAMPLE, running);
  const [strokes] = useRows(session, 'stroke', STROKE, running);
  const samples = useMemo(() => shown(measured, paceMetres), [measured, paceMetres]);
  const [recent, setRecent] = useState(false);
  if (samples.length === 0) return <p class="quiet">{running ? 'Waiting for the first stroke.' : 'There is nothing here to draw.'}</p>;
  let data = join(samples, strokes);
  const now = LINES.map((_, i) => lastOf(data[i + 1]));
  if (recent && data[0].length > 0) {
    const from = data[0].findIndex((time) => time >= data[0][data[0].length - 1] - RECENT_S);
    data = data.map((values) => values.slice(from));
  }
  const last = samples[samples.length - 1];
  return (
    <div class="chart">
      <dl class="numbers">
        {running && <div><dt>Time</dt><dd>{duration(last[0] ?? 0)}</dd></div>}
        {running && <div><dt>Distance</dt><dd>{Math.round(last[3] ?? 0)} m</dd></div>}
        {LINES.map((line, i) => (
          <div key={line.name} class={`key-${i + 1}`}>
            <dt><svg class="key" viewBox="0 0 28 6" width="28" height="6" aria-hidden="true"><line x1="0" y1="3" x2="28" y2="3"
              stroke-dasharray={line.dash?.join(' ')} /></svg>{line.name} <span class="unit">({line.unit(paceMetres)})</span></dt>
            {running && <dd>{now[i] === null ? '-' : line.show(now[i])}</dd>}
          </div>
        ))}
      </dl>
      {data[0].length > 0 && <Plot data={data} label="Pace, power and heart rate over time; the same values are in the table below" />}
      <div class="row small">
        <button type="button" aria-pressed={!recent} onClick={() => setRecent(false)}>Whole session</button>
        <button type="button" aria-pressed={recent} onClick={() => setRecent(true)}>Last 2 minutes</button>
      </div>
      <Table samples={samples} strokes={strokes} paceMetres={paceMetres} />
    </div>
  );
}
