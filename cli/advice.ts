/** @file Hints on engines that would make the machine of the gpu-runner faster. */
import { healthSchema } from './health.ts';
import type { ApiClient } from './http.ts';

/** One line for each engine that could run here and is not installed; no line if the server does not answer. */
export async function listAdvice(api: Pick<ApiClient, 'get'>): Promise<string[]> {
  try {
    const { runner } = await api.get('/health', healthSchema);
    return (runner?.engines ?? []).flatMap(({ advice }) => (advice === undefined ? [] : [advice]));
  } catch {
    // The command works without advice.
    return [];
  }
}
