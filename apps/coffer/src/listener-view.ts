import { CofferError, type JsonObject, type Logger } from '@coffer/base';
import type { IncomingRequest, OutgoingResponse, RequestHandler, UnauthenticatedAccess } from '@coffer/framework';
import type { ListenerConfig, Redaction } from './config/listener-config.ts';
import { headersFor, type ResponseHeaders } from './config/listener-headers.ts';

/** What of the server is seen through one listener. */
export class ListenerView {
  readonly #metrics: ListenerConfig['metrics'];
  readonly #logger: Logger;
  #redacted: readonly Redaction[];
  #headers: ResponseHeaders | undefined;
  #open: readonly UnauthenticatedAccess[];

  constructor(config: ListenerConfig, logger: Logger) {
    this.#metrics = config.metrics;
    this.#redacted = config.redacted ?? [];
    this.#headers = config.responseHeaders;
    this.#open = config.unauthenticatedAccess ?? [];
    this.#logger = logger;
  }

  async serve(request: IncomingRequest, handle: RequestHandler): Promise<OutgoingResponse | undefined> {
    const isMetrics = request.path === 'sys/metrics';
    if (isMetrics && this.#metrics === 'disallowed') {
      throw new CofferError('permission-denied', 'metrics endpoint is disabled for this listener');
    }
    if (!isMetrics && this.#metrics === 'only') {
      throw new CofferError('not-found', 'this listener only serves the metrics endpoint');
    }
    const admitted = this.#open.length === 0 ? request : { ...request, unauthenticatedAccess: this.#open };
    const isStatus = this.#redacted.length > 0 && STATUS_PATHS.includes(request.path);
    if (!isStatus) return handle(admitted);
    const response = await handle(admitted);
    return response?.data ? { ...response, data: redact(response.data, this.#redacted) } : response;
  }

  headers(status: number): Iterable<readonly [string, string]> {
    return this.#headers === undefined ? NONE : headersFor(this.#headers, status);
  }

  /** Takes over what can change while it listens. Returns whether what is served without a token differs from before. */
  change({ unauthenticatedAccess = [], responseHeaders, redacted = [] }: Partial<ListenerConfig> = {}): boolean {
    const isOther = this.#open.join() !== unauthenticatedAccess.join();
    this.#open = unauthenticatedAccess;
    this.#headers = responseHeaders;
    this.#redacted = redacted;
    return isOther;
  }

  report(listener: string): void {
    if (this.#open.length === 0) this.#logger.info('all rekey and generate-root paths require a token', { listener });
    else this.#logger.warn('these paths are served without a token', { listener, paths: this.#open.join(', ') });
  }
}

const NONE: Iterable<readonly [string, string]> = [];

/** As in Vault: what anybody may ask. */
const STATUS_PATHS = ['sys/health', 'sys/leader', 'sys/seal-status'];
const FIELDS: Readonly<Record<Redaction, readonly string[]>> = {
  addresses: ['leader_address', 'leader_cluster_address'],
  cluster_name: ['cluster_name'],
  version: ['version', 'build_date'],
};

function redact(data: JsonObject, redacted: readonly Redaction[]): JsonObject {
  const hidden = redacted.flatMap((what) => FIELDS[what]).filter((field) => field in data);
  return { ...data, ...Object.fromEntries(hidden.map((field) => [field, ''])) };
}
