import { defineCommand } from 'citty';
import { z } from 'zod';
import { plainJson } from '../../configs/plain-text.ts';
import { InvalidInput } from '../../errors.ts';
import { callInForeground } from '../call-in-foreground.ts';
import { reportErrors } from '../command-error.ts';
import { describeAnswer } from '../describe-answer.ts';
import { type ApiClient, unlessMissing } from '../http.ts';
import { parseBody } from '../parse-body.ts';
import { connect, connectionArgs } from './connection.ts';

export const callCommand = defineCommand({
  meta: {
    name: 'call',
    description:
      'call a function, show its progress, print its result as JSON ' +
      '(easel call import dataset=faces source=portraits count=100)',
  },
  args: {
    function: {
      type: 'positional',
      description:
        'name of the function, then key=value words: a.b=1 nests; key=@FILE reads a file; a value is JSON, or text if ' +
        'it is no JSON or the function wants a text there',
    },
    body: { type: 'string', description: 'the whole body as JSON, or @FILE', valueHint: 'JSON' },
    wait: {
      type: 'string',
      description: 'seconds to wait for the result before progress is shown (default 1)',
      valueHint: 'N',
    },
    'skip-cache': { type: 'boolean', description: 'compute again and replace the result' },
    quiet: { type: 'boolean', alias: 'q', description: 'show no progress' },
    ...connectionArgs,
  },
  run: reportErrors(async ({ args }) => {
    const wait = Number(args.wait ?? 1);
    if (!Number.isInteger(wait) || wait < 0) {
      throw new InvalidInput(`--wait ${args.wait} is wrong`, { expected: 'whole seconds' });
    }
    const [name = '', ...words] = args._;
    const api = connect(args);
    const body = parseBody(words, {
      json: args.body,
      schema: words.length === 0 ? undefined : await getInput(api, name),
    });
    const options = { wait, skipCache: args['skip-cache'] === true, quiet: args.quiet };
    const { result, cache } = await callInForeground(api, name, body, options);
    if (cache === 'hit' && args.quiet !== true) console.error('(cached)');
    console.log(plainJson(result));
    // Last, so that it is in sight when the JSON fills the terminal.
    if (args.quiet !== true) for (const line of describeAnswer(result)) console.error(line);
  }),
});

/** JSON Schema of the body; undefined for an unknown function, which the call refuses with the known names. */
async function getInput(api: ApiClient, name: string): Promise<unknown> {
  const path = `/functions/${encodeURIComponent(name)}`;
  const found = await api.get(path, z.looseObject({ input: z.unknown() })).catch(unlessMissing);
  return found?.input;
}
