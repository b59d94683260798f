/**
 * @file Checksums that Node lacks: CRC-32C (RFC 3720, appendix B.4) and CRC-64/NVME (NVM Express base specification
 * 2.0, 8.3), both reflected. With one table for each of eight bytes, a step takes eight bytes ("slicing by eight",
 * Kounavis and Berry, 2008).
 */

/** Polynomials with their bits in reverse order; 64 bits as high and low half. */
const CRC32C = 0x82f63b78;
const CRC64NVME_HIGH = 0x9a6c9329;
const CRC64NVME_LOW = 0xac4bc9b5;

const SLICES = 8;

/** [slice * 256 + byte] */
const TABLES_32 = makeTables32();
const TABLES_64 = makeTables64();

function makeTables32(): Int32Array {
  const tables = new Int32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? CRC32C : 0);
    tables[byte] = crc;
  }
  for (let i = 256; i < tables.length; i++) {
    const before = tables[i - 256] ?? 0;
    tables[i] = (before >>> 8) ^ (tables[before & 255] ?? 0);
  }
  return tables;
}

function makeTables64(): { readonly high: Int32Array; readonly low: Int32Array } {
  const high = new Int32Array(SLICES * 256);
  const low = new Int32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte++) {
    let [upper, lower] = [0, byte];
    for (let bit = 0; bit < 8; bit++) {
      const carry = lower & 1;
      lower = ((lower >>> 1) | (upper << 31)) ^ (carry ? CRC64NVME_LOW : 0);
      upper = (upper >>> 1) ^ (carry ? CRC64NVME_HIGH : 0);
    }
    [high[byte], low[byte]] = [upper, lower];
  }
  for (let i = 256; i < high.length; i++) {
    const [upper, lower] = [high[i - 256] ?? 0, low[i - 256] ?? 0];
    high[i] = (upper >>> 8) ^ (high[lower & 255] ?? 0);
    low[i] = ((lower >>> 8) | (upper << 24)) ^ (low[lower & 255] ?? 0);
  }
  return { high, low };
}

/** Continues a CRC-32C over `bytes`, as zlib's crc32 does. @param crc The CRC so far; 0 at the start. */
export function crc32c(bytes: Uint8Array, crc = 0): number {
  const t = TABLES_32;
  let c = ~crc;
  let at = 0;
  for (const end = bytes.length - 7; at < end; at += 8) {
    c ^= (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
    c =
      (t[1792 + (c & 255)] ?? 0) ^
      (t[1536 + ((c >>> 8) & 255)] ?? 0) ^
      (t[1280 + ((c >>> 16) & 255)] ?? 0) ^
      (t[1024 + (c >>> 24)] ?? 0) ^
      (t[768 + (bytes[at + 4] ?? 0)] ?? 0) ^
      (t[512 + (bytes[at + 5] ?? 0)] ?? 0) ^
      (t[256 + (bytes[at + 6] ?? 0)] ?? 0) ^
      (t[bytes[at + 7] ?? 0] ?? 0);
  }
  for (; at < bytes.length; at++) c = (c >>> 8) ^ (t[(c ^ (bytes[at] ?? 0)) & 255] ?? 0);
  return ~c >>> 0;
}

export interface Crc64 {
  readonly high: number;
  readonly low: number;
}

/** Continues a CRC-64/NVME over `bytes`. @param crc The CRC so far; 0 at the start. */
export function crc64nvme(bytes: Uint8Array, crc: Crc64 = { high: 0, low: 0 }): Crc64 {
  const { high: h, low: l } = TABLES_64;
  let upper = ~crc.high;
  let lower = ~crc.low;
  let at = 0;
  for (const end = bytes.length - 7; at < end; at += 8) {
    lower ^= word(bytes, at);
    upper ^= word(bytes, at + 4);
    const [a, b, c, d] = [
      1792 + (lower & 255),
      1536 + ((lower >>> 8) & 255),
      1280 + ((lower >>> 16) & 255),
      1024 + (lower >>> 24),
    ];
    const [e, f, g, i] = [768 + (upper & 255), 512 + ((upper >>> 8) & 255), 256 + ((upper >>> 16) & 255), upper >>> 24];
    upper = xor4(h, a, b, c, d) ^ xor4(h, e, f, g, i);
    lower = xor4(l, a, b, c, d) ^ xor4(l, e, f, g, i);
  }
  for (; at < bytes.length; at++) {
    const byte = (lower ^ (bytes[at] ?? 0)) & 255;
    lower = ((lower >>> 8) | (upper << 24)) ^ (l[byte] ?? 0);
    upper = (upper >>> 8) ^ (h[byte] ?? 0);
  }
  return { high: ~upper >>> 0, low: ~lower >>> 0 };
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
}

function xor4(table: Int32Array, a: number, b: number, c: number, d: number): number {
  return (table[a] ?? 0) ^ (table[b] ?? 0) ^ (table[c] ?? 0) ^ (table[d] ?? 0);
}
