import { afterEach, expect, test, vi } from 'vitest';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  vi.resetModules();
});

async function runsTier(required: string, ...args: [string, string | undefined]): Promise<boolean> {
  vi.stubEnv('REQUIRE_TIERS', required);
  vi.resetModules();
  return (await import('./tiers.ts')).runsTier(...args);
}

test('a tier that lacks something is skipped with a line, unless it is required', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  expect(await runsTier('', 'openvino', undefined)).toBe(true);
  expect(await runsTier('openvino', 'openvino', undefined)).toBe(true);
  expect(warn).not.toHaveBeenCalled();
  expect(await runsTier('webgpu', 'openvino', 'it is not installed')).toBe(false);
  expect(warn).toHaveBeenCalledExactlyOnceWith('SKIPPED: openvino: it is not installed');
  await expect(runsTier('webgpu, openvino', 'openvino', 'it is not installed')).rejects.toThrow('it is not installed');
});
