/** @file The plugin, the device and its memory. */
import { digestPlugin, openPlugin } from '../../../gpu-runner/engines/xla/pjrt/plugin.ts';
import { openClient, type RunSection } from '../context.ts';

export const run: RunSection = async (context, report) => {
  const plugin = await openPlugin(context.plugin);
  const { attributes, calls } = plugin;
  const { major, minor } = calls.version;
  report({ pjrt: `${major}.${minor}`, sha256: (await digestPlugin(plugin)).slice(0, 12), ...textsOf(attributes) });
  const client = await openClient(context);
  const { kind, attributes: facts } = client.device;
  report({ device: kind, platform: client.platform, platform_version: client.platformVersion, ...textsOf(facts) });
  const memory = client.device.readMemory();
  report(memory ? { ...memory } : { memory: 'the platform does not count it' });
  await client.dispose();
};

function textsOf(values: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));
}
