import { describe, expect, it } from 'vitest';
import { PickleDict, PickleList, type PickleOptions, readPickle } from './pickle.ts';
import { pickleOf, textOpcode as text } from './testing/pickle-bytes.ts';

const value = (parts: string, options?: PickleOptions) => readPickle(pickleOf(parts), 0, options).value;
const reading = (parts: string, options?: PickleOptions) => () => value(parts, options);

describe('a pickle', () => {
  it('gives numbers, texts and constants', () => {
    expect(
      value('(K\xffM\x00\x01J\xfe\xff\xff\xff\x8a\x00\x8a\x01\xffG?\xf8\x00\x00\x00\x00\x00\x00N\x88\x89t'),
    ).toEqual([255, 256, -2, 0, -1, 1.5, null, true, false]);
    expect(value('\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19')).toBe(0x1950a86a20f9469cfc6cn);
    expect(value(text('ß\u{1F3A8}'))).toBe('ß\u{1F3A8}');
    expect(value('U\x03abc')).toBe('abc');
  });

  it('gives lists, tuples and dictionaries, and what it stored under a number', () => {
    const list = value(`]q\x00(${text('a')}K\x01eK\x02a`);
    expect(list instanceof PickleList && list.items).toEqual(['a', 1, 2]);
    expect(value('K\x01K\x02K\x03\x87')).toEqual([1, 2, 3]);
    expect(value('K\x01K\x02\x86')).toEqual([1, 2]);
    expect(value('K\x01\x85')).toEqual([1]);
    const dict = value(`}(${text('a')}K\x01K\x05K\x02u${text('a')}K\x03s`);
    expect(dict instanceof PickleDict && [...dict.entries]).toEqual([
      ['a', 3],
      [5, 2],
    ]);
    expect(value('K\x07q\x00r\x00\x00\x01\x00h\x00j\x00\x00\x01\x00\x86')).toEqual([7, 7]);
  });

  it('tells where it ends', () => {
    const both = Buffer.concat([pickleOf('K\x01'), pickleOf('K\x02')]);
    const first = readPickle(both);
    expect([first, readPickle(both, first.end)]).toEqual([
      { value: 1, end: 5 },
      { value: 2, end: 10 },
    ]);
  });

  it('calls the globals that its user lists and refuses all others by name', () => {
    const globals = new Map([
      ['math hypot', (args: readonly unknown[]) => Math.hypot(...(args as number[]))],
      ['math pi', undefined],
    ]);
    expect(value('cmath\nhypot\nK\x03K\x04\x86R', { globals })).toBe(5);
    expect(reading('cos\nsystem\n(X\x02\x00\x00\x00lstR', { globals })).toThrow(
      'the pickle names "os system", which this reader does not know',
    );
    expect(reading('cmath\npi\n)R', { globals })).toThrow('it calls math pi');
    expect(reading('K\x01)R', { globals })).toThrow('it calls 1');
    expect(reading('cmath\nhypot\nK\x01R', { globals })).toThrow('with 1 instead of a tuple');
    expect(reading('c__builtin__\neval\n')).toThrow('"__builtin__ eval"');
    for (const name of ['constructor', '__proto__', 'toString']) {
      expect(reading(`c${name}\n\n`, { globals })).toThrow('which this reader does not know');
    }
  });

  it('refuses every opcode that makes or calls other things', () => {
    // INST, OBJ, NEWOBJ, EXT1, STRING, BINSTRING, PERSID, DUP, POP, FRAME, STACK_GLOBAL, BYTEARRAY8, MEMOIZE.
    for (const code of 'io\x81\x82STP20\x95\x93\x96\x94') {
      expect(reading(`K\x01${code}`), JSON.stringify(code)).toThrow('is not one of those that it knows');
    }
    expect(() => readPickle(Buffer.from('\x80\x04N.', 'latin1'))).toThrow('it has protocol 4, not 2');
    expect(reading('K\x01Q')).toThrow('it names an object outside of itself');
    expect(reading('K\x01}b')).toThrow('it sets attributes of 1');
  });

  it('refuses sizes beyond its end without taking memory for them', () => {
    expect(reading('X\xff\xff\xff\xffab')).toThrow('it is cut short');
    expect(reading('\x8a\xff\x01')).toThrow('an int of 255 bytes');
    expect(value('K\x01r\xff\xff\xff\xff')).toBe(1);
    const whole = pickleOf(`(}(${text('key')}J\x01\x02\x03\x04ucmath\npi\nt`);
    const globals = new Map([['math pi', undefined]]);
    for (let size = 0; size < whole.length; size++) {
      expect(() => readPickle(whole.subarray(0, size), 0, { globals }), `${size} bytes`).toThrow('does not read');
    }
  });

  it('refuses to take from an empty stack or across a mark', () => {
    for (const parts of ['', 't', 'a', '(s', '(R', '(\x85', 'q\x00', '(h\x00', 'K\x01e']) {
      expect(reading(parts), JSON.stringify(parts)).toThrow('does not read');
    }
    expect(reading('K\x01K\x02a')).toThrow('items for 1 instead of a list');
    expect(reading('K\x01K\x02K\x03s')).toThrow('keys for 1 instead of a dictionary');
    expect(reading('}(K\x01u')).toThrow('a key without a value');
    expect(reading('}]K\x01s')).toThrow('a list of 0 as a key');
    expect(reading('X\x02\x00\x00\x00\xff\xfe')).toThrow('a text is not UTF-8');
  });

  it('reads a list that holds itself, and lists of lists in depth and in number, in time in proportion to its size', () => {
    const own = value(']q\x00h\x00a');
    expect(own instanceof PickleList && own.items[0]).toBe(own);
    const depth = 20_000;
    expect(value('('.repeat(depth) + 't'.repeat(depth))).toHaveLength(1);
    // Each list holds the one before it ten times: 10 ** 1000 items if they were copied.
    const tower = Array.from({ length: 1000 }, () => `q\x00](${'h\x00'.repeat(10)}e`).join('');
    const started = performance.now();
    const top = value(`]${tower}`);
    expect(top instanceof PickleList && top.items).toHaveLength(10);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
