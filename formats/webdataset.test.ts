import { extract } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { Internal, Unprocessable } from '../errors.ts';
import { packTar, readTar } from './tar.ts';
import { columnHeadBytes, packColumn, readColumn, readColumnIndex, streamColumn, streamMade } from './webdataset.ts';

/** A page: 64 members of distinct sizes, one of them empty. */
function makeMembers(count: number, nameLength = 16): Map<string, Uint8Array> {
  return new Map(
    Array.from({ length: count }, (_, i) => [
      `${String(i).padStart(nameLength, '0')}.image.npy`,
      Uint8Array.from({ length: i * 37 }, (_, j) => (i + j) % 256),
    ]),
  );
}

function sizesOf(members: ReadonlyMap<string, Uint8Array>): Map<string, number> {
  return new Map([...members].map(([name, body]) => [name, body.length]));
}

async function* inTurn(members: Iterable<readonly [string, Uint8Array]>) {
  yield* members;
}

function member(name: string, size: number): readonly [string, Uint8Array] {
  return [name, new Uint8Array(size)];
}

async function exhaust(pieces: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of pieces);
}

/** As text, since comparing typed arrays element by element is slow. */
function print(members: Iterable<readonly [string, Uint8Array]>): string[] {
  return [...members].map(([name, body]) => `${name} ${Buffer.from(body).toString('base64')}`);
}

function columnWithIndex(index: unknown): Uint8Array {
  return packTar([['a', Uint8Array.of(1, 2, 3)]], typeof index === 'string' ? index : JSON.stringify(index));
}

/** A column of Easel 0.1.0, whose index was a member. */
function formerColumn(offset: number): Uint8Array {
  return packTar([
    ['index.json', Buffer.from(JSON.stringify({ v: 1, members: { a: [offset, 3] } }))],
    ['a', Uint8Array.of(1, 2, 3)],
  ]);
}

/** Names of the members as tar-stream, another implementation, sees them. */
async function listWithPeer(archive: Uint8Array): Promise<string[]> {
  const names: string[] = [];
  const reader = extract();
  reader.on('entry', ({ name }, stream, next) => {
    names.push(name);
    stream.on('end', next).resume();
  });
  await new Promise<void>((resolve, reject) => reader.on('finish', resolve).on('error', reject).end(archive));
  return names;
}

describe('a column', () => {
  for (const count of [0, 1, 10, 11, 12, 64, 1000]) {
    it(`returns ${count} members as views, by index and as a plain tar`, () => {
      const members = makeMembers(count);
      const column = packColumn(members);
      expect(print(readColumn(column))).toEqual(print(members));
      for (const body of readColumn(column).values()) expect(body.buffer).toBe(column.buffer);
      expect(print(readTar(column).map(entry => [entry.name, entry.body]))).toEqual(print(members));
    });
  }

  it('has the same bytes if its members are made while it is read', async () => {
    const members = makeMembers(64);
    const pieces: Uint8Array[] = [];
    for await (const piece of streamMade(sizesOf(members), inTurn(members))) pieces.push(piece);
    expect(Buffer.concat(pieces).equals(packColumn(members))).toBe(true);
  });

  it('takes only members that it announced, in their order and size', async () => {
    const [first, second, third] = [member('a', 1), member('b', 2), member('c', 3)];
    const sizes = sizesOf(new Map([first, second, third]));
    const wrong = [
      [first, third],
      [first, second],
      [first, second, third, third],
      [first, member('b', 3)],
    ];
    for (const made of wrong) {
      await expect(exhaust(streamMade(sizes, inTurn(made)))).rejects.toBeInstanceOf(Internal);
    }
  });

  it('has the same bytes in pieces as in memory', async () => {
    const members = makeMembers(64, 120);
    const pieces: Uint8Array[] = [];
    for await (const piece of streamColumn(members)) pieces.push(piece);
    expect(Buffer.concat(pieces).equals(packColumn(members))).toBe(true);
  });

  it('finds the smallest index for every length around a block', () => {
    for (let length = 1; length < 700; length += 1) {
      const members = new Map([['n'.repeat(length), Uint8Array.of(7)]]);
      expect(readColumn(packColumn(members))).toEqual(members);
    }
  });

  it('has the positions of its members in its head', () => {
    const members = makeMembers(64);
    const column = packColumn(members);
    const end = columnHeadBytes(column.subarray(0, 512));
    expect(end).toBeLessThan(8192);
    const span = readColumnIndex(column.subarray(0, end)).get('0000000000000063.image.npy');
    expect(span?.size).toBe(63 * 37);
    const start = span?.offset ?? 0;
    expect(column.subarray(start, start + 63 * 37)).toEqual(members.get('0000000000000063.image.npy'));
  });

  it('keeps names that look like numbers or like properties of objects', () => {
    const members = new Map(
      ['10', '9', '__proto__', 'constructor', 'Ü'].map(name => [name, new Uint8Array(Buffer.from(name))]),
    );
    const names = [...readColumn(packColumn(members)).keys()];
    expect(names).toEqual([...members.keys()]);
  });

  it('shows other readers its members alone', async () => {
    const members = makeMembers(64);
    expect(await listWithPeer(packColumn(members))).toEqual([...members.keys()]);
  });

  it('may have a member called index.json', () => {
    const members = new Map([['index.json', Uint8Array.of(1)]]);
    expect(readColumn(packColumn(members))).toEqual(members);
  });

  it('is read when its index is its first member, as Easel 0.1.0 wrote it', () => {
    expect(readColumn(formerColumn(1536))).toEqual(new Map([['a', Uint8Array.of(1, 2, 3)]]));
    expect(() => readColumn(formerColumn(1024))).toThrow('"a" has 3 bytes at 1024 where byte 1024 was reached');
  });

  const cases: Readonly<Record<string, readonly [column: Uint8Array, message: string]>> = {
    'no index': [packTar([['a', Uint8Array.of(1)]]), 'does not begin with an index'],
    'no bytes': [new Uint8Array(), 'does not begin with an index'],
    'an index that is not JSON': [columnWithIndex('{'), 'not JSON'],
    'another version': [columnWithIndex({ v: 2, members: {} }), 'version 2'],
    'no members': [columnWithIndex({ v: 1 }), 'no members'],
    'a span of three': [columnWithIndex({ v: 1, members: { a: [1536, 3, 1] } }), '"a" has the span [1536,3,1]'],
    'a fraction': [columnWithIndex({ v: 1, members: { a: [1536.5, 3] } }), '"a"'],
    'a negative size': [columnWithIndex({ v: 1, members: { a: [1536, -3] } }), '"a"'],
    'a span over the index': [columnWithIndex({ v: 1, members: { a: [512, 3] } }), '"a"'],
    'overlapping spans': [columnWithIndex({ v: 1, members: { a: [1536, 3], b: [1536, 3] } }), '"b"'],
    'an end beyond the column': [columnWithIndex({ v: 1, members: { a: [1536, 9999] } }), '"a" ends at byte 11535'],
    'a cut index': [packColumn(makeMembers(64)).subarray(0, 1024), 'do not hold the index'],
  };
  for (const [name, [column, message]] of Object.entries(cases)) {
    it(`is refused with ${name}`, () => {
      expect(() => readColumn(column)).toThrow(Unprocessable);
      expect(() => readColumn(column)).toThrow(message);
    });
  }
});
