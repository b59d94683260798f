import { describe, expect, it } from 'vitest';
import { InvalidInput } from '../errors.ts';
import { canonicalDigest, canonicalJson, type Json, jsonDepth } from './canonical.ts';
import { digestOf } from './digest.ts';

/** The double with these bits. */
function fromBits(hex: string): number {
  return Buffer.from(hex, 'hex').readDoubleBE();
}

describe('canonical JSON (RFC 8785)', () => {
  it('prints the sample of section 3.2.2', () => {
    const sample = JSON.parse(String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`);
    expect(canonicalJson(sample)).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
    // Section 3.2.4 gives its bytes.
    expect(Buffer.from(canonicalJson(sample)).toString('hex')).toBe(
      '7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e756d62657273223a5b3333333333333333332e333333333333332c31652b33302c342e352c302e3030322c31652d32375d2c22737472696e67223a22e282ac245c75303030665c6e4127425c225c5c5c5c5c222f227d',
    );
  });

  it('sorts keys by UTF-16 code units (section 3.2.3)', () => {
    const sample = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '\ud83d\ude00': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      '\u00f6': 'Latin Small Letter O With Diaeresis',
    };
    expect([...canonicalJson(sample).matchAll(/:"([^"]+)"/g)].map(match => match[1])).toEqual([
      'Carriage Return',
      'One',
      'Control',
      'Latin Small Letter O With Diaeresis',
      'Euro Sign',
      'Emoji: Grinning Face',
      'Hebrew Letter Dalet With Dagesh',
    ]);
  });

  const NUMBERS: Readonly<Record<string, string>> = {
    '0000000000000000': '0',
    '8000000000000000': '0',
    '0000000000000001': '5e-324',
    '8000000000000001': '-5e-324',
    '7fefffffffffffff': '1.7976931348623157e+308',
    ffefffffffffffff: '-1.7976931348623157e+308',
    '4340000000000000': '9007199254740992',
    c340000000000000: '-9007199254740992',
    '4430000000000000': '295147905179352830000',
    '44b52d02c7e14af5': '9.999999999999997e+22',
    '44b52d02c7e14af6': '1e+23',
    '44b52d02c7e14af7': '1.0000000000000001e+23',
    '444b1ae4d6e2ef4e': '999999999999999700000',
    '444b1ae4d6e2ef4f': '999999999999999900000',
    '444b1ae4d6e2ef50': '1e+21',
    '3eb0c6f7a0b5ed8c': '9.999999999999997e-7',
    '3eb0c6f7a0b5ed8d': '0.000001',
    '41b3de4355555553': '333333333.3333332',
    '41b3de4355555554': '333333333.33333325',
    '41b3de4355555555': '333333333.3333333',
    '41b3de4355555556': '333333333.3333334',
    '41b3de4355555557': '333333333.33333343',
    becbf647612f3696: '-0.0000033333333333333333',
    '43143ff3c1cb0959': '1424953923781206.2',
  };
  it('prints the numbers of appendix B', () => {
    for (const [bits, printed] of Object.entries(NUMBERS)) expect(canonicalJson(fromBits(bits))).toBe(printed);
    for (const bits of ['7fffffffffffffff', '7ff0000000000000', 'fff0000000000000']) {
      expect(() => canonicalJson(fromBits(bits))).toThrow(InvalidInput);
    }
  });

  it('treats an undefined value like an absent key', () => {
    expect(canonicalJson({ b: undefined, a: 1 })).toBe('{"a":1}');
    expect(canonicalDigest({ b: undefined, a: 1 })).toBe(canonicalDigest({ a: 1 }));
  });

  it('does not depend on the order of keys, and parses as JSON', () => {
    const value = { z: [1, { y: null, x: 'ü' }], a: { 10: true, 9: false } };
    const reordered = { a: { 9: false, 10: true }, z: [1, { x: 'ü', y: null }] };
    expect(canonicalJson(value)).toBe('{"a":{"10":true,"9":false},"z":[1,{"x":"ü","y":null}]}');
    expect(canonicalDigest(value)).toBe(canonicalDigest(reordered));
    expect(JSON.parse(canonicalJson(value))).toEqual(value);
    expect(canonicalDigest({ z: [1, 2] })).not.toBe(canonicalDigest({ z: [2, 1] }));
  });

  it('refuses values that are not JSON', () => {
    const bad: readonly unknown[] = [
      undefined,
      [undefined],
      () => 1,
      Symbol('x'),
      10n,
      new Date(0),
      new Map([['a', 1]]),
      new Uint8Array(2),
      { a: { b: Number.NaN } },
      'lone \ud800 surrogate',
      { '\udfff': 1 },
    ];
    for (const value of bad) expect(() => canonicalJson(value as Json), String(value)).toThrow(InvalidInput);
  });

  it('counts levels of any depth', () => {
    expect([1, 'a', null, [], {}, { a: [] }, { a: 1, b: [{ c: null }] }].map(jsonDepth)).toEqual([0, 0, 0, 1, 1, 2, 3]);
    let deep: Json = 1;
    for (let i = 0; i < 100_000; i++) deep = [deep];
    expect(jsonDepth(deep)).toBe(100_000);
  });

  it('digests the UTF-8 bytes of the text', () => {
    expect(canonicalDigest({ a: 'é' })).toBe(digestOf(new Uint8Array(Buffer.from('{"a":"é"}', 'utf8'))));
  });
});
