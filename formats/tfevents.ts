/**
 * @file TensorBoard's event files: TFRecord framing (tensorflow/core/lib/io/record_writer.h) of Event messages
 * (tensorflow/core/util/event.proto: wall_time 1, step 2, file_version 3, summary 5).
 */
import { MessageWriter } from './protobuf.ts';
import { appendPictures, appendText, type PictureSeries } from './tfsummaries.ts';

export interface SummaryEvent {
  readonly step: number;
  /** Seconds. */
  readonly wallTime: number;
  /** Value by tag; stored as f32. */
  readonly scalars: Readonly<Record<string, number>>;
  /** Pictures by tag. A tag is of one kind only. */
  readonly pictures?: Readonly<Record<string, PictureSeries>>;
  /** Markdown by tag. */
  readonly texts?: Readonly<Record<string, string>>;
}

/** A whole file; equal events give equal bytes. */
export function encodeTfEvents(events: readonly SummaryEvent[]): Uint8Array {
  const version = new MessageWriter().double(1, events[0]?.wallTime ?? 0).string(3, 'brain.Event:2');
  const records = [version.finish(), ...events.map(encodeEvent)].map(frame);
  return Buffer.concat(records);
}

function encodeEvent({ step, wallTime, scalars, pictures = {}, texts = {} }: SummaryEvent): Uint8Array {
  const event = new MessageWriter().double(1, wallTime).int(2, step);
  event.message(5, summary => {
    for (const [tag, value] of Object.entries(scalars)) {
      summary.message(1, entry => entry.string(1, tag).float(2, value));
    }
    for (const [tag, series] of Object.entries(pictures)) appendPictures(summary, tag, series);
    for (const [tag, text] of Object.entries(texts)) appendText(summary, tag, text);
  });
  return event.finish();
}

/** Length, its checksum, the record, its checksum; little-endian. */
function frame(record: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(8 + 4 + record.length + 4);
  bytes.writeBigUInt64LE(BigInt(record.length), 0);
  bytes.writeUInt32LE(maskedChecksum(bytes.subarray(0, 8)), 8);
  bytes.set(record, 12);
  bytes.writeUInt32LE(maskedChecksum(record), 12 + record.length);
  return bytes;
}

const MASK_DELTA = 0xa282ead8;

/** Rotated and offset: a checksum of data that contains checksums would be weak. */
export function maskedChecksum(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0;
}

/** Castagnoli's polynomial, bits reversed (RFC 3720, appendix B.4). */
const POLYNOMIAL = 0x82f63b78;
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc;
});

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] ?? 0);
  return (crc ^ 0xffffffff) >>> 0;
}
