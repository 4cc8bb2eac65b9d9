// Every word that a person reads about how things stand. English; another language is another file like this one.
import { ago, atTime, bytes, plural, span } from './format.js';

const seconds = (from, to) => (Date.parse(to) - Date.parse(from)) / 1000;
const nextTry = (s) => (s.next_try_at && seconds(s.now, s.next_try_at) > 0
  ? `Next try in ${span(seconds(s.now, s.next_try_at))}` : 'Trying now');
const retryAt = (s) => (s.next_try_at && seconds(s.now, s.next_try_at) > 0
  ? `we retry at ${atTime(s.next_try_at)}` : 'we are trying now');
const lastSync = (s) => (s.last_success_at ? `last synced ${atTime(s.last_success_at)}` : 'not synced since the start');
const failed = (s) => Math.max(1, s.pending_recordings);

// word -> icon, tone (colour), role, pill text and detail line of a status record.
export const words = {
  synced: {
    icon: 'check', tone: 'good',
    pill: () => 'All synced',
    detail: (s) => (s.last_success_at ? `Last sync ${ago(seconds(s.last_success_at, s.now))}` : 'Nothing waits to be uploaded'),
  },
  saved_locally: {
    icon: 'disk', tone: 'calm',
    pill: () => 'Saved on this phone',
    detail: (s) => (s.rowing ? 'This session is saved as you row, and uploads in pieces'
      : `${plural(Math.max(1, s.pending_recordings), 'session')} will upload when you are online`),
  },
  pending_online: {
    icon: 'clock', tone: 'busy',
    pill: (s) => `${Math.max(1, s.pending_recordings)} waiting to upload`,
    detail: nextTry,
  },
  syncing: {
    icon: 'arrows', tone: 'busy',
    pill: (s) => (s.progress.total > 0
      ? `Syncing ${Math.min(s.progress.done + 1, s.progress.total)} of ${s.progress.total}` : 'Syncing'),
    detail: (s) => (s.progress.total > 0
      ? `${bytes(s.progress.done_bytes)} of ${bytes(s.progress.total_bytes)} sent` : 'Looking for news from your other devices'),
  },
  offline: {
    icon: 'cloudOff', tone: 'calm',
    pill: () => 'Offline - you can keep rowing',
    detail: (s) => `${plural(s.pending_recordings, 'session')} saved here; ${lastSync(s)}`,
  },
  server_away: {
    icon: 'cloudAlert', tone: 'warn',
    pill: () => "Can't reach the server",
    detail: (s) => `You are online; ${retryAt(s)}`,
  },
  sign_in_needed: {
    icon: 'lock', tone: 'warn', role: 'alert',
    pill: () => 'Sign in to sync',
    detail: () => 'Your data is safe on this phone',
  },
  limited: {
    icon: 'clock', tone: 'warn',
    pill: () => 'Server busy, slowing down',
    detail: nextTry,
  },
  partial: {
    icon: 'alert', tone: 'warn',
    pill: (s) => `${Math.max(0, s.sessions - failed(s))} synced, ${failed(s)} failed`,
    detail: (s) => s.reason || s.last_error || 'Some data on this phone is not yet known to the cloud',
  },
  conflict: {
    icon: 'fork', tone: 'warn',
    pill: (s) => (s.conflicts === 1 ? '1 needs your choice' : `${s.conflicts} need your choice`),
    detail: () => 'Two devices wrote different things; both are kept until you choose',
  },
  rejected: {
    icon: 'cross', tone: 'bad',
    pill: (s) => `${plural(s.refused_sessions, 'session')} not accepted`,
    detail: () => 'Kept on this phone; the reason is in the list of what waits',
  },
  storage_low: {
    icon: 'diskAlert', tone: 'bad',
    pill: () => 'Phone storage almost full',
    detail: (s) => `${bytes(room(s))} left, ${s.space.freeable > 0
      ? 'oldest synced data can be removed' : 'and nothing can be removed yet'}`,
  },
  paused: {
    icon: 'pause', tone: 'calm',
    pill: () => 'Sync paused',
    detail: (s) => (s.paused_at ? `You paused it at ${atTime(s.paused_at)}` : 'You paused it'),
  },
  // The page's own: its program cannot work with the folder any more.
  broken: {
    icon: 'alert', tone: 'bad', role: 'alert',
    pill: () => 'Nothing can be saved',
    detail: (s) => s.trouble,
  },
  // The page's own: its program on this device does not answer.
  silent: {
    icon: 'alert', tone: 'warn',
    pill: () => 'This page has lost its program',
    detail: () => 'Start it again on this device; what was saved is safe there',
  },
};

// Bytes that may still be written: under the limit, and on the disk.
export function room({ space }) {
  return Math.min(space.disk_free, space.cap > 0 ? Math.max(0, space.cap - space.used) : Infinity);
}

// After a day without upload, a warning beside whatever else is shown.
export const overdue = (s) => (s.oldest_pending_s > 86400 && s.pending_items > 0
  ? `Some of your rowing has waited ${span(s.oldest_pending_s)} to be uploaded.` : '');

export const safety = {
  on_this_device: { icon: 'disk', tone: 'calm', text: 'On this device only' },
  partly: { icon: 'clock', tone: 'busy', text: 'Partly in the cloud' },
  safe: { icon: 'cloud', tone: 'good', text: 'Safe in the cloud' },
  verified: { icon: 'check', tone: 'good', text: 'In the cloud and checked' },
  damaged: { icon: 'alert', tone: 'bad', text: 'Damaged on this device' },
  refused: { icon: 'cross', tone: 'bad', text: 'Not accepted' },
};
export const safetyOf = (session) => {
  if (session.problem) return safety.damaged;
  return session.refused_items > 0 ? safety.refused : safety[session.safety];
};

export const untitled = 'Rowing session';
export const titleOf = (session) => session.title || untitled;
