import { expect, test } from 'vitest';
import { listNotices, tellNotice } from './model-notices.ts';

test('networks of others have a notice each, built-in encoders none', () => {
  const names = ['words', 'dct', 'dinov3-vitl16', 't5-large', 'lpips-alex', 't5-large', 'a-name-of-nobody'];
  const notices = listNotices(names);
  expect(notices.map(({ model, license }) => [model, license])).toEqual([
    ['dinov3-vitl16', 'DINOv3 License'],
    ['lpips-alex', 'BSD-2-Clause AND BSD-3-Clause'],
    ['t5-large', 'Apache-2.0'],
  ]);
  expect(notices.map(({ binds }) => binds.split(/[:,]/)[0])).toEqual(['read it', 'no', 'no']);
  expect(tellNotice(notices[2]!)).toMatch(/^made with t5-large, whose licence is Apache-2.0; whether it binds/);
});
