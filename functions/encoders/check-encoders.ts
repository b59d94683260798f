/** @file The encoders that one call names: whether they fit each other and the options they share. */
import { z } from 'zod';
import { WIDEST } from '../../configs/bounds.ts';
import { describeMistake } from '../../configs/issue-text.ts';
import { type AnyEncoder, signalsMadeBy } from './encoder.ts';
import { findEncoder } from './encoders.ts';

/** Options of image encoders that a call gives for all of them. */
export const imageOptionsShape = {
  stride: z
    .int()
    .min(1)
    .max(256)
    .optional()
    .describe('pixels per patch of encode-image; divides the quantum; default: the usual one of the encoder, mostly 8'),
  layers: z.string().optional().describe('as of encode-image, for encoders that take it'),
  pca: z
    .int()
    .min(1)
    .max(WIDEST)
    .optional()
    .describe('as of encode-image, for encoders that take it; the basis is fitted to the split train, and then stays'),
};

/** Sides of buckets are multiples of this, unless an encoder has larger patches. */
const USUAL_QUANTUM = 8;

export interface EncodersOfCall extends z.output<z.ZodObject<typeof imageOptionsShape>> {
  readonly text_encoder: string;
  /** Of the text encoder. */
  readonly text_options?: Readonly<Record<string, unknown>> | undefined;
  readonly image_encoders: readonly string[];
  readonly quantum?: number | undefined;
  readonly engine?: unknown;
  /** Name of a classifier, which runs on an engine, too. */
  readonly classifier?: string | undefined;
}

/**
 * Reports encoders that make one signal twice, options that an encoder does not take, patches that do not fill buckets,
 * and an engine without use.
 */
export function checkEncoders(call: EncodersOfCall, issues: z.core.$RefinementCtx): void {
  const add = (key: string, message: string) => issues.addIssue({ code: 'custom', path: [key], message });
  const images = [...new Set(call.image_encoders)].map(name => findEncoder(name));
  for (const [index, encoder] of images.entries()) {
    const other = images.slice(0, index).find(each => signalsMadeBy(each).some(signal => signal in encoder.makes));
    if (other) add('image_encoders', `${other.name} and ${encoder.name} make the same signals: expected one of them`);
    const parsed = encoder.options.safeParse(optionsFor(encoder, call), { reportInput: true });
    const problem: z.core.$ZodIssue | undefined = parsed.error?.issues[0];
    if (problem) add(String(problem.path[0] ?? 'stride'), `the encoder ${encoder.name}: ${describeMistake(problem)}`);
  }
  for (const key of ['layers', 'pca'] as const) {
    if (call[key] === undefined || images.some(({ options }) => key in options.shape)) continue;
    add(key, `no encoder of this call takes ${key}: leave it out`);
  }
  const stride = strideOf(call);
  const quantum = quantumOf(call);
  if (quantum % stride !== 0) {
    const usual = (given: unknown, value: number) =>
      given === undefined ? `, which is ${value} unless it is given,` : '';
    const [ofStride, ofQuantum] = [usual(call.stride, stride), usual(call.quantum, quantum)];
    add('stride', `expected a stride${ofStride} that divides the quantum${ofQuantum.replace(/,$/, '')}`);
  }
  const needsEngine =
    call.classifier !== undefined || [findEncoder(call.text_encoder), ...images].some(({ runs }) => runs === 'runner');
  if (call.engine !== undefined && !needsEngine) {
    add('engine', 'no encoder of this call runs on an engine: leave it out');
  }
  const { text_encoder, text_options = {} } = call;
  const text = findEncoder(text_encoder).options.safeParse(text_options, { reportInput: true });
  const wrong: z.core.$ZodIssue | undefined = text.error?.issues[0];
  if (wrong) {
    const at = wrong.path.length > 0 ? `${wrong.path.join('.')}: ` : '';
    add('text_options', `the encoder ${text_encoder}: ${at}${describeMistake(wrong)}`);
  }
}

/** Those of the call's options that the encoder takes. */
export function optionsFor({ options }: AnyEncoder, call: EncodersOfCall): Record<string, string | number> {
  return Object.fromEntries(
    Object.keys(imageOptionsShape).flatMap(key => {
      const value = call[key as keyof typeof imageOptionsShape];
      return value !== undefined && key in options.shape ? [[key, value]] : [];
    }),
  );
}

/** The largest pixels per patch of the encoders of pictures. */
function strideOf(call: EncodersOfCall): number {
  const strides = call.image_encoders.map(name => {
    const { options } = findEncoder(name);
    return call.stride ?? Number(options.safeParse({}).data?.stride ?? 1);
  });
  return Math.max(...strides);
}

/** What the sides of the buckets of a call are multiples of. */
export function quantumOf(call: EncodersOfCall): number {
  return call.quantum ?? Math.max(USUAL_QUANTUM, call.stride === undefined ? strideOf(call) : 0);
}
