/** @file Sends and fetches blobs as a client that never holds a whole one. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

const PIECE_BYTES = 1 << 20;

/** Yields `mebibytes` pieces of 1 MiB, all different. */
export async function* makePieces(mebibytes: number, seed: number): AsyncGenerator<Buffer> {
  const piece = Buffer.alloc(PIECE_BYTES);
  for (let at = 0; at < PIECE_BYTES; at += 4) piece.writeUInt32LE(Math.imul(at + seed, 0x9e3779b1) >>> 0, at);
  for (let i = 0; i < mebibytes; i++) {
    piece.writeUInt32LE(i, 0);
    // A copy: an earlier piece may still wait to be sent.
    yield Buffer.from(piece);
  }
}

/** POSTs a blob of the given size and returns its digest. @throws Error with the answer if its status is not 201. */
export async function postBlob(server: string, mebibytes: number, seed: number): Promise<string> {
  const sending = request(`${server}/objects`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream', 'content-length': mebibytes * PIECE_BYTES },
  });
  const answered = once(sending, 'response') as Promise<[IncomingMessage]>;
  await Promise.all([pipeline(Readable.from(makePieces(mebibytes, seed)), sending), answered]);
  const [answer] = await answered;
  let text = '';
  for await (const chunk of answer) text += chunk;
  if (answer.statusCode !== 201) throw new Error(`${answer.statusCode} ${text}`);
  return JSON.parse(text).digest;
}

/** GETs a blob and drops it. Returns size and digest of the received bytes. @throws Error if the answer breaks off. */
export async function fetchBlob(
  server: string,
  digest: string,
): Promise<{ readonly bytes: number; readonly digest: string }> {
  const asking = request(`${server}/objects/${digest}`).end();
  const [answer] = (await once(asking, 'response')) as [IncomingMessage];
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of answer) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, digest: `sha256:${hash.digest('hex')}` };
}
