import { InvalidInput } from '../errors.ts';

/** The value of an option that names a port, such as `--port`. @throws InvalidInput */
export function parsePort(option: string, text: string): number {
  const port = Number(text);
  if (text.trim() !== '' && Number.isInteger(port) && port >= 0 && port <= 65535) return port;
  throw new InvalidInput(`--${option} ${text} is not a port`, { expected: 'a number from 0 to 65535' });
}
