/** @file Donation in place, transfers between host and device, and the cost of a call with many arguments. */
import { tensorOf } from '../../../gpu-runner/compiler/tensor.ts';
import type { XlaClient } from '../../../gpu-runner/engines/xla/pjrt/client.ts';
import { encodeCompileOptions } from '../../../gpu-runner/engines/xla/pjrt/compile-options.ts';
import { baseFlags, openClient, type Report, type RunSection } from '../context.ts';

const ARGUMENTS = 400;

export const run: RunSection = async (context, report) => {
  const client = await openClient(context);
  const options = encodeCompileOptions({ flags: baseFlags(context) });
  await measureDonation(client, options, report);
  await measureTransfers(client, context.isSmall ? 2 ** 20 : 2 ** 26, report);
  await measureCalls(client, options, context.isSmall ? 50 : 500, report);
  await client.dispose();
};

async function measureDonation(client: XlaClient, options: Uint8Array, report: Report): Promise<void> {
  const type = 'tensor<1048576xf32>';
  const text = `module @m { func.func public @main(%w: ${type} {tf.aliasing_output = 0 : i32}) -> ${type} {
    %0 = stablehlo.add %w, %w : ${type}
    return %0 : ${type} } }`;
  const program = await client.compile(text, options);
  const given = client.upload(tensorOf([2 ** 20], new Float32Array(2 ** 20)));
  const before = given.deviceAddress;
  const { results, done } = program.run([given], [{ shape: [2 ** 20], dtype: 'f32' }]);
  await done;
  report({ donated_in_place: results[0]?.deviceAddress === before, argument_is_dead: given.isDonated });
}

async function measureTransfers(client: XlaClient, elements: number, report: Report): Promise<void> {
  const tensor = tensorOf([elements], new Float32Array(elements).fill(1));
  const gigabytes = tensor.data.byteLength / 1e9;
  const per = (start: number) => gigabytes / ((performance.now() - start) / 1000);
  const rates: Record<string, number> = {};
  // The first round finds the pages of the host.
  for (let round = 0; round < 2; round++) {
    let start = performance.now();
    const uploaded = client.upload(tensor);
    rates.upload_gbs = per(start);
    start = performance.now();
    await uploaded.read(tensor.data);
    rates.read_gbs = per(start);
    uploaded.dispose();
    start = performance.now();
    const { buffer, sent } = client.feed(tensor);
    await sent;
    rates.feed_gbs = per(start);
    buffer.dispose();
  }
  report({ megabytes: Math.round(gigabytes * 1000), ...rates });
}

async function measureCalls(client: XlaClient, options: Uint8Array, calls: number, report: Report): Promise<void> {
  const type = 'tensor<4xf32>';
  const names = Array.from({ length: ARGUMENTS }, (_, i) => `%a${i}: ${type}`);
  const text = `module @m { func.func public @main(${names.join(', ')}) -> ${type} {
    %0 = stablehlo.add %a0, %a${ARGUMENTS - 1} : ${type}
    return %0 : ${type} } }`;
  const program = await client.compile(text, options);
  const args = Array.from({ length: ARGUMENTS }, () => client.upload(tensorOf([4], [1, 2, 3, 4])));
  const call = () => {
    const { results, done } = program.run(args, [{ shape: [4], dtype: 'f32' }]);
    for (const result of results) result.dispose();
    return done;
  };
  await call();
  const start = performance.now();
  let last = Promise.resolve();
  for (let i = 0; i < calls; i++) last = call();
  const queued = performance.now() - start;
  await last;
  const whole = performance.now() - start;
  report({ arguments: ARGUMENTS, call_us: (queued * 1000) / calls, call_and_run_us: (whole * 1000) / calls });
}
