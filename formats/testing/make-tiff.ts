/** @file Small TIFFs for tests: a chain of directories, each with those below it. */

export interface TiffPart {
  /** Values by tag: a number, or a text. */
  readonly tags: Readonly<Record<number, number | string>>;
  /** Stored in one strip. */
  readonly pixels?: Uint8Array;
  /** Directories below this one. */
  readonly below?: readonly TiffPart[];
}

const SHORT_TAGS: ReadonlySet<number> = new Set([258, 259, 262, 277]);

/** Little-endian; `big`: as BigTIFF. */
export function makeTiff(chain: readonly TiffPart[], { big = false } = {}): Buffer {
  const word = big ? 8 : 4;
  const chunks: Buffer[] = [big ? Buffer.from('II+\0\x08\0\0\0', 'latin1') : Buffer.from('II*\0', 'latin1')];
  chunks.push(Buffer.alloc(word));
  let size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const first = chunks[1] ?? Buffer.alloc(0);

  const number = (value: number, bytes: number) => {
    const buffer = Buffer.alloc(bytes);
    if (bytes === 8) buffer.writeBigUInt64LE(BigInt(value));
    else buffer.writeUIntLE(value, 0, bytes);
    return buffer;
  };
  const add = (chunk: Buffer) => {
    const at = size;
    const padded = chunk.length % 2 === 0 ? chunk : Buffer.concat([chunk, Buffer.alloc(1)]);
    chunks.push(padded);
    size += padded.length;
    return at;
  };

  /** @returns Where the directory lies, and the field that leads to the next one. */
  function directory({ tags, pixels, below = [] }: TiffPart): { readonly at: number; readonly next: Buffer } {
    const fields = new Map<number, { readonly type: number; readonly count: number; readonly value: Buffer }>();
    const set = (tag: number, value: number) => {
      fields.set(tag, {
        type: SHORT_TAGS.has(tag) ? 3 : 4,
        count: 1,
        value: number(value, SHORT_TAGS.has(tag) ? 2 : 4),
      });
    };
    for (const [tag, value] of Object.entries(tags)) {
      if (typeof value === 'number') set(Number(tag), value);
      else fields.set(Number(tag), { type: 2, count: value.length + 1, value: Buffer.from(`${value}\0`) });
    }
    if (pixels) {
      set(273, add(Buffer.from(pixels)));
      set(279, pixels.length);
    }
    const places = below.map(part => number(directory(part).at, 4));
    if (places.length > 0) fields.set(330, { type: 4, count: places.length, value: Buffer.concat(places) });
    const entries = [...fields]
      .sort(([a], [b]) => a - b)
      .map(([tag, { type, count, value }]) => {
        const inside = value.length <= word ? Buffer.concat([value, Buffer.alloc(word)]).subarray(0, word) : undefined;
        return Buffer.concat([
          number(tag, 2),
          number(type, 2),
          number(count, word),
          inside ?? number(add(value), word),
        ]);
      });
    const next = Buffer.alloc(word);
    const at = add(Buffer.concat([number(entries.length, big ? 8 : 2), ...entries]));
    // An even number of bytes so far, so the field follows the entries at once.
    add(next);
    return { at, next };
  }

  let link = first;
  for (const part of chain) {
    const { at, next } = directory(part);
    number(at, word).copy(link);
    link = next;
  }
  return Buffer.concat(chunks);
}

/** A picture of one colour, in RGB. */
export function rgbPart(width: number, height: number, more: TiffPart['tags'] = {}): TiffPart {
  const tags = { 256: width, 257: height, 259: 1, 262: 2, 277: 3, 278: height, 258: 8, ...more };
  return { tags, pixels: new Uint8Array(width * height * 3).fill(90) };
}
