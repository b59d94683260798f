import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import { expect, it } from 'vitest';
import { chooseBackend, type Packages, tf } from './backend.ts';

const GPU = '@tensorflow/tfjs-node-gpu';
const NODE = '@tensorflow/tfjs-node';

/** Packages that fail with the given functions. Packages without a function are not installed. */
function failing(failures: Readonly<Record<string, () => void>>): Packages {
  return {
    locate(name) {
      if (failures[name]) return;
      throw Object.assign(new Error(`Cannot find module '${name}'\nRequire stack:`), { code: 'MODULE_NOT_FOUND' });
    },
    load: name => failures[name]?.(),
  };
}

async function reasons(failures: Readonly<Record<string, () => void>>): Promise<readonly string[]> {
  const env: NodeJS.ProcessEnv = {};
  const { name, passedOver } = await chooseBackend(failing(failures), env);
  expect(env.TF_DETERMINISTIC_OPS).toBe(Object.keys(failures).length > 0 ? '1' : undefined);
  expect(name).toBe('@tensorflow/tfjs-backend-cpu');
  expect(tf.getBackend()).toBe('cpu');
  return passedOver;
}

const fail = (message: string) => () => {
  throw new Error(message);
};

it('uses the plain kernels if no native package is installed', async () => {
  expect(await reasons({})).toEqual([`${GPU}: not installed`, `${NODE}: not installed`]);
});

it('the reason of a known failure says what the package needs', async () => {
  const missing = 'The Node.js native addon module (tfjs_binding.node) can not be found at path: /x. \nPlease run ...';
  const cuda = 'libcudart.so.11.0: cannot open shared object file: No such file or directory';
  expect(await reasons({ [GPU]: fail(cuda), [NODE]: fail(missing) })).toEqual([
    `${GPU}: ${cuda}; it needs CUDA 11.2 and cuDNN 8.1 in LD_LIBRARY_PATH`,
    `${NODE}: its native part is missing, which its install script downloads: npm rebuild ${NODE}`,
  ]);
  const nested = Object.assign(new Error("Cannot find module 'abc'\nRequire stack: ..."), { code: 'MODULE_NOT_FOUND' });
  const [, reason] = await reasons({
    [NODE]: () => {
      throw nested;
    },
  });
  expect(reason).toBe(`${NODE}: Cannot find module 'abc'`);
});

it('does not use a package that loads but does not work', async () => {
  const [, silent] = await reasons({ [NODE]: () => {} });
  expect(silent).toMatch(/tensorflow/);
  const [, broken] = await reasons({
    [NODE]: () => {
      tf.registerBackend('tensorflow', () => {
        throw new Error('no device');
      });
    },
  });
  expect(broken).toContain('does not start');
  expect(tf.findBackendFactory('tensorflow')).toBeFalsy();
});

it.each([true, false])('uses the native kernels if they work; a GPU in use: %s', async usesGpu => {
  class Native extends MathBackendCPU {
    readonly isUsingGpuDevice = usesGpu;
  }
  const load = () => {
    tf.copyRegisteredKernels('cpu', 'tensorflow');
    tf.registerBackend('tensorflow', () => new Native());
  };
  const { name, device, passedOver } = await chooseBackend(failing({ [GPU]: load }), {});
  expect(tf.getBackend()).toBe('tensorflow');
  tf.removeBackend('tensorflow');
  await tf.setBackend('cpu');
  expect(name).toBe(GPU);
  expect(device).toBe(usesGpu ? 'GPU (CUDA)' : 'CPU, one thread');
  expect(passedOver).toEqual(usesGpu ? [] : [expect.stringContaining('found no GPU that it can use')]);
});
