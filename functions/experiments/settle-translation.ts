/** @file Tells where the engine of an experiment is not as a translated config wishes. */
import type { Translation } from '../../configs/seed-block/translate-block.ts';
import type { EngineSpec, TrainingPlan } from '../../storage/records.ts';

/** The translation, in which parts of the engine that the request or the machine decided count as ignored. */
export function settleTranslation(
  translation: Translation,
  { engine, plan }: { readonly engine: EngineSpec; readonly plan: TrainingPlan },
): Translation {
  const actual: Readonly<Record<string, unknown>> = { ...engine, ...plan };
  const isOther = (key: string, value: unknown) =>
    key.startsWith('engine.') && actual[key.slice('engine.'.length)] !== value;
  const ignored = translation.mapped.flatMap(({ from, value, to }) =>
    Object.entries(to)
      .filter(([key, wish]) => isOther(key, wish))
      .map(([key]) => ({
        from,
        value,
        reason: `${key} is ${actual[key.slice('engine.'.length)]} on ${engine.name}`,
      })),
  );
  const mapped = translation.mapped.flatMap(entry => {
    const to = Object.fromEntries(Object.entries(entry.to).filter(([key, wish]) => !isOther(key, wish)));
    return Object.keys(to).length > 0 ? [{ ...entry, to }] : [];
  });
  return { ...translation, mapped, ignored: [...translation.ignored, ...ignored] };
}
