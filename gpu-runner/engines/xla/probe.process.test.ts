import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { ENGINE_PACKAGES, enginePackageFolder } from '../../../configs/engine-packages.ts';
import { parseCards } from './nvidia.ts';
import { type ProbeOptions, probeXlaNow } from './probe.ts';

const CARD = 'NVIDIA GeForce RTX 4090, 580.65.06, 8.9, 24564, Enabled';
const isPinned = process.platform === 'linux' && process.arch === 'x64';

describe('the probe of XLA', () => {
  let folder = '';
  /** Paths of a plugin and of CUDA tools that exist. */
  let env: NodeJS.ProcessEnv = {};
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'easel-xla-probe-'));
    const [plugin, ptxas] = [join(folder, 'plugin.so'), join(folder, 'cuda/bin/ptxas')];
    await mkdir(dirname(ptxas), { recursive: true });
    for (const path of [plugin, ptxas]) await writeFile(path, '');
    env = { XLA_CPU_PLUGIN: plugin, XLA_CUDA_PLUGIN: plugin, XLA_CUDA_DATA_DIR: join(folder, 'cuda') };
  });

  /** Probes CUDA on a machine with these cards; the process reports what `script` sends. */
  async function probeWith(script: string, options: ProbeOptions = {}) {
    const program = join(folder, 'probe.mjs');
    await writeFile(program, script);
    const cards = async () => parseCards(CARD);
    return probeXlaNow('cuda', { env, program: pathToFileURL(program), cards, driver: undefined, ...options });
  }
  const send = (report: object) => `process.send(${JSON.stringify(report)});`;

  it('the probe tells card, capability, versions, memory and precisions', async () => {
    const report = { device: 'NVIDIA GeForce RTX 4090', pjrt: '0.115', capability: '8.9' };
    expect(await probeWith(send(report))).toEqual({
      name: 'xla/cuda',
      available: true,
      device: 'NVIDIA GeForce RTX 4090, compute capability 8.9',
      version: 'PJRT 0.115, CUDA 13.0, driver 580.65.06',
      threads: 1,
      precisions: ['bf16', 'f32', 'f16'],
      memory_bytes: 24_564 * 2 ** 20,
    });
    const old = await probeWith(send({ ...report, capability: '7.5' }));
    expect(old.precisions).toEqual(['f32', 'f16']);
  });

  it('the probe says what is missing, and the cure: the driver, a newer driver, the plugin, or ptxas', async () => {
    const none = async () => [];
    expect((await probeWith('', { cards: none })).reason).toMatch(/no NVIDIA driver: .* version 580 or newer/);
    expect((await probeWith('', { cards: none, driver: '550.54.15' })).reason).toMatch(
      /driver 550.54.15 is too old: .* version 580 or newer \(CUDA 13.0\); update the driver/,
    );
    const missing = await probeWith('', { env: { EASEL_CACHE: '/nowhere' } });
    expect(missing.reason).toMatch(/engines install xla-cuda|XLA_CUDA_PLUGIN/);
    expect(missing.advice !== undefined).toBe(isPinned);
    const bare = { ...env, XLA_CUDA_DATA_DIR: '/nowhere', PATH: '/nowhere/bin' };
    expect((await probeWith('', { env: bare })).reason).toMatch(/ptxas of CUDA is missing.*engines install xla-cuda/);
    const wrong = { ...env, XLA_CUDA_PLUGIN: '/nowhere.so' };
    expect((await probeWith('', { env: wrong })).reason).toContain('XLA_CUDA_PLUGIN is /nowhere.so, which does not');
  });

  it('the probe explains a hidden GPU and a missing library', async () => {
    expect((await probeWith(send({ reason: 'No visible GPU devices.' }))).reason).toContain('CUDA_VISIBLE_DEVICES');
    const reason = 'libcublas.so.13: cannot open shared object file';
    expect((await probeWith(send({ reason }))).reason).toMatch(/libcublas.so.13 is missing .*engines install xla-cuda/);
  });

  it('the probe survives a driver that crashes and one that hangs', async () => {
    const crash = await probeWith("console.error('bad driver'); process.kill(process.pid, 'SIGSEGV');");
    expect(crash.reason).toMatch(/ended by SIGSEGV: bad driver; check the NVIDIA driver/);
    const hang = await probeWith('setInterval(() => {}, 1000);', { timeoutMs: 200 });
    expect(hang.reason).toContain('the NVIDIA driver did not answer within 0.2 s');
  });

  it('the probe of the CPU reports a file that is not a plugin', async () => {
    const { available, reason } = await probeXlaNow('cpu', { env: { ...process.env, ...env } });
    expect({ available, reason }).toEqual({ available: false, reason: expect.stringContaining('not a usable plugin') });
  });

  it('the packages of XLA say where their plugins lie', () => {
    for (const name of ['xla/cpu', 'xla/cuda'] as const) {
      const pinned = ENGINE_PACKAGES[name];
      expect(enginePackageFolder('/cache', pinned)).toBe(`/cache/engines/${pinned.name}/${pinned.version}`);
      const kept = pinned.wheels['linux-x64']?.flatMap(({ keep }) => keep) ?? [];
      expect(kept.some(prefix => pinned.library.startsWith(prefix))).toBe(true);
    }
  });
});
