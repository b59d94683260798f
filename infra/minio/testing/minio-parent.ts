/** @file Starts a MinIO and tells its pid, as a process that a test can kill. */
import { startMinio } from '../server.ts';

const [binary = '', folder = ''] = process.argv.slice(2);
const server = await startMinio({ binary, folder });
console.log(server.pid);
