import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Secret } from '@coffer/base';
import type { ApiServer, KubernetesConfig } from './config-entry.ts';

/** Where Kubernetes puts the service account of a pod into it. */
const DIRECTORY = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The service account of the pod that this server runs in, if it does. Read for each login: Kubernetes renews the files. */
export class LocalServiceAccount {
  readonly #directory: string;

  constructor(directory: string = DIRECTORY) {
    this.#directory = directory;
  }

  /** The API server with what the configuration says, and with the pod's own where it says nothing and does not forbid it. */
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

  async #read(name: string): Promise<string> {
    return readFile(join(this.#directory, name), 'utf8').catch(() => '');
  }
}
