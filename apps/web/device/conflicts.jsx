// What two devices wrote differently: both versions, and the three answers.
import { useAction } from './live.js';
import { Said, Section, Time } from './parts.jsx';
import { untitled } from './words.js';

const kinds = { title: 'a different title', notes: 'different notes' };
const names = { title: 'title', notes: 'notes' };
const answers = [['mine', 'Keep mine'], ['theirs', 'Keep theirs'], ['both', 'Keep both']];

export function Conflicts({ list, look }) {
  const [busy, said, act] = useAction(look);
  if (list.length === 0 && said === '') return null;
  return (
    <Section id="conflicts" title="Your choice is needed" count={list.length}>
      {list.map((conflict) => (
        <article key={conflict.id} class="conflict" aria-label={`Two versions of the ${names[conflict.kind]}`}>
          <p>Two devices wrote {kinds[conflict.kind]} for the session of <Time at={conflict.started_at} />.</p>
          <dl>
            <div><dt>Mine, shown now</dt><dd>{conflict.mine || '(empty)'}</dd></div>
            <div><dt>Theirs, kept</dt><dd>{conflict.theirs || '(empty)'}</dd></div>
          </dl>
          <div class="row">
            {answers.map(([keep, text]) => (
              <button key={keep} type="button" disabled={busy} aria-label={`${text}: ${names[conflict.kind]} of ${conflict.title || untitled}`}
                onClick={() => act(`/api/conflicts/${conflict.id}`, { keep }, 'Your choice is saved')}>{text}</button>
            ))}
          </div>
        </article>
      ))}
      <Said text={said} />
    </Section>
  );
}
