import { useState } from 'preact/hooks';
import { Chart } from './chart.jsx';
import { Conflicts } from './conflicts.jsx';
import { useList, useStatus } from './live.js';
import { Section } from './parts.jsx';
import { Pending } from './pending.jsx';
import { Sessions } from './sessions.jsx';
import { StatusBar } from './status_bar.jsx';
import { Storage } from './storage.jsx';

const PAGE = 50;

export function App() {
  const [status, look] = useStatus();
  const [limit, setLimit] = useState(PAGE);
  const mark = status?.list;
  const sessions = useList(`/api/sessions?limit=${limit}`, mark);
  const pending = useList('/api/pending', mark);
  const conflicts = useList('/api/conflicts', mark);
  if (status === null) return <p class="quiet wait">Looking at this device</p>;
  return (
    <>
      <StatusBar status={status} look={look} />
      <main>
        <div class="wide">
          {status.rowing && (
            <Section id="now" title="Rowing now"><Chart key={status.rowing} session={status.rowing} running /></Section>
          )}
          {conflicts && <Conflicts list={conflicts.conflicts} look={look} />}
          {sessions && <Sessions list={sessions} total={status.sessions} more={() => setLimit(limit + PAGE)} look={look} />}
        </div>
        <div class="side">
          {pending && <Pending list={pending} status={status} look={look} />}
          {status.space && <Storage space={status.space} look={look} />}
        </div>
      </main>
    </>
  );
}
