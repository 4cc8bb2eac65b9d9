// The calls of device/page. An error has the problem's own words.
async function call(path, options) {
  let reply;
  try {
    reply = await fetch(path, options);
  } catch {
    throw new Error('no answer');
  }
  const body = await reply.json();
  if (!reply.ok) throw Object.assign(new Error(body.detail ?? body.title), { answered: true });
  return body;
}

export const get = (path) => call(path);
export const post = (path, body = {}) =>
  call(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
