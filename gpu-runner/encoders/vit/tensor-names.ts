/** @file The tensors of a vision transformer in files of Hugging Face transformers, under one set of names. */

/** What files of DINOv3 call a thing, by what Dinov2 or a later version of transformers calls it. */
const RENAMED: readonly (readonly [RegExp, string])[] = [
  [/^(dinov2|dinov2_with_registers|dinov3_vit)\./, ''],
  [/^(model|encoder)\.layer\./, 'layer.'],
  [/^layernorm\./, 'norm.'],
  [/^embeddings\.patch_embeddings\.projection\./, 'embeddings.patch_embeddings.'],
  [/\.attention\.attention\.query\./, '.attention.q_proj.'],
  [/\.attention\.attention\.key\./, '.attention.k_proj.'],
  [/\.attention\.attention\.value\./, '.attention.v_proj.'],
  [/\.attention\.output\.dense\./, '.attention.o_proj.'],
  [/\.mlp\.fc1\./, '.mlp.up_proj.'],
  [/\.mlp\.(fc2|weights_out)\./, '.mlp.down_proj.'],
];

/** The name that all files share, by that in a file. */
export function sharedName(given: string): string {
  return RENAMED.reduce((text, [from, to]) => text.replace(from, to), given);
}
