/**
 * @file The files behind presets. `presets/` has whole configs. `recipes/` and `sizes/` have the two axes of which a
 * preset is composed: what is trained and how, and how large the network and its pictures are.
 */
import { readdir, readFile } from 'node:fs/promises';
import { z } from 'zod';
import { InvalidInput } from '../errors.ts';
import { mergeDeep } from './merge-deep.ts';
import { parseYaml } from './parse.ts';
import { unknownName } from './suggest.ts';

/** Classes of sizes for which a recipe may state other numbers: minutes on a CPU, hours on a GPU, days on a GPU. */
const SCALES = ['tiny', 'small', 'production'] as const;

const keys = z.record(z.string(), z.json());
const count = z.int().positive();

const sizeSchema = z.strictObject({
  about: z.string(),
  scale: z.enum(SCALES),
  /** Recipe that the size gets when none is named. */
  recipe: z.string(),
  config: z.strictObject({
    model: z.strictObject({ hidden_size: count, depth: count, num_heads: count, patch_size: count }),
    /** Absent: pictures of any size. */
    data: z.strictObject({ image_size: z.strictObject({ width: count, height: count }) }).optional(),
  }),
});
export type SizeFile = z.infer<typeof sizeSchema>;

/** A mistake of the original project that a recipe keeps on purpose. */
const flawSchema = z.strictObject({ section: z.string(), text: z.string(), config: keys });

const recipeSchema = z.strictObject({
  about: z.string(),
  /** Size that the recipe gets when none is named. */
  size: z.string(),
  /** Sizes that it gets instead for smaller pictures, the largest first. The last one is for all that are left. */
  smaller: z.array(z.string()).default([]),
  /** Recipe whose keys this one changes. */
  extends: z.string().optional(),
  every: keys.default({}),
  scales: z.partialRecord(z.enum(SCALES), keys).default({}),
  sizes: z.record(z.string(), keys).default({}),
  flaws: z.array(flawSchema).default([]),
  /** Mistakes of the original project that no key can express. */
  lost_flaws: z.array(flawSchema.omit({ config: true })).default([]),
});
export type RecipeFile = z.infer<typeof recipeSchema>;

/** Below, the patches of a size are too coarse for the pictures. */
const FEWEST_TOKENS = 64;

/** The folders, and what errors call their files. */
const NOUNS = { presets: 'preset', recipes: 'recipe', sizes: 'size' } as const;
type Folder = keyof typeof NOUNS;

/** Names of the files of a folder, sorted. */
export async function listNames(folder: Folder): Promise<string[]> {
  const files = await readdir(new URL(`${folder}/`, import.meta.url));
  return files
    .filter(file => file.endsWith('.yaml'))
    .map(file => file.slice(0, -'.yaml'.length))
    .sort();
}

export const readSize = (name: string): Promise<SizeFile> => read('sizes', sizeSchema, name);
export const readRecipe = (name: string): Promise<RecipeFile> => read('recipes', recipeSchema, name);
export const readWhole = (name: string): Promise<Readonly<Record<string, unknown>>> => read('presets', keys, name);

/** @throws NotFound with the nearest name and all names. */
async function read<T>(folder: Folder, schema: z.ZodType<T>, name: string): Promise<T> {
  const names = await listNames(folder);
  if (!names.includes(name)) throw unknownName(NOUNS[folder], name, names);
  const path = `${folder}/${name}.yaml`;
  return schema.parse(parseYaml(await readFile(new URL(path, import.meta.url), 'utf8'), `configs/${path}`));
}

const pairSchema = z
  .strictObject({ recipe: z.string(), size: z.string() })
  .partial()
  .refine(({ recipe, size }) => recipe !== undefined || size !== undefined);
/** The axes of a preset. One alone has a default for the other. */
export type Pair = z.infer<typeof pairSchema>;
type Axes = Readonly<Record<'recipe' | 'size', string>>;

/** @throws InvalidInput unless the value names a recipe, a size, or both. */
export function parsePair(value: unknown): Pair {
  const parsed = pairSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new InvalidInput(`preset: ${JSON.stringify(value)?.slice(0, 100)} names neither a preset nor its two axes`, {
    expected: 'the name of a preset, or {"recipe": NAME, "size": NAME}, or one of the two',
    hint: 'docs/presets.md lists the names',
  });
}

/** The pictures that a config is for: asked for only where a recipe has to choose its size by them. */
export type FindPictures = () => Promise<{ readonly width: number; readonly height: number }>;

/** The keys of a recipe at a size. @throws NotFound for an unknown name. */
export async function composePair(pair: Pair, findPictures?: FindPictures): Promise<unknown> {
  const { recipe, size } = await completePair(pair, findPictures);
  const file = await readSize(size);
  return mergeDeep(await keysOf(recipe, size, file), file.config);
}

/** Both axes of a pair. @throws NotFound for an unknown name. */
async function completePair({ recipe, size }: Pair, findPictures?: FindPictures): Promise<Axes> {
  if (size === undefined) {
    const name = recipe ?? 'best';
    return { recipe: name, size: await chooseSize(await readRecipe(name), findPictures) };
  }
  return { size, recipe: recipe ?? (await readSize(size)).recipe };
}

/** The size of a recipe that names none: its first one that the pictures fill. Without pictures, its usual one. */
async function chooseSize({ size, smaller }: RecipeFile, findPictures?: FindPictures): Promise<string> {
  if (findPictures === undefined || smaller.length === 0) return size;
  const { width, height } = await findPictures();
  for (const name of [size, ...smaller]) if (isFilled(await readSize(name), width * height)) return name;
  return smaller.at(-1) ?? size;
}

/** Pictures are of the size, or nearer to it than to the next one, whose pictures have a quarter of its pixels. */
function isFilled({ config: { model, data } }: SizeFile, pixels: number): boolean {
  const { width, height } = data?.image_size ?? { width: 0, height: 0 };
  return pixels >= (width * height) / 2 && pixels >= FEWEST_TOKENS * model.patch_size ** 2;
}

/** The keys of a recipe, from the general to the particular. The size itself is not among them. */
async function keysOf(name: string, size: string, file: SizeFile): Promise<unknown> {
  const recipe = await readRecipe(name);
  const base = recipe.extends === undefined ? {} : await keysOf(recipe.extends, size, file);
  const own = [recipe.every, recipe.scales[file.scale], recipe.sizes[size], ...recipe.flaws.map(flaw => flaw.config)];
  return own.reduce<unknown>((keys, more) => mergeDeep(keys, more ?? {}), base);
}
