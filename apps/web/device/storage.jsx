// What the sessions take on this device, the limit, and what can be removed or why not.
import { useState } from 'preact/hooks';
import { bytes } from './format.js';
import { useAction } from './live.js';
import { Said, Section } from './parts.jsx';

const MB = 1000 * 1000;

export function Storage({ space, look }) {
  const [wanted, setWanted] = useState('');
  const [busy, said, act] = useAction(look);
  const share = space.cap > 0 ? Math.min(100, Math.round((100 * space.used) / space.cap)) : 0;
  const limit = (cap) => act('/api/storage', { cap_bytes: cap }, cap > 0 ? `The limit is ${bytes(cap)} now` : 'There is no limit now');
  const submit = (event) => {
    event.preventDefault();
    limit(Math.round(Number(wanted) * MB));
  };
  const stuck = [
    [space.running, 'of a workout that still goes on'],
    [space.unsent, 'not uploaded yet'],
    [space.unverified, 'uploaded, but not yet compared with the cloud'],
    [space.no_backup, 'in the cloud, but there is no checked backup there yet'],
    [space.not_backed_up - space.no_backup, 'in the cloud, but newer than the last checked backup there'],
  ].filter(([size]) => size > 0);
  return (
    <Section id="storage" title="Storage">
      <p><strong>{bytes(space.used)}</strong> used{space.cap > 0 ? ` of ${bytes(space.cap)}` : ', no limit set'}</p>
      {space.cap > 0 && (
        <div class={`bar ${share >= 100 ? 'full' : ''}`} role="meter" aria-label="Storage used" aria-valuemin="0" aria-valuemax="100"
          aria-valuenow={share} aria-valuetext={`${bytes(space.used)} of ${bytes(space.cap)}`}>
          <div class="fill" style={{ width: `${share}%` }} />
        </div>
      )}
      {space.disk_low && (
        <p role="alert">The disk of this device is nearly full. A workout that runs is saved to its end; no new one begins until there is room again.</p>
      )}
      <p>{space.freeable > 0
        ? `${bytes(space.freeable)} can be removed here: it is safe in the cloud and comes back when you ask for it.`
        : 'Nothing can be removed at the moment.'}</p>
      {stuck.length > 0 && (
        <ul class="quiet">{stuck.map(([size, why]) => <li key={why}>{bytes(size)} must stay: {why}</li>)}</ul>
      )}
      <div class="row">
        <button type="button" disabled={busy || space.freeable === 0}
          onClick={() => act('/api/storage', { free_bytes: space.freeable }, (done) => `${bytes(done.freed)} removed from this device`)}>
          Free up space
        </button>
      </div>
      <form class="row" onSubmit={submit}>
        <label>Limit in MB
          <input type="number" inputmode="decimal" min="0.1" step="any" required value={wanted} onInput={(e) => setWanted(e.target.value)} />
        </label>
        <button type="submit" disabled={busy}>Set limit</button>
        {space.cap > 0 && <button type="button" disabled={busy} onClick={() => limit(0)}>No limit</button>}
      </form>
      <Said text={said} />
    </Section>
  );
}
