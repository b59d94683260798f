/** @file What would make the runner's machine faster, for whoever starts it. */
import { healthSchema } from './health.ts';
import type { ApiClient } from './http.ts';

/** A line for each engine that could run here and is missing; none when the server cannot be asked. */
export async function listAdvice(api: Pick<ApiClient, 'get'>): Promise<string[]> {
  try {
    const { runner } = await api.get('/health', healthSchema);
    return (runner?.engines ?? []).flatMap(({ advice }) => (advice === undefined ? [] : [advice]));
  } catch {
    // Advice is all that is lost.
    return [];
  }
}
