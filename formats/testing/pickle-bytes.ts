/** @file Assembles pickles opcode by opcode, for tests. */

/** A pickle of protocol 2. @param opcodes Latin-1: each character is a byte. */
export function pickleOf(opcodes: string): Uint8Array {
  return new Uint8Array(Buffer.from(`\x80\x02${opcodes}.`, 'latin1'));
}

/** The opcode of a text, as Latin-1. */
export function textOpcode(text: string): string {
  const bytes = Buffer.from(text);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(bytes.length);
  return `X${Buffer.concat([size, bytes]).toString('latin1')}`;
}
