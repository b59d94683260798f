import { defineCommand } from 'citty';
import { gibibytes } from '../../configs/gibibytes.ts';
import { plainJson } from '../../configs/plain-text.ts';
import { type Preflight, preflightSchema } from '../../configs/preflight.ts';
import { InvalidInput } from '../../errors.ts';
import { callInForeground } from '../call-in-foreground.ts';
import { reportErrors } from '../command-error.ts';
import { configArgs, describeTranslation, readConfigArgs } from '../config-args.ts';
import { formatBytes } from '../format-bytes.ts';
import { parseChanges } from '../parse-body.ts';
import { parseCount } from '../parse-options.ts';
import { connect, connectionArgs } from './connection.ts';

export const preflightCommand = defineCommand({
  meta: {
    name: 'preflight',
    description:
      'tell what a training needs before it starts: memory, micro-batch, hours, disk ' +
      '(easel preflight prod-1 --card rtx-4090 --pictures 10000); exit code 1 if it does not fit',
  },
  args: {
    preset: {
      type: 'positional',
      description: 'name of a preset, or a file in YAML, also with a config of the original project',
      required: false,
    },
    config: { type: 'string', description: 'the same as PRESET, as `create` takes it', valueHint: 'NAME|FILE' },
    dataset: { type: 'string', description: 'dataset to train on', valueHint: 'NAME' },
    card: { type: 'string', description: 'a graphics card that need not be in this machine', valueHint: 'rtx-4090' },
    engine: { type: 'string', description: 'engine (default: auto)', valueHint: 'NAME' },
    'micro-batch': { type: 'string', description: 'default: the largest that fits', valueHint: 'N' },
    pictures: { type: 'string', description: 'number of pictures, if there is no dataset yet', valueHint: 'N' },
    ...configArgs,
    json: { type: 'boolean', description: 'print JSON' },
    quiet: { type: 'boolean', alias: 'q', description: 'show no progress' },
    ...connectionArgs,
  },
  run: reportErrors(async ({ args, rawArgs }) => {
    // The words behind --set have the form key=value.
    const preset = args.preset?.includes('=') ? undefined : args.preset;
    const words = preset === undefined ? args._ : args._.slice(1);
    const named = chooseConfig(preset, args.config);
    const { recipe, size } = args;
    const microBatch = args['micro-batch'];
    const body = {
      config: readConfigArgs({ named, recipe, size, changes: parseChanges(words, rawArgs) }),
      ...(args.dataset !== undefined && { dataset: args.dataset }),
      ...(args.card !== undefined && { card: args.card }),
      ...(args.pictures !== undefined && { pictures: parseCount(args.pictures, '--pictures') }),
      ...(args.engine !== undefined && { engine: args.engine }),
      ...(microBatch !== undefined && { micro_batch: parseCount(microBatch, '--micro-batch') }),
    };
    const { result } = await callInForeground(connect(args), 'preflight', body, { quiet: args.quiet });
    const answer = preflightSchema.parse(result);
    console.log(args.json === true ? plainJson(result) : formatPreflight(answer));
    if (answer.verdict === 'too large') process.exitCode = 1;
  }),
});

/** @throws InvalidInput if both are named. */
export function chooseConfig(preset: string | undefined, config: string | undefined): string | undefined {
  if (preset === undefined || config === undefined) return preset ?? config;
  throw new InvalidInput(`preflight is given two configs, ${preset} and --config ${config}`, {
    expected: 'one of them',
  });
}

export function formatPreflight(answer: Preflight): string {
  const { verdict, problems, offers, device, memory, work, time, data, disk, translated } = answer;
  const on = [device.engine, device.precision, device.name].filter(part => part !== undefined).join(', ');
  return [
    `${verdict}: ${on}${device.memory_bytes === undefined ? '' : `, ${gibibytes(device.memory_bytes)}`}`,
    ...(translated ? describeTranslation(translated).map(line => `key: ${line}`) : []),
    ...problems.map(problem => `problem: ${problem}`),
    ...offers.map(offer => `  offer: ${offer}`),
    ...(memory ? tellMemory(memory) : []),
    `work: ${work.updates} updates of ${work.batch_size} samples, ${work.image_tokens} image tokens, ` +
      `${(work.flops_per_sample / 1e12).toPrecision(3)} TFLOP per sample`,
    ...tellTime(time),
    ...(data.passes === undefined
      ? []
      : [`data: ${data.pictures} pictures, each seen ${data.passes.toFixed(1)} times`]),
    `disk: ${formatBytes(data.bytes_per_picture)} per picture` +
      (disk.checkpoint_bytes === undefined
        ? ''
        : `, ${disk.checkpoints} checkpoints of ${formatBytes(disk.checkpoint_bytes)}`) +
      (disk.total_bytes === undefined ? '' : `, together ${formatBytes(disk.total_bytes)}`),
  ].join('\n');
}

function tellMemory({
  basis,
  parameters,
  trained_parameters: trained,
  plan,
  peak,
  tried,
}: NonNullable<Preflight['memory']>): string[] {
  return [
    `model: ${(parameters / 1e6).toFixed(1)} M parameters` +
      (trained === undefined ? '' : `, ${(trained / 1e6).toFixed(2)} M of them trained`),
    `plan: micro_batch ${plan.micro_batch}${plan.gradient_checkpointing === false ? '' : `, gradient_checkpointing ${plan.gradient_checkpointing}`}`,
    `memory (${basis}): training ${gibibytes(peak.training_bytes)}, with previews ` +
      `${gibibytes(peak.preview_bytes)}, one sample alone ${gibibytes(peak.sampling_bytes)}`,
    `tried: ${tried.map(cut => `${cut.micro_batch}${cut.gradient_checkpointing ? ' with checkpointing' : ''} ${gibibytes(cut.training_bytes)}`).join(', ')}`,
  ];
}

function tellTime(time: Preflight['time']): string[] {
  if (time.hours === undefined) return ['time: unknown; train one chunk on this engine, or name a card'];
  const share = time.utilization === undefined ? '' : ` at ${Math.round(100 * time.utilization)} %`;
  const least = time.least_hours === undefined ? '' : `, at least ${time.least_hours.toFixed(1)} h`;
  return [
    `time (${time.basis}${share}, ${time.source}): ${time.hours.toFixed(1)} h${least}, ` +
      `${time.samples_per_second?.toPrecision(3)} samples/s, ${time.seconds_per_update?.toPrecision(3)} s per update`,
    ...(time.beside === undefined ? [] : [`  ${time.beside}`]),
  ];
}
