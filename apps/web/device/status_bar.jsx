// The pill and the two buttons, always in view; the line and the bar under them.
import { useRef, useState } from 'preact/hooks';
import { bytes, exactly, span } from './format.js';
import { Icon } from './icons.jsx';
import { useAction } from './live.js';
import { Said } from './parts.jsx';
import { overdue, words } from './words.js';

const SURE_MS = 3000;

// How long the rest takes at the speed since this bar appeared; '' while that cannot be known.
function useTimeLeft({ done_bytes: done, total_bytes: total }) {
  const start = useRef({ at: Date.now(), done });
  const ms = Date.now() - start.current.at;
  const sent = done - start.current.done;
  return ms > SURE_MS && sent > 0 && done < total ? `, about ${span(((total - done) * ms) / sent / 1000)} left` : '';
}

function Progress({ progress }) {
  const left = useTimeLeft(progress);
  const share = progress.total_bytes > 0 ? Math.round((100 * progress.done_bytes) / progress.total_bytes) : 0;
  const text = `${progress.done} of ${progress.total} sessions, ${bytes(progress.done_bytes)} of ${bytes(progress.total_bytes)}${left}`;
  return (
    <div class="progress">
      <div class="bar" role="progressbar" aria-label="Upload" aria-valuemin="0" aria-valuemax="100" aria-valuenow={share}
        aria-valuetext={text}>
        <div class="fill" style={{ width: `${share}%` }} />
      </div>
      <span aria-hidden="true">{text}</span>
    </div>
  );
}

function SignIn({ look }) {
  const [key, setKey] = useState('');
  const [busy, said, act] = useAction(look);
  const submit = (event) => {
    event.preventDefault();
    act('/api/sign-in', { key: key.trim() }, 'Signing in');
  };
  return (
    <form class="row" onSubmit={submit}>
      <label>Your key
        <input type="password" autocomplete="current-password" required value={key} onInput={(e) => setKey(e.target.value)} />
      </label>
      <button type="submit" disabled={busy}>Sign in</button>
      <Said text={said} />
    </form>
  );
}

const links = { conflict: ['#conflicts', 'Choose'], storage_low: ['#storage', 'See storage'], rejected: ['#pending', 'See why'] };
const UNABLE = new Set(['silent', 'broken']);
const NOTHING_TO_ASK = new Set([...UNABLE, 'paused']);

export function StatusBar({ status, look }) {
  const [busy, said, act] = useAction(look);
  const word = words[status.word];
  const known = status.now !== undefined;
  const paused = status.state === 'paused';
  const sends = known && status.pending_items > 0 && (status.word === 'syncing' || status.progress.done_bytes > 0);
  const late = known ? overdue(status) : '';
  return (
    <>
      <header class="top">
        <div class="top-inner">
          <h1>Boathouse</h1>
          <div class={`pill ${word.tone}`} role={word.role ?? 'status'} data-word={status.word}>
            <Icon name={word.icon} /><span>{word.pill(status)}</span>
          </div>
          <div class="actions">
            <button type="button" class="primary" disabled={busy || NOTHING_TO_ASK.has(status.word)}
              onClick={() => act('/api/sync')}>Sync now</button>
            <button type="button" disabled={busy || UNABLE.has(status.word)}
              onClick={() => act(paused ? '/api/resume' : '/api/pause')}>{paused ? 'Resume' : 'Pause'}</button>
          </div>
        </div>
      </header>
      <div class="about">
        <p class="detail" title={status.last_success_at ? `Last sync: ${exactly(status.last_success_at)}` : undefined}>
          {(known || UNABLE.has(status.word)) && word.detail(status)}
          {links[status.word] && <> <a href={links[status.word][0]}>{links[status.word][1]}</a></>}
        </p>
        {sends && <Progress progress={status.progress} />}
        {late && <p class="late"><Icon name="alert" />{late}</p>}
        {status.word === 'sign_in_needed' && <SignIn look={look} />}
        <Said text={said} />
      </div>
    </>
  );
}
