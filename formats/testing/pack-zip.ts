/** @file Zip archives for tests. */
import { crc32, deflateRawSync } from 'node:zlib';

const UNIX = 3;

type Member = readonly [name: string, content: string | Uint8Array, method: 'stored' | 'deflated', mode?: number];

export function packZip(members: readonly Member[], comment = ''): Uint8Array {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content, method, mode = 0o644] of members) {
    const body = method === 'stored' ? Buffer.from(content) : deflateRawSync(content);
    // From "version needed" to "extra length": the same in both headers.
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0);
    shared.writeUInt16LE(method === 'stored' ? 0 : 8, 4);
    shared.writeUInt32LE(crc32(content), 10);
    shared.writeUInt32LE(body.length, 14);
    shared.writeUInt32LE(Buffer.byteLength(content), 18);
    shared.writeUInt16LE(Buffer.byteLength(name), 22);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(mode * 2 ** 16, 6);
    rest.writeUInt32LE(offset, 10);
    locals.push(signature(0x04034b50), shared, Buffer.from(name), body);
    directory.push(signature(0x02014b50), Buffer.from([20, UNIX]), shared, rest, Buffer.from(name));
    offset += 30 + Buffer.byteLength(name) + body.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(offset, 16);
  end.writeUInt16LE(comment.length, 20);
  return new Uint8Array(Buffer.concat([...locals, ...directory, end, Buffer.from(comment)]));
}

function signature(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
