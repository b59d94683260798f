/** @file What the demo must know of a bundled set: what it trains, what it asks for, and what it counts in pixels. */
import type { RgbPixels } from '../../../data/pixels.ts';

/** A picture, sampled or real, with what it should show. */
export interface KnownPicture {
  /** Of the generator, without captions. */
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly caption: string;
  readonly pixels: RgbPixels;
  /** [133, (x, y, confidence)], for a set with joints. */
  readonly pose?: Float32Array;
}

/** What a picture is asked for with, besides noise. */
export type Asked = Omit<KnownPicture, 'pixels'>;

export interface MeasuredRow {
  /** In summary.json. */
  readonly key: string;
  /** In the table. */
  readonly label: string;
  count(pictures: readonly KnownPicture[]): { readonly right: number; readonly of: number };
}

export interface Wordings {
  /** Default of --samples for captions in varied wording, which a model learns more slowly. */
  readonly samples: number;
  /** How long the demo then takes: '10 to 16 minutes on 2 cores'. */
  readonly time: string;
  /** Asks for the pictures of `ask` in a wording that no caption of the set has. */
  askFreely(count: number): readonly Asked[];
}

export interface DemoSet {
  readonly name: 'portraits' | 'figures' | 'emoji';
  /** Its pictures, in the plural. */
  readonly noun: string;
  readonly preset: string;
  /** Defaults of --pictures, --samples and --prompts. */
  readonly pictures: number;
  readonly samples: number;
  readonly prompts: number;
  /** Before that the pictures are clouds of colour. */
  readonly samplesToShow: number;
  /** Whether a picture is asked for by joints as well. */
  readonly hasPose: boolean;
  /** Words for a picture of one's own. */
  readonly example: string;
  /** What the pictures to measure are asked for with. @param heldOut Real pictures that no training has seen. */
  ask(count: number, heldOut: readonly KnownPicture[]): readonly Asked[];
  readonly rows: readonly MeasuredRow[];
  /** For a set whose captions can be in varied wording. */
  readonly worded?: Wordings;
}
