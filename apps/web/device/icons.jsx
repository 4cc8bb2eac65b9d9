// Line icons of 24 x 24; always beside words, so hidden from screen readers.
const cloud = 'M7 18a4.5 4.5 0 0 1-.6-9A6 6 0 0 1 18 8.2a4.9 4.9 0 0 1-.6 9.8z';
const disk = 'M5 4h11l3 3v13H5zM8 4v5h7V4M8 20v-6h8v6';
const paths = {
  check: 'M4.5 12.5l5 5 10-11',
  disk,
  diskAlert: `${disk}M12 16v1`,
  clock: 'M12 3.5a8.5 8.5 0 1 0 .01 0zM12 7.5V12l3 2',
  arrows: 'M4 9a8 8 0 0 1 14-3l2 2M20 3v5h-5M20 15a8 8 0 0 1-14 3l-2-2M4 21v-5h5',
  cloud,
  cloudOff: `${cloud}M3 3l18 18`,
  cloudAlert: `${cloud}M12 11v3M12 16v.4`,
  lock: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3',
  alert: 'M12 4l9 16H3zM12 10v4M12 17v.4',
  fork: 'M7 4v5c0 3 5 3 5 6v5M17 4v5c0 3-5 3-5 6',
  cross: 'M6 6l12 12M18 6L6 18',
  pause: 'M9 5v14M15 5v14',
};

export const Icon = ({ name }) => (
  <svg class="icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" focusable="false">
    <path d={paths[name]} />
  </svg>
);
