import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { CofferError, Secret } from '@coffer/base';
import type { ApiServer, KubernetesConfig } from './config-entry.ts';

/** Where Kubernetes puts the service account of a pod into it. */
const DIRECTORY = '/var/run/secrets/kubernetes.io/serviceaccount';
/** Far more than a bundle of certificates has, in bytes. */
const MAX_BYTES = 256 * 1024;

/** The service account of the pod that this server runs in, if it does. Read for each login: Kubernetes renews the files. */
export class LocalServiceAccount {
  readonly #directory: string;

  constructor(directory: string = DIRECTORY) {
    this.#directory = directory;
  }

  /**
   * The API server with what the configuration says, and with the pod's own where it says nothing and does not forbid it.
   * @throws CofferError `failed` for a file that is there and cannot be used
   */
  async apiServer(config: KubernetesConfig): Promise<ApiServer> {
    const local = (name: string): Promise<string> =>
      config.disableLocalCaJwt ? Promise.resolve('') : this.#read(name);
    const reviewer = config.tokenReviewerJwt || (await local('token'));
    return {
      host: config.host,
      ca: config.caCert || (await local('ca.crt')),
      reviewer: reviewer === '' ? undefined : new Secret(reviewer.trim()),
    };
  }

  /** Empty where there is no such file: this is no pod. */
  async #read(name: string): Promise<string> {
    const path = join(this.#directory, name);
    try {
      const text = await readBounded(path);
      if (text !== undefined) return text;
    } catch (thrown) {
      const { code = 'it is no file' } = thrown as NodeJS.ErrnoException;
      if (code === 'ENOENT') return '';
      throw new CofferError('failed', `${path} cannot be read: ${code}`, { cause: thrown });
    }
    throw new CofferError('failed', `${path} has more than ${MAX_BYTES} bytes`);
  }
}

/** Undefined for a file with more than that. */
async function readBounded(path: string): Promise<string | undefined> {
  const file = await open(path);
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(MAX_BYTES + 1), { position: 0 });
    return bytesRead > MAX_BYTES ? undefined : buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}
