/**
 * @file The normalizer `Precompiled` of a tokenizer.json: sentencepiece's map from characters to characters, as the
 * library `tokenizers` applies it.
 *
 * The map is base64 of: u32 size of a trie in bytes; the trie (a double array of u32 units, as Darts-clone writes it);
 * replacements in UTF-8, each ended by a zero byte. The trie gives for a key the place of its replacement.
 */
import { Unprocessable } from '../errors.ts';

/** Longer grapheme clusters are looked up character by character. In bytes of UTF-8. */
const LONGEST_CLUSTER = 5;
/** Text of these characters alone has one cluster for each of them. */
const PLAIN = /^[\x20-\x7e]*$/;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Returns the normalizer. @throws Unprocessable for bytes that are no map. */
export function readCharacterMap(base64: string): (text: string) => string {
  const bytes = new Uint8Array(Buffer.from(base64, 'base64'));
  const { trie, replacements } = split(bytes);
  const known = new Map<string, string | undefined>();

  /** The replacement of the shortest key that the chunk begins with; it replaces the whole chunk. */
  function find(chunk: string): string | undefined {
    if (known.has(chunk)) return known.get(chunk);
    const at = findFirst(trie, encoder.encode(chunk));
    const end = at === undefined ? 0 : replacements.indexOf(0, at);
    const found = at === undefined ? undefined : decoder.decode(replacements.subarray(at, end < 0 ? undefined : end));
    known.set(chunk, found);
    return found;
  }

  const clusters = new Intl.Segmenter('en', { granularity: 'grapheme' });
  const mapCharacters = (cluster: string) => Array.from(cluster, character => find(character) ?? character).join('');
  return text => {
    if (PLAIN.test(text)) return mapCharacters(text);
    let mapped = '';
    for (const { segment } of clusters.segment(text)) {
      const whole = Buffer.byteLength(segment) <= LONGEST_CLUSTER ? find(segment) : undefined;
      mapped += whole ?? mapCharacters(segment);
    }
    return mapped;
  };
}

function split(bytes: Uint8Array): { readonly trie: Uint32Array; readonly replacements: Uint8Array } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = bytes.length < 4 ? Number.NaN : view.getUint32(0, true);
  if (!(size > 0 && size % 4 === 0 && 4 + size <= bytes.length)) {
    throw new Unprocessable('the character map of the tokenizer is damaged', {
      expected: 'a trie and its replacements, as sentencepiece writes them',
    });
  }
  const trie = Uint32Array.from({ length: size / 4 }, (_, unit) => view.getUint32(4 + 4 * unit, true));
  return { trie, replacements: bytes.subarray(4 + size) };
}

// A unit: bits 0-7 label, bit 8 "has a leaf", bit 9 "offset is in units of 256", bits 10-30 offset. Bit 31 marks a
// leaf.
const labelOf = (unit: number) => unit & 0x8000_00ff;
const hasLeaf = (unit: number) => (unit & 0x100) !== 0;
const offsetOf = (unit: number) => (unit >>> 10) << ((unit & 0x200) >>> 6);
const leafOf = (unit: number) => unit & 0x7fff_ffff;

/** The value of the shortest key that `text` begins with. */
function findFirst(trie: Uint32Array, text: Uint8Array): number | undefined {
  let at = offsetOf(trie[0] ?? 0);
  for (const byte of text) {
    if (byte === 0) return undefined;
    at ^= byte;
    const unit = trie[at] ?? 0;
    if (labelOf(unit) !== byte) return undefined;
    at ^= offsetOf(unit);
    if (hasLeaf(unit)) return leafOf(trie[at] ?? 0);
  }
  return undefined;
}
