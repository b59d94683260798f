/** @file SwiftShader, a Vulkan device in software, for tests of WebGPU on machines without a GPU. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import koffi from '../../koffi.ts';

/** Folders of browser packages that contain it: Debian's chromium-common, Google Chrome, Ubuntu's snap. */
const FOLDERS = [
  '/usr/lib/chromium',
  '/usr/lib64/chromium-browser',
  '/opt/google/chrome',
  '/snap/chromium/current/usr/lib/chromium-browser',
];
const DRIVER = 'vk_swiftshader_icd.json';
/** The Vulkan loader that the packages contain. */
const LOADER = 'libvulkan.so.1';

/** Keeps loaded libraries from being unloaded. */
const loaded: unknown[] = [];

/**
 * Makes WebGPU in this process and its children run on SwiftShader, if it is installed and VK_DRIVER_FILES names no
 * other driver. Call it before the first use of WebGPU: the loader reads the variable once.
 */
export function useSwiftShader(env: NodeJS.ProcessEnv = process.env): void {
  if (env.VK_DRIVER_FILES !== undefined) return;
  const folder = FOLDERS.find(each => existsSync(join(each, DRIVER)));
  if (folder === undefined) return;
  env.VK_DRIVER_FILES = join(folder, DRIVER);
  if (loads(LOADER)) return;
  const loader = join(folder, LOADER);
  // Child processes find the loader by the path. This process can no longer change its path, but has it loaded already.
  if (loads(loader)) env.LD_LIBRARY_PATH = [dirname(loader), env.LD_LIBRARY_PATH].filter(Boolean).join(':');
}

function loads(library: string): boolean {
  try {
    loaded.push(koffi.load(library));
    return true;
  } catch {
    return false;
  }
}
