/** @file The version that the server reports: that of package.json. */
import manifest from '../package.json' with { type: 'json' };

export const VERSION: string = manifest.version;
