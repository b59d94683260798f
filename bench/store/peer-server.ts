/** @file The smallest possible server: it answers constant JSON. `node bench/store/peer-server.ts hono|http BYTES` */
import { createServer } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import { Hono } from 'hono';

const [kind, bytes = '600'] = process.argv.slice(2);
const document = { text: 'x'.repeat(Number(bytes) - '{"text":""}'.length) };

const app = new Hono();
app.post('/functions/:name', async c => {
  await c.req.json();
  return c.json(document);
});

const bare = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', chunk => {
    body += chunk;
  });
  request.on('end', () => {
    JSON.parse(body);
    const text = JSON.stringify(document);
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
    response.end(text);
  });
});

const server = kind === 'hono' ? createAdaptorServer({ fetch: app.fetch }) : bare;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(`listening on http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`);
});
