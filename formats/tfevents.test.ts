import { createHash } from 'node:crypto';
import { describe, expect, it, test } from 'vitest';
import { readPngSize } from './png.ts';
import golden from './testdata/tfevents-goldens.json' with { type: 'json' };
import { SAMPLE_EVENTS, SAMPLE_PNGS } from './testing/sample-events.ts';
import { crc32c, encodeTfEvents, maskedChecksum } from './tfevents.ts';

/** Vectors of RFC 3720, appendix B.4, and the customary check string. */
describe('crc32c', () => {
  it.each([
    ['32 zeros', new Uint8Array(32), 0x8a9136aa],
    ['32 ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ['32 ascending', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ['123456789', Buffer.from('123456789'), 0xe3069283],
  ])('the CRC-32C of %s is that of RFC 3720', (_, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
  });
});

describe('encodeTfEvents', () => {
  const bytes = Buffer.from(encodeTfEvents([{ step: 300, wallTime: 19_200, scalars: { 'train/loss': 0.5, lr: 2 } }]));

  it('frames records with checksums of length and content', () => {
    const records: Buffer[] = [];
    let at = 0;
    while (at < bytes.length) {
      const length = Number(bytes.readBigUInt64LE(at));
      expect(bytes.readUInt32LE(at + 8)).toBe(maskedChecksum(bytes.subarray(at, at + 8)));
      const record = bytes.subarray(at + 12, at + 12 + length);
      expect(bytes.readUInt32LE(at + 12 + length)).toBe(maskedChecksum(record));
      records.push(record);
      at += 16 + length;
    }
    expect(at).toBe(bytes.length);
    expect(records.map(record => record.toString('hex'))).toMatchInlineSnapshot(`
      [
        "090000000000c0d2401a0d627261696e2e4576656e743a32",
        "090000000000c0d24010ac022a1e0a110a0a747261696e2f6c6f7373150000003f0a090a026c721500000040",
      ]
    `);
  });

  it('gives equal bytes for equal events', () => {
    expect(
      Buffer.from(encodeTfEvents([{ step: 300, wallTime: 19_200, scalars: { 'train/loss': 0.5, lr: 2 } }])),
    ).toEqual(bytes);
  });
});

test('TensorBoard reads every number, picture and text of a file under its tag and step', () => {
  const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
  // Equal bytes: the golden tells what TensorBoard reads in them.
  expect(digest(encodeTfEvents(SAMPLE_EVENTS))).toBe(golden.events);
  const found: Record<'scalars' | 'images' | 'text', Record<string, unknown[][]>> = {
    scalars: {},
    images: {},
    text: {},
  };
  const add = (kind: keyof typeof found, tag: string, row: unknown[]) => {
    found[kind][tag] = [...(found[kind][tag] ?? []), row];
  };
  for (const { step, wallTime, scalars, pictures = {}, texts = {} } of SAMPLE_EVENTS) {
    for (const [tag, value] of Object.entries(scalars)) add('scalars', tag, [step, wallTime, value]);
    for (const [tag, { width, height, pngs }] of Object.entries(pictures)) {
      add('images', tag, [step, String(width), String(height), ...pngs.map(digest)]);
    }
    for (const [tag, text] of Object.entries(texts)) add('text', tag, [step, text]);
  }
  const { events: _, ...read } = golden;
  expect(read).toEqual(found);
  expect(SAMPLE_PNGS.map(readPngSize)).toEqual([
    { width: 3, height: 2 },
    { width: 3, height: 2 },
  ]);
});
