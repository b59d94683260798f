import { readFileSync } from 'node:fs';
import { extract, pack } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { InvalidInput, Unprocessable } from '../errors.ts';
import { commentBytes, packTar, readTar, readTarComment, scanTar } from './tar.ts';

const golden = (name: string) => new Uint8Array(readFileSync(new URL(`testdata/${name}`, import.meta.url)));
const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const BINARY = Uint8Array.from({ length: 768 }, (_, i) => i % 256);

const DEEP = `${'d'.repeat(60)}/${'e'.repeat(60)}/prefix.txt`;
const LONG = `${'l'.repeat(120)}.txt`;
const ODD_NAMES = [
  'plain.txt',
  'n'.repeat(100),
  `${'p'.repeat(155)}/${'n'.repeat(100)}`,
  `${'p'.repeat(156)}/n`,
  `a/${'n'.repeat(101)}`,
  `${'p'.repeat(99)}/`.slice(0, 99).concat('/x'),
  'Grüße.txt',
  'x'.repeat(3000),
  'line\nbreak=1',
];

/** Reads with tar-stream, another implementation. */
async function extractWithPeer(archive: Uint8Array): Promise<Map<string, Uint8Array>> {
  const members = new Map<string, Uint8Array>();
  const reader = extract();
  reader.on('entry', (header, stream, next) => {
    collect(stream).then(body => {
      members.set(header.name, body);
      next();
    }, next);
  });
  await new Promise<void>((resolve, reject) => {
    reader.on('finish', resolve).on('error', reject);
    reader.end(archive);
  });
  return members;
}

async function packWithPeer(names: readonly string[]): Promise<Uint8Array> {
  const writer = pack();
  for (const name of names) writer.entry({ name }, name);
  writer.finalize();
  return collect(writer);
}

async function collect(stream: AsyncIterable<unknown>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) if (part instanceof Uint8Array) parts.push(part);
  return new Uint8Array(Buffer.concat(parts));
}

describe('a tar archive', () => {
  it('has the bytes of GNU tar --format=ustar', () => {
    const ours = packTar([
      ['000.txt', bytes('first\n')],
      ['sub/001.bin', BINARY],
    ]);
    expect(Buffer.from(ours).equals(golden('plain.tar'))).toBe(true);
  });

  for (const format of ['ustar', 'gnu', 'pax']) {
    it(`is read when GNU tar --format=${format} wrote it`, () => {
      const archive = golden(`${format}.tar`);
      const entries = readTar(archive);
      const names = ['000.txt', '000.cls', 'sub/', 'sub/001.bin', DEEP, ...(format === 'ustar' ? [] : [LONG])];
      expect(entries.map(entry => entry.name)).toEqual(names);
      expect(entries.map(entry => entry.kind)).toEqual(names.map(name => (name === 'sub/' ? 'directory' : 'file')));
      expect(entries[0]?.body).toEqual(bytes('first\n'));
      expect(entries[1]?.body).toEqual(bytes(''));
      expect(entries[3]?.body).toEqual(BINARY);
      expect(entries[4]?.body).toEqual(bytes('fits name and prefix'));
      if (format !== 'ustar') expect(entries[5]?.body).toEqual(bytes('needs more than ustar'));
      for (const { offset, body } of entries) expect(archive.subarray(offset, offset + body.length)).toEqual(body);
    });
  }

  it('is read and written as by tar-stream, for all kinds of names', async () => {
    const members = ODD_NAMES.map(name => [name, bytes(`body of ${name}`)] as const);
    const archive = packTar(members);
    expect(await extractWithPeer(archive)).toEqual(new Map(members));
    expect(readTar(archive).map(({ name, body }) => [name, body])).toEqual(members);
    const theirs = readTar(await packWithPeer(ODD_NAMES));
    expect(theirs.map(({ name, body }) => [name, Buffer.from(body).toString()])).toEqual(ODD_NAMES.map(n => [n, n]));
  });

  it('has equal bytes for equal members', () => {
    const members = [['a', BINARY] as const];
    expect(packTar(members)).toEqual(packTar(members));
  });

  it('is not written with names that tar cannot store', () => {
    expect(() => packTar([['', BINARY]])).toThrow(InvalidInput);
    expect(() => packTar([['a\0b', BINARY]])).toThrow(InvalidInput);
  });

  it('is refused with the reason when it is damaged', () => {
    const archive = packTar([['a', BINARY]]);
    expect(() => readTar(archive.subarray(0, 700))).toThrow('cut short');
    expect(() => readTar(archive.subarray(0, 300))).toThrow(Unprocessable);
    const flipped = new Uint8Array(archive);
    flipped[0] = 0x62;
    expect(() => readTar(flipped)).toThrow('checksum');
    expect(() => readTar(bytes('x'.repeat(1024)))).toThrow(Unprocessable);
    expect(readTar(new Uint8Array())).toEqual([]);
  });

  it('cannot make the reader allocate more than its own size', () => {
    const header = (change: (header: Buffer) => void) => {
      const archive = Buffer.from(packTar([['a', bytes('')]]));
      change(archive);
      archive.fill(' ', 148, 156);
      const sum = archive.subarray(0, 512).reduce((total, byte) => total + byte, 0);
      archive.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
      return archive;
    };
    const size = (value: string) => (archive: Buffer) => archive.write(value, 124, 'latin1');
    const type = (value: string) => (archive: Buffer) => archive.write(value, 156, 'latin1');
    // 8 GiB announced and no body; a size in base 256 beyond all numbers.
    expect(() => readTar(header(size('77777777777\0')))).toThrow('cut short');
    expect(() => readTar(header(size('\xff'.repeat(12))))).toThrow('too large');
    const longName = Buffer.concat([
      header(archive => {
        type('L')(archive);
        size('00000300000\0')(archive);
      }).subarray(0, 512),
      Buffer.alloc(0o300000, 'x'),
    ]);
    expect(() => readTar(longName)).toThrow('a name or pax records of 98304 bytes');
    expect(() => readTar(packTar([['x'.repeat(5000), bytes('')]]))).toThrow('a name of more than 4096 bytes');
    const many = packTar(Array.from({ length: 11 }, (_, i) => [`${i}`, bytes('')] as const));
    expect(readTar(many, 11)).toHaveLength(11);
    expect(() => readTar(many, 10)).toThrow('more than 10 entries');
  });

  it('gives links without a body', async () => {
    const writer = pack();
    writer.entry({ name: 'link', type: 'symlink', linkname: '/etc/passwd' });
    writer.entry({ name: 'after' }, 'x');
    writer.finalize();
    const entries = readTar(await collect(writer));
    expect(entries.map(({ name, kind, body }) => [name, kind, body.length])).toEqual([
      ['link', 'link', 0],
      ['after', 'file', 1],
    ]);
  });
});

