/**
 * @file Sends one request again and again on open connections, with little CPU time, and prints the times of the
 * answers.
 * `node bench/store/http-load.ts '{"url":"http://127.0.0.1:8787/","bodies":["{}"],"connections":1,"seconds":5}'`
 */
import { connect } from 'node:net';
import { z } from 'zod';

export const loadSpecSchema = z.strictObject({
  url: z.url(),
  /**
   * JSON bodies to POST, one per connection in turn; empty: GET. Equal calls at the same time would share one answer.
   */
  bodies: z.array(z.string()),
  connections: z.int().min(1),
  /** Duration after one second of warm-up. */
  seconds: z.number().positive(),
});
export type LoadSpec = z.infer<typeof loadSpecSchema>;

export const loadReportSchema = z.strictObject({
  requests_per_second: z.number(),
  /** Milliseconds from the first byte sent to the last byte received. */
  p50_ms: z.number(),
  p99_ms: z.number(),
  requests: z.int(),
});
export type LoadReport = z.infer<typeof loadReportSchema>;

const WARM_UP_SECONDS = 1;

/** @throws Error at the first answer without status 200 or Content-Length. */
export async function sendLoad(spec: LoadSpec): Promise<LoadReport> {
  const { hostname, port, pathname, search } = new URL(spec.url);
  const encode = (body: string | undefined) => {
    const lines = [`${body === undefined ? 'GET' : 'POST'} ${pathname}${search} HTTP/1.1`, `host: ${hostname}:${port}`];
    if (body !== undefined) lines.push('content-type: application/json', `content-length: ${Buffer.byteLength(body)}`);
    return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body ?? ''}`);
  };
  const countFrom = performance.now() + WARM_UP_SECONDS * 1000;
  const end = countFrom + spec.seconds * 1000;
  const times: number[] = [];

  async function drive(request: Buffer): Promise<void> {
    const socket = connect(Number(port), hostname).setNoDelay(true);
    try {
      await new Promise<void>((resolve, reject) => {
        let sentAt = performance.now();
        let missing = 0;
        let head = '';
        const send = () => {
          sentAt = performance.now();
          head = '';
          missing = 0;
          socket.write(request);
        };
        socket.on('connect', send).on('error', reject);
        socket.on('close', () => reject(new Error('the server closed the connection')));
        socket.on('data', (data: Buffer) => {
          if (missing > 0) missing -= data.length;
          else {
            head += data.toString('latin1');
            const body = head.indexOf('\r\n\r\n') + 4;
            if (body < 4) return;
            const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
            if (!head.startsWith('HTTP/1.1 200') || length === undefined) return reject(new Error(head));
            missing = body + Number(length) - head.length;
          }
          if (missing > 0) return;
          const now = performance.now();
          if (sentAt >= countFrom) times.push(now - sentAt);
          if (now < end) send();
          else resolve();
        });
      });
    } finally {
      socket.destroy();
    }
  }

  const requests = Array.from({ length: spec.connections }, (_, i) => encode(spec.bodies[i % spec.bodies.length]));
  await Promise.all(requests.map(drive));
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(times.length * share)] ?? Number.NaN;
  return {
    requests_per_second: times.length / spec.seconds,
    p50_ms: at(0.5),
    p99_ms: at(0.99),
    requests: times.length,
  };
}

if (import.meta.main) {
  const [spec = '{}'] = process.argv.slice(2);
  console.log(JSON.stringify(await sendLoad(loadSpecSchema.parse(JSON.parse(spec)))));
}
