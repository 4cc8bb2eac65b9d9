// The sessions, newest first; each opens to its chart and what can be written about it.
import { useEffect, useRef, useState } from 'preact/hooks';
import { Chart } from './chart.jsx';
import { duration, metres, pace } from './format.js';
import { useAction } from './live.js';
import { Badge, Said, Section, Time } from './parts.jsx';
import { safetyOf, titleOf } from './words.js';

function Facts({ session }) {
  const facts = [];
  if (session.distance_m > 0) facts.push(metres(session.distance_m));
  if (session.elapsed_s > 0) facts.push(duration(session.elapsed_s));
  if (session.distance_m > 0 && session.elapsed_s > 0) facts.push(`${pace((session.pace_m * session.elapsed_s) / session.distance_m)} per ${session.pace_m} m`);
  if (!session.ended) facts.push('still running');
  if (session.away_items > 0) facts.push('details only in the cloud');
  if (session.removed_from_cloud > 0) facts.push('details removed from the cloud by the club’s retention policy; what is on this device stays');
  return <span class="facts">{facts.join(' · ')}</span>;
}

// What was typed stays until it is saved and the device has it, whatever comes from elsewhere meanwhile.
function Words({ session, look }) {
  const there = { title: session.title ?? '', notes: session.notes ?? '', tags: session.tags.join(', ') };
  const [draft, setDraft] = useState({});
  const saved = useRef(false);
  const [busy, said, act] = useAction(look);
  useEffect(() => {
    if (saved.current) setDraft({});
  }, [there.title, there.notes, there.tags]);
  const now = { ...there, ...draft };
  const typed = (field) => (event) => {
    saved.current = false;
    setDraft({ ...draft, [field]: event.target.value });
  };
  const save = async (event) => {
    event.preventDefault();
    const wanted = [...new Set(now.tags.split(',').map((tag) => tag.trim()).filter((tag) => tag !== ''))];
    const change = {
      add_tags: wanted.filter((tag) => !session.tags.includes(tag)),
      remove_tags: session.tags.filter((tag) => !wanted.includes(tag)),
    };
    if (now.title !== there.title) change.title = now.title || null;
    if (now.notes !== there.notes) change.notes = now.notes || null;
    const done = await act(`/api/sessions/${session.id}/edit`, change, 'Saved on this device; your other devices get it with the next sync');
    saved.current = done !== undefined;
  };
  return (
    <form class="words" onSubmit={save}>
      <label>Title<input value={now.title} maxLength={200} onInput={typed('title')} /></label>
      <label>Notes<textarea rows={3} maxLength={10000} value={now.notes} onInput={typed('notes')} /></label>
      <label>Tags, with commas between<input value={now.tags} onInput={typed('tags')} /></label>
      <button type="submit" disabled={busy}>Save</button>
      <Said text={said} />
    </form>
  );
}

function Away({ session, look }) {
  const [busy, said, act] = useAction(look);
  return (
    <div>
      <p>The details of this session are in the cloud, not on this device.</p>
      <button type="button" disabled={busy} onClick={() => act(`/api/sessions/${session.id}/fetch`, {}, 'They come with the next sync')}>
        Get them back</button>
      <Said text={said} />
    </div>
  );
}

const COPIES = { sample: 'samples', stroke: 'strokes', split: 'splits' };

function Copies({ session }) {
  const streams = Object.keys(COPIES).filter((stream) => session.records[stream] > 0);
  return (
    <p class="copies">Save a copy as a table:{streams.map((stream) => (
      <a key={stream} href={`/api/sessions/${session.id}/records.csv?stream=${stream}`}
        download={`${session.id}-${COPIES[stream]}.csv`}>{COPIES[stream]}</a>
    ))}</p>
  );
}

function Session({ session, look }) {
  const [open, setOpen] = useState(false);
  const panel = `panel-${session.id}`;
  return (
    <li class="session">
      <button type="button" class="head" aria-expanded={open} aria-controls={panel} disabled={Boolean(session.problem)}
        onClick={() => setOpen(!open)}>
        <span class="grow">
          <span class="title">{titleOf(session)}</span>
          <span class="quiet">{session.problem ? `Cannot be read: ${session.problem}` : <Time at={session.started_at} />}</span>
          <Facts session={session} />
          {session.tags.length > 0 && <span class="tags">{session.tags.map((tag) => <span key={tag}>{tag}</span>)}</span>}
        </span>
        <Badge kind={safetyOf(session)} />
      </button>
      <div id={panel} class="panel" hidden={!open}>
        {open && (
          <>
            {session.away_items > 0 ? <Away session={session} look={look} />
              : <><Chart session={session.id} running={!session.ended} /><Copies session={session} /></>}
            <Words session={session} look={look} />
          </>
        )}
      </div>
    </li>
  );
}

export function Sessions({ list, total, more, look }) {
  const shown = list.filter((session) => !session.deleted);
  return (
    <Section id="sessions" title="Sessions on this device" count={total}>
      {total === 0 && <p class="quiet">Nothing yet. Start rowing, and it appears here.</p>}
      <ul class="plain">{shown.map((session) => <Session key={session.id} session={session} look={look} />)}</ul>
      {list.length < total && <button type="button" onClick={more}>Show more</button>}
    </Section>
  );
}
