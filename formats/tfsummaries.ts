/**
 * @file Pictures and texts of TensorBoard's event files: Summary.Value (tensorflow/core/framework/summary.proto: tag 1,
 * tensor 8, metadata 9) with a tensor of strings (tensor.proto: dtype 1, tensor_shape 2, string_val 8), as the plugins
 * `images` and `text` of TensorBoard read them.
 */
import type { MessageWriter } from './protobuf.ts';

/** PNG files that TensorBoard shows side by side, with the size of the first in pixels. */
export interface PictureSeries {
  readonly width: number;
  readonly height: number;
  readonly pngs: readonly Uint8Array[];
}

/** DataClass of summary.proto: how TensorBoard stores the values of a tag. */
const DATA_CLASS = { tensor: 2, blobs: 3 } as const;
/** DataType of types.proto. */
const DT_STRING = 7;

const encoder = new TextEncoder();

/** Adds a value to a Summary. The plugin `images` wants width and height as decimal text before the files. */
export function appendPictures(summary: MessageWriter, tag: string, { width, height, pngs }: PictureSeries): void {
  const sizes = [width, height].map(side => encoder.encode(String(side)));
  appendStrings(summary, tag, { plugin: 'images', dataClass: DATA_CLASS.blobs, strings: [...sizes, ...pngs] });
}

/** @param text Markdown. */
export function appendText(summary: MessageWriter, tag: string, text: string): void {
  const strings = [encoder.encode(text)];
  appendStrings(summary, tag, { plugin: 'text', dataClass: DATA_CLASS.tensor, strings });
}

interface Strings {
  readonly plugin: string;
  readonly dataClass: number;
  readonly strings: readonly Uint8Array[];
}

function appendStrings(summary: MessageWriter, tag: string, { plugin, dataClass, strings }: Strings): void {
  summary.message(1, value => {
    value.string(1, tag);
    value.message(8, tensor => {
      tensor.int(1, DT_STRING);
      tensor.message(2, shape => shape.message(2, dim => dim.int(1, strings.length)));
      for (const each of strings) tensor.bytes(8, each);
    });
    value.message(9, metadata => metadata.message(1, data => data.string(1, plugin)).int(4, dataClass));
  });
}
