/** @file Encrypts bodies with secrets as MinIO's admin interface requires, on top of the signature. */
import { createCipheriv, pbkdf2Sync, randomBytes } from 'node:crypto';
import { Internal } from '../../errors.ts';

/** AES-256-GCM under a key from PBKDF2-HMAC-SHA256 of the secret key. Node has all parts of this scheme. */
const SCHEME = 0x02;
const KEY_ROUNDS = 8192;
const KEY_BYTES = 32;
const SALT_BYTES = 32;
/** Random bytes of GCM's 12-byte nonce; the other 4 count the chunks. */
const NONCE_BYTES = 8;
/** Bytes of plain text in a chunk. Our bodies fit into one chunk. */
const CHUNK_BYTES = 2 ** 14;
const LAST_CHUNK = 0x80;

/**
 * @returns salt (32 bytes) | scheme (1) | nonce (8) | cipher text and tag.
 *
 * Chunk 0 authenticates an empty message. The associated data of every later chunk is a byte that marks the last chunk,
 * followed by the tag of chunk 0.
 */
export function sealForMinio(secretKey: string, text: Uint8Array): Buffer {
  if (text.length > CHUNK_BYTES) throw new Internal(`${text.length} bytes are too many for one chunk`);
  const salt = randomBytes(SALT_BYTES);
  const nonce = randomBytes(NONCE_BYTES);
  const key = pbkdf2Sync(secretKey, salt, KEY_ROUNDS, KEY_BYTES, 'sha256');
  const empty = encryptChunk(key, nonce, 0, new Uint8Array());
  const sealed = encryptChunk(key, nonce, 1, text, Buffer.concat([Buffer.of(LAST_CHUNK), empty]));
  return Buffer.concat([salt, Buffer.of(SCHEME), nonce, sealed]);
}

function encryptChunk(key: Buffer, nonce: Buffer, number: number, text: Uint8Array, data?: Uint8Array): Buffer {
  const counter = Buffer.alloc(4);
  counter.writeUInt32LE(number);
  const cipher = createCipheriv('aes-256-gcm', key, Buffer.concat([nonce, counter]));
  if (data !== undefined) cipher.setAAD(data);
  return Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
}
