import { defineCommand } from 'citty';
import { listAdvice } from '../advice.ts';
import { reportErrors } from '../command-error.ts';
import { createApiClient } from '../http.ts';
import { parsePort } from '../parse-options.ts';
import { listenForStop } from '../stop-signals.ts';
import { startEasel } from '../up.ts';

export const upCommand = defineCommand({
  meta: { name: 'up', description: 'start the server and the gpu-runner and keep them running, until Ctrl-C' },
  args: {
    port: {
      type: 'string',
      description: 'port of the server (default: EASEL_PORT, else 8787); 0: free ports for all',
      valueHint: 'N',
    },
    store: {
      type: 'string',
      description: 'file:DIR or s3://bucket?endpoint=... (default: EASEL_STORE, else file:data/store)',
      valueHint: 'URL',
    },
    host: {
      type: 'string',
      description: 'address to listen on (default: EASEL_HOST, else 127.0.0.1; other machines need EASEL_TOKEN)',
      valueHint: 'HOST',
    },
    device: {
      type: 'string',
      description: 'name of the device that the gpu-runner holds (default: EASEL_DEVICE, else cpu)',
      valueHint: 'NAME',
    },
  },
  run: reportErrors(async ({ args }) => {
    const port = args.port === undefined ? undefined : parsePort(args.port, '--port');
    const stopAsked = listenForStop();
    const easel = await startEasel({
      ...(port === undefined ? {} : { port }),
      ...(args.store === undefined ? {} : { store: args.store }),
      ...(args.host === undefined ? {} : { host: args.host }),
      ...(args.device === undefined ? {} : { device: args.device }),
      log: line => console.log(line),
    });
    console.log(`easel is up: ${easel.url}  (gpu-runner ${easel.runnerUrl}; stop both with Ctrl-C)`);
    const api = createApiClient(easel.url, process.env.EASEL_TOKEN || undefined);
    for (const line of await listAdvice(api)) console.log(line);
    const signal = await stopAsked;
    console.log(`easel: ${signal}, stopping (the gpu-runner finishes its step)`);
    await easel.stop();
  }),
});
