/**
 * @file The table of feature extractors: what turns a picture into a row of numbers, so that sets of pictures can be
 * compared. Each encoder of pictures that describes the whole picture is one. `thumbnail` looks at plain pixels.
 */
import { z } from 'zod';
import { PICTURE_NET_PARTS } from '../../../configs/picture-net.ts';
import type { KeyedConfig } from '../../../configs/schema.ts';
import { signalsOf } from '../../../configs/signals.ts';
import { NAME_PATTERN } from '../../../configs/stored-names.ts';
import { Unprocessable } from '../../../errors.ts';
import { type AnyEncoder, defineEncoder, type Weights } from '../../encoders/encoder.ts';
import { encodersOf } from '../../encoders/encoders.ts';

export interface Extractor {
  readonly name: string;
  /** Absent: the pixels themselves, as thumbnails. */
  readonly encoder?: AnyEncoder;
  /** Name of the encoder in the gpu-runner, where it is not that of the extractor. */
  readonly job?: string;
  /** What reports say of it. */
  readonly about: string;
}

/** Of extractors that a call may choose by itself: the first installed one that training did not see. */
const DEFAULT_ORDER: readonly RegExp[] = [
  /^dinov2-/,
  /^efficientnet-lite2$/,
  /^efficientnet-lite0$/,
  /^dct$/,
  /^thumbnail$/,
];

const ABOUT: Readonly<Record<string, string>> = {
  dct: 'built in: 64 low frequencies of the colours, without a network; it sees layout and colour, not objects',
};

export const EXTRACTORS: readonly Extractor[] = [
  ...encodersOf('image')
    .filter(({ makes }) => makes.cls !== undefined)
    .map(encoder => ({
      name: encoder.name,
      encoder,
      about: ABOUT[encoder.name] ?? `${encoder.name}: a network; its vector of the whole picture`,
    })),
  { name: 'thumbnail', about: 'built in: the pixels, as a thumbnail of 16 x 16' },
];

export const EXTRACTOR_NAMES = EXTRACTORS.map(({ name }) => name) as [string, ...string[]];

/** Names of extractors, and of networks of a person's own. */
export const extractorSchema = z
  .string()
  .regex(NAME_PATTERN, 'expected the name of an extractor or of a stored network: a-z 0-9 . _ -')
  .describe(
    `one of ${EXTRACTOR_NAMES.join(', ')}, or the name of a stored network of pictures with the parts ` +
      `${PICTURE_NET_PARTS.join(' and ')} (docs/evaluation.md)`,
  );

/** A network of a person's own in an ONNX file, by the name under which the store has it. */
export function onnxExtractor(name: string): Extractor {
  const encoder = defineEncoder({
    ...{ name, version: 1, reads: 'image', options: z.strictObject({}), makes: { cls: () => ({}) } },
    optionsOf: () => ({}),
    weights: PICTURE_NET_PARTS,
    precisions: { allowed: ['f32'], why: 'nobody knows how exact the network must be' },
    runs: 'runner',
  });
  return { name, encoder, job: 'onnx-features', about: `${name}: a network in an ONNX file; its output` };
}

/** @throws Unprocessable for an unknown name, unless it comes with the parts of a network in an ONNX file. */
export function findExtractor(name: string, weights?: Weights): Extractor {
  const found = EXTRACTORS.find(each => each.name === name);
  if (found) return found;
  if (weights && PICTURE_NET_PARTS.every(part => part in weights)) return onnxExtractor(name);
  throw new Unprocessable(`there is no feature extractor "${name}"`, {
    expected: `one of: ${EXTRACTOR_NAMES.join(', ')}; or a stored network with the parts ${PICTURE_NET_PARTS.join(', ')}`,
  });
}

/** Nets of one kind that were trained alike: a training that saw one has seen the others. */
function kinOf(name: string): string {
  return /^(dinov\d|clip(?=-))/.exec(name)?.[0] ?? name;
}

export interface SeenEncoder {
  readonly name: string;
  /** `the signal cls`, `a frozen net of the losses`. */
  readonly as: string;
}

