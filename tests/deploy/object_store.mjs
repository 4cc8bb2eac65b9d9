// As much of S3 as ClickHouse uses, in memory, on loopback: objects by PUT, GET with a range, HEAD, DELETE, lists, deletion of many,
// uploads in parts, copies. Signatures are not checked; with `refuses` every call is answered 403, and a DELETE of a key that `mayDelete`
// does not allow: what a bucket's policy would say.
import { createHash } from 'node:crypto';
import http from 'node:http';

const etag = (object) => `"${createHash('md5').update(object).digest('hex')}"`;

export async function objectStore({ mayDelete = () => true } = {}) {
  const objects = new Map();
  const store = { objects, refuses: false, refusedDeletes: [] };
  const delete_ = (key) => {
    if (!mayDelete(key)) {
      store.refusedDeletes.push(key);
      return false;
    }
    objects.delete(key);
    return true;
  };
  const uploads = new Map();
  const xml = (reply, status, text) => { reply.writeHead(status, { 'Content-Type': 'application/xml' }); reply.end(`<?xml version="1.0"?>${text}`); };
  const unescape = (text) => text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&');
  // Clients may send a body in signed pieces: size;signature, bytes, an empty one last.
  const unpack = (request, body) => {
    if (!String(request.headers['content-encoding'] ?? '').includes('aws-chunked')) return body;
    const pieces = [];
    for (let at = 0; ;) {
      const end = body.indexOf('\r\n', at);
      const size = parseInt(body.subarray(at, end).toString(), 16);
      if (!(size > 0)) return Buffer.concat(pieces);
      pieces.push(body.subarray(end + 2, end + 2 + size));
      at = end + 2 + size + 2;
    }
  };

  const server = http.createServer((request, reply) => {
    const bodies = [];
    request.on('data', (piece) => bodies.push(piece));
    request.on('end', () => {
      const url = new URL(request.url, 'http://store');
      const key = decodeURIComponent(url.pathname);
      const query = url.searchParams;
      const body = unpack(request, Buffer.concat(bodies));
      const upload = uploads.get(query.get('uploadId'));
      if (store.refuses) return xml(reply, 403, '<Error><Code>AccessDenied</Code><Message>not for you</Message></Error>');
      if (request.method === 'POST' && query.has('uploads')) {
        const id = `upload-${uploads.size + 1}`;
        uploads.set(id, new Map());
        return xml(reply, 200, `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
      }
      // From one bucket to the other without a client between.
      const copied = request.headers['x-amz-copy-source'];
      if (request.method === 'PUT' && copied && !upload) {
        const from = objects.get(`/${decodeURIComponent(copied).replace(/^\//, '')}`);
        if (from === undefined) return xml(reply, 404, '<Error><Code>NoSuchKey</Code></Error>');
        objects.set(key, from);
        return xml(reply, 200, '<CopyObjectResult><ETag>"x"</ETag></CopyObjectResult>');
      }
      if (request.method === 'PUT' && upload) {
        upload.set(Number(query.get('partNumber')), body);
        reply.writeHead(200, { ETag: `"${query.get('partNumber')}"` });
        return reply.end();
      }
      if (request.method === 'POST' && upload) {
        objects.set(key, Buffer.concat([...upload.entries()].sort(([a], [b]) => a - b).map(([, part]) => part)));
        return xml(reply, 200, '<CompleteMultipartUploadResult><ETag>"whole"</ETag></CompleteMultipartUploadResult>');
      }
      if (request.method === 'POST' && query.has('delete')) {
        const refused = [...body.toString().matchAll(/<Key>([^<]*)<\/Key>/g)].filter(([, name]) => !delete_(`${key.replace(/\/$/, '')}/${unescape(name)}`));
        return xml(reply, 200, `<DeleteResult>${refused.map(([tag]) => `<Error>${tag}<Code>AccessDenied</Code></Error>`).join('')}</DeleteResult>`);
      }
      if (request.method === 'GET' && query.has('list-type')) {
        const bucket = `${key.replace(/\/$/, '')}/`;
        const below = bucket + (query.get('prefix') ?? '');
        const all = [...objects.keys()].filter((name) => name.startsWith(below)).sort();
        // What has the delimiter later on is listed as one folder.
        const folderOf = (name) => {
          const end = query.get('delimiter') ? name.indexOf(query.get('delimiter'), below.length) : -1;
          return end === -1 ? undefined : name.slice(bucket.length, end + 1);
        };
        const found = all.filter((name) => folderOf(name) === undefined);
        const folders = [...new Set(all.map(folderOf))].filter((name) => name !== undefined).map((name) => `<CommonPrefixes><Prefix>${name}</Prefix></CommonPrefixes>`).join('');
        return xml(reply, 200, `<ListBucketResult><IsTruncated>false</IsTruncated><KeyCount>${found.length}</KeyCount>${folders}${found.map((name) =>
          `<Contents><Key>${name.slice(bucket.length)}</Key><Size>${objects.get(name).length}</Size><LastModified>${new Date().toISOString()}</LastModified><ETag>${etag(objects.get(name))}</ETag></Contents>`).join('')}</ListBucketResult>`);
      }
      if (request.method === 'PUT') {
        objects.set(key, body);
        reply.writeHead(200, { ETag: etag(body) });
        return reply.end();
      }
      if (request.method === 'DELETE') {
        if (!delete_(key)) return xml(reply, 403, '<Error><Code>AccessDenied</Code><Message>not for you</Message></Error>');
        reply.writeHead(204);
        return reply.end();
      }
      const object = objects.get(key);
      if (object === undefined) {
        if (request.method === 'HEAD') { reply.writeHead(404); return reply.end(); }
        return xml(reply, 404, '<Error><Code>NoSuchKey</Code><Message>no such object</Message></Error>');
      }
      const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
      const from = range ? Number(range[1]) : 0;
      const to = range && range[2] ? Math.min(Number(range[2]), object.length - 1) : object.length - 1;
      const part = object.subarray(from, to + 1);
      reply.writeHead(range ? 206 : 200, {
        'Content-Length': part.length, ETag: etag(object), 'Last-Modified': 'Thu, 01 Jan 2026 00:00:00 GMT',
        ...(range ? { 'Content-Range': `bytes ${from}-${to}/${object.length}` } : {}),
      });
      return reply.end(request.method === 'HEAD' ? undefined : part);
    });
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  store.url = `http://127.0.0.1:${server.address().port}`;
  store.close = () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); });
  return store;
}
