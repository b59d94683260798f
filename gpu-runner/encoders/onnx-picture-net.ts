/** @file A network in an ONNX file that reads pictures. Its config says how it sees them (configs/picture-net.ts). */
import type { z } from 'zod';
import { gibibytes } from '../../configs/gibibytes.ts';
import { describeMistake } from '../../configs/issue-text.ts';
import { readMachineMemory } from '../../configs/machine-memory.ts';
import type { PictureInput } from '../../configs/picture-net.ts';
import { Unprocessable } from '../../errors.ts';
import type { Engine } from '../compiler/engine.ts';
import type { OnnxInput } from '../compiler/targets/onnx/read/decode-model.ts';
import { formatType, sizeOf } from '../compiler/tensor.ts';
import type { Picture } from './encoder.ts';
import { compileOnnx, type RunCost, readPictureNet } from './onnx-program.ts';
import { type PictureSides, scalePicture } from './scale-picture.ts';

export interface OnnxPictureNet {
  /** Numbers of the one output. */
  readonly count: number;
  /** Of one picture. */
  readonly cost: RunCost;
  /** The output for a picture. */
  run(picture: Picture): Promise<Float32Array>;
  dispose(): Promise<void>;
}

/**
 * Computes in f32.
 * @param config What to call it, in messages: `the config of the classifier`.
 * @param memory Bytes that the machine has.
 * @throws Unprocessable for a network that does not read a picture, has several outputs, or takes too much.
 */
export async function openPictureNet(
  engine: Engine,
  file: Uint8Array,
  input: PictureInput,
  config: string,
  memory = readMachineMemory().limit,
): Promise<OnnxPictureNet> {
  const { net, shape } = readPictureNet(file, 'model');
  const { size, channelsLast } = layOut(shape, input, config);
  const wanted = channelsLast ? [1, size.height, size.width, 3] : [1, 3, size.height, size.width];
  const check = (cost: RunCost) => refuseCost(cost, { size, most: input.most_operations, memory, config });
  const program = await compileOnnx(engine, net, wanted, check);
  const [[name, spec] = ['', undefined], ...others] = Object.entries(program.outputs);
  if (spec?.dtype !== 'f32' || others.length > 0) {
    await program.dispose();
    const made = Object.entries(program.outputs).map(([output, each]) => `"${output}" ${formatType(each)}`);
    throw new Unprocessable(`the network "model" makes ${made.join(', ')}`, { expected: 'one output of f32 numbers' });
  }
  return {
    count: sizeOf(spec.shape),
    cost: program.cost,
    async run(picture) {
      const { [name]: output } = await program.run(prepare(picture, size, input, channelsLast));
      return Float32Array.from(output?.data ?? []);
    },
    dispose: () => program.dispose(),
  };
}

/**
 * Reads the JSON that describes a network.
 * @param config What to call it, in messages.
 * @throws Unprocessable with the key that is wrong.
 */
export function readNetConfig<S extends z.ZodType>(
  schema: S,
  bytes: Uint8Array,
  { config, expected }: { readonly config: string; readonly expected: string },
): z.output<S> {
  const parsed = schema.safeParse(parseJson(bytes, config), { reportInput: true });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Unprocessable(
    `${config}: /${issue?.path.join('/') ?? ''}: ${issue ? describeMistake(issue) : 'not read'}`,
    { expected },
  );
}

function parseJson(bytes: Uint8Array, config: string): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    throw new Unprocessable(`${config} is not JSON`);
  }
}

interface CostLimits {
  readonly size: PictureSides;
  /** Operations. */
  readonly most: number;
  /** Bytes. */
  readonly memory: number;
  readonly config: string;
}

/** @throws Unprocessable if a picture takes more operations than the config allows, or more memory than there is. */
function refuseCost({ operations, bytes }: RunCost, { size, most, memory, config }: CostLimits): void {
  const of = `the network "model" takes for a picture of ${size.width} x ${size.height}`;
  const smaller = 'a network of smaller pictures takes less';
  if (bytes > memory) {
    throw new Unprocessable(`${of} ${gibibytes(bytes)} of memory`, {
      expected: `at most ${gibibytes(memory)}, which this machine has`,
      hint: smaller,
    });
  }
  if (operations <= most) return;
  throw new Unprocessable(`${of} ${tellOperations(operations)}`, {
    expected: `at most ${tellOperations(most)}: "most_operations" in ${config}`,
    hint:
      `${smaller}; at 100 billion a second, a thousand pictures take ` +
      `${(operations / 1e8 / 3600).toPrecision(2)} hours: raise most_operations to do it all the same`,
  });
}

/** `each picture takes 17.3 billion operations and 120 MiB` */
export function tellCost({ operations, bytes }: RunCost): string {
  return `each picture takes ${tellOperations(operations)} and ${gibibytes(bytes)} of memory`;
}

function tellOperations(operations: number): string {
  return `${Number((operations / 1e9).toPrecision(3))} billion operations`;
}

/** Where the channels are, and the sides of the picture: those of the file, or of the config. */
function layOut(
  shape: OnnxInput['shape'],
  { size }: PictureInput,
  config: string,
): { readonly size: PictureSides; readonly channelsLast: boolean } {
  const [batch, ...axes] = shape;
  const channelsLast = axes[2] === 3 && axes[0] !== 3;
  const [height, width] = channelsLast ? axes : axes.slice(1);
  const channels = channelsLast ? axes[2] : axes[0];
  const isPicture = shape.length === 4 && (channels === 3 || typeof channels === 'string');
  if (!isPicture || (batch !== 1 && typeof batch !== 'string')) {
    throw new Unprocessable(`the network "model" reads [${shape.join(', ')}]`, {
      expected: 'a picture [1, 3, height, width] or [1, height, width, 3]',
    });
  }
  const sideOf = (declared: number | string | undefined, given: number | undefined, name: string) => {
    const side = typeof declared === 'number' ? declared : given;
    if (side !== undefined && (given === undefined || given === side)) return side;
    throw new Unprocessable(`the network "model" reads pictures of the ${name} ${declared}`, {
      expected: side === undefined ? `size in ${config}` : `a config with that size, not ${given}`,
    });
  };
  return {
    channelsLast,
    size: { height: sideOf(height, size?.height, 'height'), width: sideOf(width, size?.width, 'width') },
  };
}

/** Levels from 0 to 1, normalized, in the order of the network. */
function prepare(picture: Picture, size: PictureSides, input: PictureInput, channelsLast: boolean): Float32Array {
  const levels = scalePicture(picture, size, input.fit);
  const area = size.height * size.width;
  const data = new Float32Array(3 * area);
  for (const c of [0, 1, 2] as const) {
    const from = (input.channels === 'rgb' ? c : 2 - c) * area;
    for (let i = 0; i < area; i++) {
      const level = Math.round(levels[from + i]!) / 255;
      data[channelsLast ? 3 * i + c : c * area + i] = (level - input.mean[c]) / input.deviation[c];
    }
  }
  return data;
}
