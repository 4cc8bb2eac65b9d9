// What needs the athlete's choice: both versions and the three answers; and what was chosen before.
import { duration, metres } from './format.js';
import { useAction } from './live.js';
import { Said, Section, Time } from './parts.jsx';
import { untitled } from './words.js';

const ANSWERS = ['mine', 'theirs', 'both'];
const WRITTEN = {
  sides: ['Mine, shown now', 'Theirs, kept'],
  buttons: ['Keep mine', 'Keep theirs', 'Keep both'],
};
const ROWED = {
  sides: ['One recording', 'The other'],
  buttons: ['Same workout: keep mine', 'Same workout: keep theirs', 'Two workouts: keep both'],
};
// kind -> its words; `story` is the sentence in front of the two versions.
const KINDS = {
  title: { ...WRITTEN, name: 'title', story: 'Two devices wrote a different title for this session.' },
  notes: { ...WRITTEN, name: 'notes', story: 'Two devices wrote different notes for this session.' },
  overlap: { ...ROWED, name: 'recordings', story: 'These two were counted as one workout, because their data agree.' },
  suggestion: { ...ROWED, name: 'recordings', story: 'These two may be of one workout. Both are counted until you choose.' },
};
const CHOSEN = { mine: 'kept mine', theirs: 'kept theirs', both: 'kept both', other: 'settled another way' };

function Side({ side }) {
  if (side.text !== undefined) return side.text || '(empty)';
  const facts = [];
  if (side.distance_m > 0) facts.push(metres(side.distance_m));
  if (side.elapsed_s > 0) facts.push(duration(side.elapsed_s));
  if (side.device) facts.push(side.device);
  return <span><Time at={side.started_at} /> {facts.join(' · ')}</span>;
}

function Open({ conflict, busy, act }) {
  const kind = KINDS[conflict.kind];
  return (
    <article class="conflict" aria-label={`Two versions: ${kind.name} of ${conflict.title || untitled}`}>
      <p>{kind.story}</p>
      <dl>
        <div><dt>{kind.sides[0]}</dt><dd><Side side={conflict.mine} /></dd></div>
        <div><dt>{kind.sides[1]}</dt><dd><Side side={conflict.theirs} /></dd></div>
      </dl>
      <div class="row">
        {ANSWERS.map((keep, i) => (
          <button key={keep} type="button" disabled={busy} aria-label={`${kind.buttons[i]}: ${kind.name} of ${conflict.title || untitled}`}
            onClick={() => act(`/api/conflicts/${encodeURIComponent(conflict.id)}`, { keep }, 'Your choice is saved')}>{kind.buttons[i]}</button>
        ))}
      </div>
    </article>
  );
}

function Before({ answered }) {
  if (answered.length === 0) return null;
  return (
    <details>
      <summary>What was chosen before ({answered.length})</summary>
      <ul class="plain">
        {answered.map((conflict) => (
          <li key={conflict.id}>{KINDS[conflict.kind].name} of {conflict.title || untitled}: {CHOSEN[conflict.answered]}{' '}
            (<Side side={conflict.mine} /> / <Side side={conflict.theirs} />)</li>
        ))}
      </ul>
    </details>
  );
}

export function Conflicts({ list, look }) {
  const [busy, said, act] = useAction(look);
  const open = list.filter((conflict) => conflict.answered === null);
  const answered = list.filter((conflict) => conflict.answered !== null);
  if (list.length === 0 && said === '') return null;
  return (
    <Section id="conflicts" title={open.length > 0 ? 'Your choice is needed' : 'Your choices'} count={open.length}>
      {open.map((conflict) => <Open key={conflict.id} conflict={conflict} busy={busy} act={act} />)}
      <Before answered={answered} />
      <Said text={said} />
    </Section>
  );
}
