/**
 * @file The bytes of CompileOptionsProto (xla/pjrt/proto/compile_options.proto). Its `debug_options` are never written:
 * they would replace all defaults by zeros.
 */
import { InvalidInput } from '../../../../errors.ts';
import { MessageWriter } from '../../../../formats/protobuf.ts';

/**
 * Flags of XLA by name. A number without a fraction is sent as an integer, another one as a double; a repeated enum is
 * a comma list that replaces the default.
 */
export type CompilerFlags = Readonly<Record<string, string | boolean | number>>;

export interface CompileOptions {
  readonly flags?: CompilerFlags;
  /** Devices that run the program side by side, by id; default: the first one. */
  readonly devices?: readonly number[];
}

/** @throws InvalidInput for an empty list of devices: XLA would end the process. */
export function encodeCompileOptions({ flags = {}, devices }: CompileOptions = {}): Uint8Array {
  if (devices?.length === 0) {
    throw new InvalidInput('a program needs a device', { expected: 'the id of at least one device' });
  }
  const options = new MessageWriter();
  options.message(FIELD.buildOptions, build => {
    build.int(FIELD.replicas, devices?.length ?? 1).int(FIELD.partitions, 1);
    if (devices === undefined) return;
    build.message(FIELD.assignment, assignment => {
      assignment.int(FIELD.replicaCount, devices.length).int(FIELD.computationCount, 1);
      assignment.message(FIELD.computation, computation => {
        computation.bytes(FIELD.replicaIds, Uint8Array.from(devices.flatMap(encodeVarint)));
      });
    });
  });
  for (const [name, value] of Object.entries(flags)) {
    options.message(FIELD.flags, flag => {
      flag.string(FIELD.flagName, name).message(FIELD.flagValue, written => writeValue(written, value));
    });
  }
  return options.finish();
}

const FIELD = {
  // CompileOptionsProto
  buildOptions: 3,
  flags: 7,
  // ExecutableBuildOptionsProto
  replicas: 4,
  partitions: 5,
  assignment: 9,
  // DeviceAssignmentProto
  replicaCount: 1,
  computationCount: 2,
  computation: 3,
  replicaIds: 1,
  // An entry of the map of flags
  flagName: 1,
  flagValue: 2,
  // OptionOverrideProto
  text: 1,
  truth: 2,
  integer: 3,
  double: 4,
} as const;

function writeValue(writer: MessageWriter, value: string | boolean | number): void {
  if (typeof value === 'string') writer.string(FIELD.text, value);
  else if (typeof value === 'boolean') writer.int(FIELD.truth, Number(value));
  else if (Number.isInteger(value)) writer.int(FIELD.integer, value);
  else writer.double(FIELD.double, value);
}

function encodeVarint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...encodeVarint(Math.floor(value / 128))];
}
