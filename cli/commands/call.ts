import { defineCommand } from 'citty';
import { InvalidInput } from '../../errors.ts';
import { callInForeground } from '../call-in-foreground.ts';
import { reportErrors } from '../command-error.ts';
import { describeAnswer } from '../describe-answer.ts';
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
        'name of the function, then key=value words (a.b=1 nests; a value is JSON or text; key=@FILE reads a file)',
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
    const body = parseBody(words, args.body);
    const options = { wait, skipCache: args['skip-cache'] === true, quiet: args.quiet };
    const { result, cache } = await callInForeground(connect(args), name, body, options);
    if (args.quiet !== true) {
      if (cache === 'hit') console.error('(cached)');
      for (const line of describeAnswer(result)) console.error(line);
    }
    console.log(JSON.stringify(result, undefined, 2));
  }),
});
