import { CofferError, type Metrics, NO_METRICS } from '@coffer/base';
import type { Operation } from '@coffer/framework';
import type { Route } from './mounts/router.ts';

/** What is counted of one request. */
export class RequestWatch {
  /** Where it leads, once that is known. */
  route: Route | undefined;
  readonly #metrics: Metrics;
  readonly #begin = performance.now();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /** It is over, with an error or not. Those who only ask how the server is are left out, as in Vault. */
  end(operation: Operation, thrown?: unknown): void {
    if (this.#metrics === NO_METRICS) return;
    const { mounted, path } = this.route ?? {};
    if (path?.local === true) return;
    const isLogin = path?.unauthenticated === true && mounted?.mount.path.startsWith('auth/') === true;
    this.#metrics.took(
      isLogin ? 'vault.core.handle_login_request' : 'vault.core.handle_request',
      performance.now() - this.#begin,
    );
    if (thrown === undefined) return;
    const { code } = CofferError.from(thrown);
    const labels = { mount_point: mounted?.mount.path ?? '', operation, class: code };
    this.#metrics.count('coffer.requests.failed.total', labels);
  }
}
