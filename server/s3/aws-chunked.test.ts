import { createHash } from 'node:crypto';
import { describe, expect, it, test } from 'vitest';
import { type AwsChunkedOptions, decodeAwsChunked, type Trailers } from './aws-chunked.ts';
import { type ChunkSigning, deriveSigningKey, signChunk, signTrailers } from './sigv4.ts';

const SCOPE = '20130524/us-east-1/s3/aws4_request';
const signing: ChunkSigning = {
  timestamp: '20130524T000000Z',
  scope: SCOPE,
  key: deriveSigningKey('wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', SCOPE),
  seedSignature: '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
};
/** The body of Amazon's worked example. */
const EXAMPLE = [
  `10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n${'a'.repeat(65_536)}\r\n`,
  `400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n${'a'.repeat(1024)}\r\n`,
  '0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n',
].join('');

async function* cut(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function decode(
  wire: string,
  options: AwsChunkedOptions,
  size = 1 << 20,
): Promise<{ body: string; trailers: Trailers }> {
  const pieces: Uint8Array[] = [];
  const decoder = decodeAwsChunked(cut(wire, size), options);
  for (;;) {
    const { done, value } = await decoder.next();
    if (done === true) return { body: Buffer.concat(pieces).toString(), trailers: value };
    pieces.push(value);
  }
}

const plain = (decodedLength: number, trailers = true): AwsChunkedOptions => ({ decodedLength, trailers });
const WIRE = '5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n';

describe('framing', () => {
  test.each([1, 2, 3, 7, 1000])('aws-chunked framing is read from pieces of %i bytes', async size => {
    const { body, trailers } = await decode(WIRE, plain(11), size);
    expect(body).toBe('hello world');
    expect([...trailers]).toEqual([['x-amz-checksum-crc32', 'DUoRhQ==']]);
    const signed = await decode(EXAMPLE, { decodedLength: 66_560, trailers: false, signing }, size * 997);
    expect(signed.body).toBe('a'.repeat(66_560));
  });

  it('aws-chunked framing can hold an empty body', async () => {
    expect((await decode('0\r\n\r\n', plain(0))).body).toBe('');
  });

  it.each([
    ['cut short', WIRE.slice(0, -1)],
    ['cut within a chunk', WIRE.slice(0, 6)],
    ['cut before the last chunk', WIRE.slice(0, 21)],
    ['empty', ''],
    ['longer than announced', WIRE.replace('6\r\n world', '7\r\n worlds')],
    ['shorter than announced', WIRE.replace('6\r\n world', '5\r\n worl')],
    ['a chunk longer than it says', WIRE.replace(' world', ' worlds')],
    ['a chunk shorter than it says', WIRE.replace(' world', ' worl')],
    ['no size', WIRE.replace('5\r', '\r')],
    ['a negative size', WIRE.replace('5\r', '-5\r')],
    ['a size in another notation', WIRE.replace('5\r', '0x5\r')],
    ['a size beyond all bounds', WIRE.replace('5\r', 'fffffffff\r')],
    ['another extension', WIRE.replace('5\r', '5;a=b\r')],
    ['a signature where none belongs', EXAMPLE],
    ['an endless line', '5'.repeat(100_000)],
    ['bare line feeds', WIRE.replaceAll('\r\n', '\n')],
    ['something behind the end', `${WIRE}0\r\n\r\n`],
  ])('refuses an aws-chunked body: %s', async (_, wire) => {
    for (const size of [1, 1 << 20]) {
      await expect(decode(wire, plain(11), size)).rejects.toMatchObject({ code: 'IncompleteBody' });
    }
  });

  it('malformed, repeated, surplus and unannounced trailers are refused', async () => {
    const chunk = '1\r\nx\r\n0\r\n';
    const many = Array.from({ length: 17 }, (_, i) => `a${i}:1\r\n`).join('');
    for (const trailers of ['a\r\n', ':1\r\n', 'a:1\r\nA:2\r\n', many]) {
      const wire = `${chunk}${trailers}\r\n`;
      await expect(decode(wire, plain(1))).rejects.toMatchObject({ code: 'MalformedTrailerError' });
    }
    await expect(decode(`${chunk}a:1\r\n\r\n`, plain(1, false))).rejects.toMatchObject({
      code: 'MalformedTrailerError',
    });
  });

  it('leaving the stream ends its source', async () => {
    let ended = false;
    const source = async function* () {
      try {
        yield Buffer.from('5\r\nhel');
        yield Buffer.from('lo');
      } finally {
        ended = true;
      }
    };
    for await (const piece of decodeAwsChunked(source(), plain(5))) {
      expect(Buffer.from(piece).toString()).toBe('hel');
      break;
    }
    expect(ended).toBe(true);
  });
});

describe('signatures', () => {
  const signed = { decodedLength: 66_560, trailers: false, signing };

  it.each([
    ['a byte of a chunk', EXAMPLE.replace('aaa', 'aba')],
    ['the signature of a chunk', EXAMPLE.replace('ad80c7', 'ad80c8')],
    ['the signature of the last', EXAMPLE.replace('b6c6ea', 'b6c6eb')],
  ])('chunk signatures reveal a change of %s', async (_, wire) => {
    await expect(decode(wire, signed)).rejects.toMatchObject({ code: 'SignatureDoesNotMatch' });
  });

  it('chunk signatures reveal missing, swapped and unsigned chunks', async () => {
    const [first = '', second = '', last = ''] = EXAMPLE.split(/(?<=\r\n)(?=400;|0;)/);
    const lengths = { [first + last]: 65_536, [second + first + last]: 66_560, [last]: 0 };
    for (const [wire, decodedLength] of Object.entries(lengths)) {
      await expect(decode(wire, { ...signed, decodedLength })).rejects.toMatchObject({ code: 'SignatureDoesNotMatch' });
    }
    await expect(decode(WIRE, { ...signed, decodedLength: 11 })).rejects.toMatchObject({ code: 'IncompleteBody' });
  });

  it('the trailer signature covers the trailers', async () => {
    const hash = (text: string) => createHash('sha256').update(text).digest('hex');
    const first = signChunk(signing, signing.seedSignature, hash('hi'));
    const last = signChunk(signing, first, hash(''));
    const chunks = `2;chunk-signature=${first}\r\nhi\r\n0;chunk-signature=${last}\r\n`;
    const trailer = 'x-amz-checksum-crc32c:sOO8/Q==';
    const signature = signTrailers(signing, last, `${trailer}\n`);
    const options = { decodedLength: 2, trailers: true, signing };
    const { trailers } = await decode(`${chunks}${trailer}\r\nx-amz-trailer-signature:${signature}\r\n\r\n`, options);
    expect([...trailers]).toEqual([['x-amz-checksum-crc32c', 'sOO8/Q==']]);
    for (const wire of [
      `${chunks}${trailer.replace('s', 't')}\r\nx-amz-trailer-signature:${signature}\r\n\r\n`,
      `${chunks}${trailer}\r\n\r\n`,
      `${chunks}x-amz-trailer-signature:${signature}\r\n\r\n`,
    ]) {
      await expect(decode(wire, options)).rejects.toMatchObject({ code: 'SignatureDoesNotMatch' });
    }
    const behind = `${chunks}x-amz-trailer-signature:${signature}\r\n${trailer}\r\n\r\n`;
    await expect(decode(behind, options)).rejects.toMatchObject({ code: 'MalformedTrailerError' });
  });
});
