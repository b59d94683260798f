/** @file Reads the header x-amz-content-sha256, which describes the body. */
import { S3Error } from './errors.ts';

export type Payload =
  /** A plain body; `sha256` (hexadecimal) is present if the signature covers the bytes. */
  | { readonly kind: 'plain'; readonly sha256?: string }
  /**
   * A body framed as aws-chunked, with or without a signature for each chunk, and with or without trailing checksums.
   */
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