/** The encoders whose features a training saw: as signals, as the teacher of a loss, or as a frozen net. */
export function listSeen({ model, objective }: Pick<KeyedConfig, 'model' | 'objective'>): SeenEncoder[] {
  const signals = signalsOf(model.conditions).flatMap(signal => {
    const condition = model.conditions?.[signal];
    return condition && 'encoder' in condition && condition.encoder !== undefined
      ? [{ name: condition.encoder, as: `the signal ${signal}` }]
      : [];
  });
  const teachers = Object.entries(objective.losses ?? {}).flatMap(([loss, options]) => {
    const name = nameIn((options as { readonly column?: unknown }).column);
    return name === undefined ? [] : [{ name, as: `the teacher of the loss ${loss}` }];
  });
  const frozen = Object.keys(objective.frozen ?? {}).map(name => ({ name, as: 'a frozen net of the losses' }));
  return [...signals, ...teachers, ...frozen];
}

/** How a training saw this encoder or one of its kind. */
export function findSeen(config: Pick<KeyedConfig, 'model' | 'objective'>, name: string): SeenEncoder | undefined {
  return listSeen(config).find(each => kinOf(each.name) === kinOf(name));
}

function nameIn(column: unknown): string | undefined {
  const name = column && typeof column === 'object' && 'encoder' in column ? column.encoder : undefined;
  return typeof name === 'string' ? name : undefined;
}

export interface ChosenExtractor {
  readonly extractor: Extractor;
  /** Why this one, and why not those that come before it. */
  readonly why: string;
}

/**
 * The extractor of an evaluation: never one that the training saw, since a model learns to please it.
 * @param installed Names of the models that the store has.
 * @param asked By name; absent: the first of the default order that is installed and was not seen.
 * @throws Unprocessable if the training saw the one that is asked for, or its weights are not installed.
 */
export function chooseExtractor(
  config: Pick<KeyedConfig, 'model' | 'objective'>,
  installed: ReadonlySet<string>,
  asked?: string,
): ChosenExtractor {
  const seenAs = ({ name }: Extractor) => findSeen(config, name)?.as;
  const isThere = ({ name, encoder }: Extractor) => encoder?.weights === undefined || installed.has(name);
  if (asked !== undefined) {
    const isOwn = installed.has(asked) && !EXTRACTORS.some(({ name }) => name === asked);
    const extractor = isOwn ? onnxExtractor(asked) : findExtractor(asked);
    const as = seenAs(extractor);
    if (as !== undefined) {
      const others = EXTRACTORS.filter(each => seenAs(each) === undefined && isThere(each));
      throw new Unprocessable(`the training saw ${asked}, as ${as}: it cannot judge the pictures`, {
        expected: `another extractor: ${others.map(({ name }) => name).join(', ')}`,
      });
    }
    return { extractor, why: 'asked for' };
  }
  const passed: string[] = [];
  for (const extractor of inDefaultOrder()) {
    const as = seenAs(extractor);
    if (as !== undefined) passed.push(`the training saw ${extractor.name}, as ${as}`);
    else if (!isThere(extractor)) passed.push(`${extractor.name} is not installed`);
    else {
      return { extractor, why: [...passed, `${extractor.name} is the first that is left`].join('; ') };
    }
  }
  throw new Unprocessable('no feature extractor is left', { expected: `one of: ${EXTRACTOR_NAMES.join(', ')}` });
}

function inDefaultOrder(): Extractor[] {
  return DEFAULT_ORDER.flatMap(pattern => EXTRACTORS.filter(({ name }) => pattern.test(name)));
}

/** Tokens or cells along a side that a network should see at least; fewer show it a picture smaller than it knows. */
const LEAST_CELLS = 14;

/**
 * Options of the extractor's encoder for pictures of a size: small ones are enlarged to about the size that a network
 * knows, by its smallest stride if they are very small.
 * @param sizes Of all pictures; the stride divides every side.
 */
export function optionsFor(
  { encoder }: Extractor,
  sizes: readonly { readonly width: number; readonly height: number }[],
): Readonly<Record<string, unknown>> {
  if (encoder === undefined) return {};
  if (!('stride' in encoder.options.shape)) return encoder.options.parse({});
  const [first = { width: 1, height: 1 }] = sizes;
  const side = Math.sqrt(first.width * first.height);
  const divides = (stride: number) => sizes.every(({ width, height }) => width % stride === 0 && height % stride === 0);
  const possible = [32, 16, 8, 4, 2, 1].filter(
    stride => encoder.options.safeParse({ stride }).success && divides(stride),
  );
  const stride = possible.find(each => side / each >= LEAST_CELLS) ?? possible.at(-1);
  return encoder.options.parse(stride === undefined ? {} : { stride });
}
