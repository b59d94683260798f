import { expect, test } from 'vitest';
import { costsSchema, formatCosts } from './format-models.ts';

test('costs are told by model, with the measured speed, the assumptions and what licences bind', () => {
  const row = { reads: 'image', installed: false, memory_bytes: 1_460_000_000 };
  const costs = costsSchema.parse({
    pictures: 64,
    engine: { name: 'onnxruntime/cpu', precision: 'f32' },
    operations_per_second: 19.1e9,
    models: [
      { model: 'dinov3-vitl16', ...row, seconds: 54.2, license: 'DINOv3 License', binds: 'read it' },
      { model: 'nobody', ...row, seconds: 3, installed: true },
    ],
    assumptions: ['half of the speed'],
  });
  expect(formatCosts(costs).split('\n')).toEqual([
    'model          reads  installed  memory   time  licence',
    'dinov3-vitl16  image  no         1.46 GB  55s   DINOv3 License',
    'nobody         image  yes        1.46 GB  3s',
    'for 64 pictures on onnxruntime/cpu (f32), which was measured at 19.1 billion operations per second; assumed:',
    '- half of the speed',
    'DINOv3 License: does it bind the trained network? read it',
  ]);
});
