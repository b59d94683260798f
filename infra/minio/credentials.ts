import { randomBytes } from 'node:crypto';

export interface MinioCredentials {
  readonly accessKey: string;
  readonly secretKey: string;
}

/** Makes random credentials. */
export function makeCredentials(): MinioCredentials {
  return { accessKey: `easel-${randomBytes(6).toString('hex')}`, secretKey: randomBytes(24).toString('base64url') };
}
