// Small parts that several sections share.
import { atTime, exactly, onDay } from './format.js';
import { Icon } from './icons.jsx';

export const Badge = ({ kind }) => (
  <span class={`badge ${kind.tone}`}><Icon name={kind.icon} />{kind.text}</span>
);

// The exact time on pointing at it, and for machines.
export const Time = ({ at, short }) => (
  <time datetime={at} title={exactly(at)}>{short ? atTime(at) : onDay(at)}</time>
);

// What came of a button; read out when it changes.
export const Said = ({ text }) => <p class="said" role="status">{text}</p>;

export const Section = ({ id, title, count, children }) => (
  <section aria-labelledby={id} class="card">
    <h2 id={id}>{title}{count > 0 && <span class="count"> ({count})</span>}</h2>
    {children}
  </section>
);