describe('the comment of a tar archive', () => {
  const members = [['a', bytes('1')]] as const;

  it('is read from the head of the archive, and no reader takes it for a member', async () => {
    for (const comment of ['', 'short', 'Grüße\n=', 'x'.repeat(5000)]) {
      const archive = packTar(members, comment);
      const end = readTarComment(archive.subarray(0, 512))?.end ?? 0;
      expect(end).toBe(commentBytes(comment));
      expect(readTarComment(archive.subarray(0, end))).toEqual({ end, comment });
      expect(readTar(archive).map(({ name }) => name)).toEqual(['a']);
      expect([...(await extractWithPeer(archive)).keys()]).toEqual(['a']);
    }
  });

  it('has at most 65,536 bytes, and may be absent', () => {
    expect(() => packTar(members, 'x'.repeat(65_536))).toThrow(InvalidInput);
    expect(readTarComment(packTar(members))).toBeUndefined();
    expect(readTarComment(bytes(''))).toBeUndefined();
  });

  it('is refused when its record is damaged', () => {
    const archive = packTar(members, 'text');
    archive.set(bytes('13 COMMENT='), 512);
    expect(() => readTarComment(archive)).toThrow(Unprocessable);
  });
});

describe('an archive that is read in pieces', () => {
  const scan = async (archive: Uint8Array) => {
    const reads: [number, number][] = [];
    const spans = await scanTar(archive.length, async (at, length) => {
      reads.push([at, length]);
      return archive.subarray(at, at + length);
    });
    return { spans, reads };
  };
  const spansOf = (archive: Uint8Array) =>
    readTar(archive).map(({ body, ...entry }) => ({ ...entry, size: body.length }));

  it('has the entries of one that is read whole', async () => {
    for (const archive of [await packWithPeer(ODD_NAMES), packTar([['a', BINARY]]), packTar([])]) {
      expect((await scan(archive)).spans).toEqual(spansOf(archive));
    }
  });

  it('is read by its headers alone where bodies are large, and in few pieces where they are small', async () => {
    const large = packTar(Array.from({ length: 4 }, (_, i) => [`${i}`, new Uint8Array(2 ** 20)] as const));
    const ofLarge = await scan(large);
    expect(ofLarge.spans).toEqual(spansOf(large));
    expect(ofLarge.reads.reduce((sum, [, length]) => sum + length, 0)).toBeLessThan(10_000);
    const small = packTar(Array.from({ length: 2000 }, (_, i) => [`${i}`, BINARY] as const));
    const ofSmall = await scan(small);
    expect(ofSmall.spans).toEqual(spansOf(small));
    expect(ofSmall.reads.length).toBeLessThan(20);
  });

  it('names the byte of a damage as one that is read whole', async () => {
    const archive = packTar([
      ['a', BINARY],
      ['b', BINARY],
    ]);
    archive[1536 + 10] = 1;
    const message = (() => {
      try {
        readTar(archive);
      } catch (error) {
        return String(error);
      }
      return '';
    })();
    expect(message).toContain('byte 1');
    await expect(scan(archive)).rejects.toThrow(message.replace(/^\w+: /, ''));
    await expect(scan(archive.subarray(0, 700))).rejects.toThrow(Unprocessable);
  });
});
