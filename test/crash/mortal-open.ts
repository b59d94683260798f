/**
 * @file Preloaded (`node --import`) into the real server or gpu-runner: replaces its store by a mortal one
 * (mortal-stores.ts).
 */
import { registerHooks } from 'node:module';

const REAL = new URL('../../storage/open.ts', import.meta.url).href;
const MORTAL = new URL('./mortal-stores.ts', import.meta.url).href;

registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    return found.url === REAL && context.parentURL !== MORTAL ? { ...found, url: MORTAL } : found;
  },
});
