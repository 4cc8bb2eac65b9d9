// Keeps what the page shows up to date: the status every second while somebody looks, the lists when they may have changed.
import { useEffect, useRef, useState } from 'preact/hooks';
import { get, post } from './api.js';

const WATCHED_MS = 1000;
const HIDDEN_MS = 15000;
const LIST_MS = 2000;  // while syncing every second brings a change

export function useStatus() {
  const [status, setStatus] = useState(null);
  const look = useRef(() => {});
  useEffect(() => {
    let timer;
    let asking = false;
    const ask = async () => {
      clearTimeout(timer);
      if (asking) return;
      asking = true;
      try {
        setStatus(await get('/api/status'));
      } catch (error) {
        setStatus((last) => ({ ...last, word: error.answered ? 'broken' : 'silent', trouble: error.message }));
      }
      asking = false;
      timer = setTimeout(ask, document.hidden ? HIDDEN_MS : WATCHED_MS);
    };
    look.current = ask;
    document.addEventListener('visibilitychange', ask);
    ask();
    return () => {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', ask);
    };
  }, []);
  return [status, () => look.current()];
}

// What `path` answers, again whenever `mark` has moved; null before the first answer.
export function useList(path, mark) {
  const [list, setList] = useState(null);
  const last = useRef(0);
  useEffect(() => {
    if (mark === undefined) return undefined;
    let dropped = false;
    const timer = setTimeout(async () => {
      last.current = Date.now();
      try {
        const answer = await get(path);
        if (!dropped) setList(answer);
      } catch {
        // The status says it when the program is away.
      }
    }, Math.max(0, last.current + LIST_MS - Date.now()));
    return () => {
      dropped = true;
      clearTimeout(timer);
    };
  }, [path, mark]);
  return list;
}

// A button's work: [busy, said, act]. `said` is what came of it, for people.
export function useAction(done) {
  const [state, setState] = useState({ busy: false, said: '' });
  const act = async (path, body, words) => {
    setState({ busy: true, said: '' });
    let said;
    let answer;
    try {
      answer = await post(path, body);
      said = typeof words === 'function' ? words(answer) : words ?? '';
    } catch (error) {
      said = `That did not work: ${error.message}`;
    }
    setState({ busy: false, said });
    done?.();
    return answer;
  };
  return [state.busy, state.said, act];
}

// [rows, paceMetres] of a stream of a session, growing while `running`.
export function useRows(session, stream, fields, running) {
  const [rows, setRows] = useState([[], 500]);
  useEffect(() => {
    let timer;
    let stopped = false;
    let next = 0;
    let all = [];
    const ask = async () => {
      try {
        const piece = await get(`/api/sessions/${session}/records?stream=${stream}&fields=${fields.join(',')}&from=${next}`);
        if (stopped) return;
        next = piece.next;
        if (piece.rows.length > 0) {
          all = all.concat(piece.rows);
          setRows([all, piece.pace_m]);
          timer = setTimeout(ask, running ? WATCHED_MS : 0);
          return;
        }
      } catch {
        // Again below.
      }
      if (!stopped && running) timer = setTimeout(ask, WATCHED_MS);
    };
    ask();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }, [session, stream, running]);
  return rows;
}
