// What waits to be uploaded, and what was not taken.
import { bytes, plural, span } from './format.js';
import { useAction } from './live.js';
import { Badge, Said, Section, Time } from './parts.jsx';
import { safetyOf, titleOf } from './words.js';

const MAX_SHOWN = 20;

function nextTry(status) {
  const tries = status.tries > 0 ? `${plural(status.tries, 'try', 'tries')} so far` : 'Not tried yet';
  if (!status.next_try_at) return tries;
  const seconds = (Date.parse(status.next_try_at) - Date.parse(status.now)) / 1000;
  return seconds > 0 ? `${tries}, next in ${span(seconds)}` : `${tries}, next now`;
}

export function Pending({ list, status, look }) {
  const total = Math.max(list.length, status.pending_recordings);
  const [busy, said, act] = useAction(look);
  const refused = list.filter((session) => session.refused_items > 0);
  return (
    <Section id="pending" title="Waiting to upload" count={total}>
      {list.length === 0 && <p class="quiet">Nothing waits. All that was recorded here is in the cloud.</p>}
      {list.length > refused.length && <p class="quiet">{nextTry(status)}</p>}
      <ul class="plain">
        {list.slice(0, MAX_SHOWN).map((session) => (
          <li key={session.id} class="line">
            <span class="grow">
              <strong>{titleOf(session)}</strong><span class="reason"><Time at={session.started_at} /></span>
              {session.refused_items > 0 && (
                <span class="reason">The server said: {session.refusal}. Everything is kept here.</span>
              )}
            </span>
            {session.refused_items > 0 ? <Badge kind={safetyOf(session)} /> : <span>{bytes(session.pending_bytes)}</span>}
          </li>
        ))}
      </ul>
      {total > MAX_SHOWN && <p class="quiet">and {total - MAX_SHOWN} more</p>}
      {refused.length > 0 && (
        <button type="button" disabled={busy} onClick={() => act('/api/refused', {}, 'Offered again')}>Try those again</button>
      )}
      <Said text={said} />
      <p class="copies quiet">When something does not work: <a href="/api/log.txt" download="boathouse-sync-log.txt">save the sync log</a> for support.</p>
    </Section>
  );
}
