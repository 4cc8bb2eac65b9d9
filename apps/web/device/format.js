// Numbers and times as people read them.
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric', month: 'short' });
const exact = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'long' });

export const plural = (n, thing, things = `${thing}s`) => `${n} ${n === 1 ? thing : things}`;

export function bytes(n) {
  if (n < 1000) return `${n} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = n;
  let unit = -1;
  do {
    value /= 1000;
    unit += 1;
  } while (value >= 999.5 && unit < units.length - 1);
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

export function span(seconds) {
  if (seconds < 60) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 2 * 86400) return plural(Math.floor(seconds / 3600), 'hour');
  return `${Math.floor(seconds / 86400)} days`;
}

export const ago = (seconds) => (seconds < 5 ? 'just now' : `${span(seconds)} ago`);
export const atTime = (iso) => clock.format(new Date(iso));
export const exactly = (iso) => exact.format(new Date(iso));
export const onDay = (iso) => `${day.format(new Date(iso))}, ${clock.format(new Date(iso))}`;

// "1:23:45", "7:05"; of a pace with tenths: "2:03.4".
export function duration(seconds, digits = 0) {
  const scale = 10 ** digits;
  const units = Math.round(seconds * scale);
  const whole = Math.floor(units / scale);
  const two = (n) => String(n).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const tail = digits > 0 ? `.${String(units % scale).padStart(digits, '0')}` : '';
  return `${hours > 0 ? `${hours}:${two(minutes)}` : minutes}:${two(whole % 60)}${tail}`;
}
export const pace = (seconds) => duration(seconds, 1);
export const metres = (n) => `${Math.round(n).toLocaleString('en-GB')} m`;
