/** @file The encryption that MinIO's admin interface wants of bodies with secrets, on top of the signature. */
import { createCipheriv, pbkdf2Sync, randomBytes } from 'node:crypto';
import { Internal } from '../../errors.ts';

/** AES-256-GCM under a key that PBKDF2-HMAC-SHA256 makes of the secret key: of the server's schemes the one that Node has all parts of. */
const SCHEME = 0x02;
const KEY_ROUNDS = 8192;
const KEY_BYTES = 32;
const SALT_BYTES = 32;
/** Of GCM's 12: the other 4 count the chunks. */
const NONCE_BYTES = 8;
/** Of plain text to a chunk; what we send fits one. */
const CHUNK_BYTES = 2 ** 14;
const LAST_CHUNK = 0x80;

/**
 * salt (32) | scheme (1) | nonce (8) | cipher text and tag. Chunk 0 authenticates an empty message, whose tag, behind a byte that tells the
 * last chunk from others, is the associated data of those that follow.
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
