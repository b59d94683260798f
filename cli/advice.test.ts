import { expect, test } from 'vitest';
import { listAdvice } from './advice.ts';
import type { ApiClient } from './http.ts';

function answering(health: unknown): Pick<ApiClient, 'get'> {
  return { get: async (_, schema) => schema.parse(health) };
}

test('lists one hint per engine that has a hint, and none if the server answers something else', async () => {
  const runner = {
    pid: 1,
    uptime: 1,
    device: 'cpu',
    heartbeat_age_ms: 1,
    running: null,
    queued: 0,
    finished: 0,
    engines: [
      { name: 'onnxruntime/cpu', available: true },
      { name: 'openvino/cpu', available: false, reason: 'it is not installed', advice: 'install it' },
    ],
  };
  expect(await listAdvice(answering({ status: 'ok', version: '1', runner }))).toEqual(['install it']);
  expect(await listAdvice(answering({ status: 'ok', version: '1' }))).toEqual([]);
  expect(await listAdvice(answering({}))).toEqual([]);
});
