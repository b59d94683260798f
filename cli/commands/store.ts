import { defineCommand } from 'citty';
import { storeBootstrapCommand } from './store-bootstrap.ts';
import { storeEnvCommand } from './store-env.ts';
import { storeInstallCommand } from './store-install.ts';
import { storeKeysCommand } from './store-keys.ts';
import { storeUpCommand } from './store-up.ts';

export const storeCommand = defineCommand({
  meta: { name: 'store', description: 'run MinIO on this machine; print the keys of a store' },
  subCommands: {
    up: storeUpCommand,
    env: storeEnvCommand,
    keys: storeKeysCommand,
    install: storeInstallCommand,
    bootstrap: storeBootstrapCommand,
  },
});
