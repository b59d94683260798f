/** @file What x-amz-content-sha256 says of a body. */
import { S3Error } from './errors.ts';

export type Payload =
  /** The bytes as they are; `sha256` (hexadecimal) when the signature covers them. */
  | { readonly kind: 'plain'; readonly sha256?: string }
  /** aws-chunked: framed, with a signature for each chunk, and checksums behind the last, or not. */
  | { readonly kind: 'chunked'; readonly signed: boolean; readonly trailers: boolean };

const MODES: Readonly<Record<string, Payload>> = {
  'UNSIGNED-PAYLOAD': { kind: 'plain' },
  'STREAMING-UNSIGNED-PAYLOAD-TRAILER': { kind: 'chunked', signed: false, trailers: true },
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD': { kind: 'chunked', signed: true, trailers: false },
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER': { kind: 'chunked', signed: true, trailers: true },
};

/** @throws S3Error InvalidArgument */
export function parsePayload(text: string): Payload {
  if (/^[0-9a-f]{64}$/.test(text)) return { kind: 'plain', sha256: text };
  const mode = Object.hasOwn(MODES, text) ? MODES[text] : undefined;
  if (mode !== undefined) return mode;
  throw new S3Error(
    'InvalidArgument',
    `x-amz-content-sha256 must be ${Object.keys(MODES).join(', ')} or the sha256 of the body in hexadecimal`,
  );
}
