/** @file The installation of TensorFlow.js by npm: what runs, what is checked, and what is left behind. */
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TENSORFLOW_PACKAGES, TENSORFLOW_VERSION, tensorflowFolder } from '../configs/tensorflow-packages.ts';
import manifest from '../package.json' with { type: 'json' };
import { installTensorflow } from './install-tensorflow.ts';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'easel-tensorflow-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Puts an npm on the PATH that installs the package with this integrity; `rebuild` runs a script. */
async function addNpm(integrity: string, rebuild = ': > node_modules/@tensorflow/tfjs-node/native'): Promise<void> {
  const lock = { packages: { 'node_modules/@tensorflow/tfjs-node': { integrity } } };
  const install = [
    'mkdir -p node_modules/@tensorflow/tfjs-node node_modules/@tensorflow/tfjs-core',
    "echo '{}' > node_modules/@tensorflow/tfjs-node/package.json",
    `echo '${JSON.stringify(lock)}' > package-lock.json`,
  ].join('\n');
  const script = `#!/bin/sh\necho "$@" >> ${root}/asked\ncase $1 in install) ${install};; rebuild) ${rebuild};; esac\n`;
  await mkdir(join(root, 'bin'));
  await writeFile(join(root, 'bin', 'npm'), script);
  await chmod(join(root, 'bin', 'npm'), 0o755);
}

async function install(lines: string[] = []): Promise<string> {
  const env = { PATH: [join(root, 'bin'), process.env.PATH].join(delimiter) };
  return installTensorflow(TENSORFLOW_PACKAGES.cpu, {
    cacheFolder: join(root, 'cache'),
    log: line => lines.push(line),
    env,
  });
}

const left = () => readdir(dirname(tensorflowFolder(join(root, 'cache'))));

describe('installTensorflow', () => {
  it('checks the package before its script runs, and shares the tfjs-core of Easel with it', async () => {
    await addNpm(TENSORFLOW_PACKAGES.cpu.integrity);
    const folder = await install();
    expect(folder).toBe(tensorflowFolder(join(root, 'cache')));
    expect(existsSync(join(folder, 'node_modules/@tensorflow/tfjs-node/native'))).toBe(true);
    const core = '@tensorflow/tfjs-core/package.json';
    expect(await realpath(createRequire(join(folder, 'package.json')).resolve(core))).toBe(
      await realpath(createRequire(import.meta.url).resolve(core)),
    );
    const lines: string[] = [];
    await install(lines);
    expect(lines).toEqual([expect.stringContaining('is installed')]);
    const asked = (await readFile(join(root, 'asked'), 'utf8')).trim().split('\n');
    expect(asked).toEqual([
      expect.stringMatching(/^install --ignore-scripts .*@tensorflow\/tfjs-node@4\.22\.0$/),
      expect.stringMatching(/^rebuild .*@tensorflow\/tfjs-node$/),
    ]);
  });

  it('refuses another package without running its script, and leaves nothing', async () => {
    await addNpm('sha512-other');
    await expect(install()).rejects.toThrow('wrong integrity sha512-other and was not installed');
    expect(await readFile(join(root, 'asked'), 'utf8')).not.toContain('rebuild');
    expect(await left()).toEqual([]);
  });

  it('tells why the native part could not be downloaded, and leaves nothing', async () => {
    const said = 'npm error Error: getaddrinfo ENOTFOUND storage.googleapis.com\nnpm error Node.js v24';
    await addNpm(TENSORFLOW_PACKAGES.cpu.integrity, `printf '%b' '${said.replaceAll('\n', '\\n')}' >&2; exit 1`);
    await expect(install()).rejects.toMatchObject({
      message: expect.stringMatching(/native part .* could not be installed: Error: getaddrinfo ENOTFOUND/),
      expected: 'access to storage.googleapis.com',
    });
    expect(await left()).toEqual([]);
  });

  it('says what the GPU needs, and has the version of tfjs-core', () => {
    expect(TENSORFLOW_PACKAGES.gpu.needs).toContain('CUDA 11.2');
    expect(manifest.dependencies['@tensorflow/tfjs-core']).toBe(TENSORFLOW_VERSION);
  });
});
