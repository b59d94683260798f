/** @file Whether the encoders that one call names fit each other and the options they share. */
import type { z } from 'zod';
import { describeMistake } from '../../configs/issue-text.ts';
import { type AnyEncoder, signalsMadeBy } from './encoder.ts';
import { findEncoder } from './encoders.ts';

export interface EncodersOfCall {
  readonly text_encoder: string;
  readonly image_encoders: readonly string[];
  /** Pixels per patch, for encoders that take a stride. */
  readonly stride: number;
  readonly engine?: unknown;
}

/** Reports encoders that make one signal twice, a stride that an encoder does not take, and an engine without use. */
export function checkEncoders(
  { text_encoder, image_encoders, stride, engine }: EncodersOfCall,
  issues: z.core.$RefinementCtx,
): void {
  const add = (key: string, message: string) => issues.addIssue({ code: 'custom', path: [key], message });
  const images = [...new Set(image_encoders)].map(name => findEncoder(name));
  for (const [index, encoder] of images.entries()) {
    const other = images.slice(0, index).find(each => signalsMadeBy(each).some(signal => signal in encoder.makes));
    if (other) add('image_encoders', `${other.name} and ${encoder.name} make the same signals: expected one of them`);
    const parsed = encoder.options.safeParse(strideOf(encoder, stride), { reportInput: true });
    const problem: z.core.$ZodIssue | undefined = parsed.error?.issues[0];
    if (problem) add('stride', `the encoder ${encoder.name}: ${describeMistake(problem)}`);
  }
  const needsEngine = [findEncoder(text_encoder), ...images].some(({ runs }) => runs === 'runner');
  if (engine !== undefined && !needsEngine) add('engine', 'no encoder of this call runs on an engine: leave it out');
}

/** The stride as an option of the encoder; nothing if it takes none. */
export function strideOf({ options }: AnyEncoder, stride: number): { readonly stride?: number } {
  return 'stride' in options.shape ? { stride } : {};
}
