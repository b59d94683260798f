import { expect, test } from 'vitest';
import { addressOf } from './server-address.ts';

test('an address is one that can be typed', () => {
  expect(addressOf({ host: '127.0.0.1' }, 9000)).toEqual({ url: 'http://127.0.0.1:9000', needsToken: false });
  expect(addressOf({ host: '::1' }, 9000).url).toBe('http://[::1]:9000');
  for (const host of ['0.0.0.0', '::']) {
    expect(addressOf({ host, token: 'a secret of some length' }, 80)).toEqual({
      url: 'http://localhost:80',
      needsToken: true,
    });
  }
});
