import { crc32 } from 'node:zlib';
import { expect, it, test } from 'vitest';
import { ChecksumVerifier } from './checksums.ts';
import { crc32c, crc64nvme } from './crc.ts';

const bytes = (text: string) => Buffer.from(text);

// Check values of "123456789" in Greg Cook's catalogue of parametrised CRC algorithms.
test('CRC-32C and CRC-64/NVME give the check values of their specifications', () => {
  expect(crc32c(bytes('123456789'))).toBe(0xe3069283);
  expect(crc64nvme(bytes('123456789'))).toEqual({ high: 0xae8b1486, low: 0x0a799888 });
  expect(crc32c(new Uint8Array())).toBe(0);
});

// RFC 3720, appendix B.4.
test.each([
  [new Uint8Array(32), 0x8a9136aa],
  [new Uint8Array(32).fill(0xff), 0x62a8ab43],
  [Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  [Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
])('CRC-32C of RFC 3720: %#', (input, expected) => {
  expect(crc32c(input)).toBe(expected);
});

/** Bit by bit, for any length and starting point. */
function crc64Slowly(input: Uint8Array): bigint {
  let crc = 0xffffffffffffffffn;
  for (const byte of input) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = (crc >> 1n) ^ (crc & 1n ? 0x9a6c9329ac4bc9b5n : 0n);
  }
  return crc ^ 0xffffffffffffffffn;
}

it('a checksum is the same for pieces of any length', () => {
  const all = Uint8Array.from({ length: 100 }, (_, i) => (i * 37 + 11) & 255);
  for (const cut of [0, 1, 7, 8, 9, 50, 99, 100]) {
    const [a, b] = [all.subarray(0, cut), all.subarray(cut)];
    expect(crc32c(b, crc32c(a))).toBe(crc32c(all));
    const { high, low } = crc64nvme(b, crc64nvme(a));
    expect((BigInt(high) << 32n) | BigInt(low)).toBe(crc64Slowly(all));
  }
});

const crcOf = (text: string) => {
  const digest = Buffer.alloc(4);
  digest.writeUInt32BE(crc32(bytes(text)));
  return digest.toString('base64');
};
function verify(headers: Record<string, string>, body: string, trailers: Record<string, string> = {}): void {
  const verifier = new ChecksumVerifier(new Headers(headers));
  verifier.update(bytes(body));
  verifier.addTrailers(new Headers(headers), new Map(Object.entries(trailers)));
  verifier.verify();
}

it('true checksums are accepted, before the body and behind it', () => {
  verify({}, 'x');
  verify({ 'x-amz-checksum-crc32': crcOf('x'), 'content-md5': 'ndTkYSaMgDT1yFZOFVxnpg==' }, 'x');
  verify({ 'x-amz-trailer': 'x-amz-checksum-crc32' }, 'x', { 'x-amz-checksum-crc32': crcOf('x') });
  verify({ 'x-amz-checksum-algorithm': 'CRC32', 'x-amz-checksum-type': 'FULL_OBJECT' }, 'x');
});

it.each([
  [{ 'x-amz-checksum-crc32': crcOf('y') }, {}, 'BadDigest'],
  [{ 'content-md5': '1B2M2Y8AsgTpgAmY7PhCfg==' }, {}, 'BadDigest'],
  [{ 'x-amz-trailer': 'x-amz-checksum-crc32' }, { 'x-amz-checksum-crc32': crcOf('y') }, 'BadDigest'],
  [{ 'x-amz-trailer': 'x-amz-checksum-crc32' }, {}, 'MalformedTrailerError'],
  [{}, { 'x-amz-checksum-crc32': crcOf('x') }, 'MalformedTrailerError'],
  [{ 'x-amz-trailer': 'x-amz-checksum-crc32' }, { 'x-amz-checksum-sha1': 'x' }, 'MalformedTrailerError'],
  [{ 'x-amz-trailer': 'x-amz-checksum-crc32' }, { 'x-amz-checksum-crc32': 'AAAA' }, 'InvalidDigest'],
  [{ 'x-amz-checksum-crc32': 'no base64' }, {}, 'InvalidDigest'],
  [{ 'content-md5': 'AAAA' }, {}, 'InvalidDigest'],
  [{ 'x-amz-checksum-xxhash64': 'AAAAAAAAAAA=' }, {}, 'NotImplemented'],
  [{ 'x-amz-trailer': 'x-amz-checksum-xxhash64' }, {}, 'NotImplemented'],
  [{ 'x-amz-sdk-checksum-algorithm': 'CRC32' }, {}, 'InvalidRequest'],
])('refuses checksums %j and trailers %j: %s', (headers, trailers, code) => {
  expect(() => verify(headers, 'x', trailers)).toThrow(expect.objectContaining({ code }));
});
