import type { AuditedRequest, AuditedResponse } from '@coffer/audit';
import { CofferError, currentDeadline, type Logger, type Metrics, NO_METRICS, timed } from '@coffer/base';
import { type IncomingRequest, multiError, type OutgoingResponse } from '@coffer/framework';
import { AuditedHeaders } from './audited-headers.ts';
import { type DeviceTableOptions, DeviceTable, type OpenDevice } from './device-table.ts';
import { ofError } from './audited-error.ts';
import { FailureLog } from './failure-log.ts';

export interface AuditRules {
  /** Whether devices can be enabled by the API. Default: yes, as in Vault. */
  readonly byApi?: boolean;
  /** Whether the API takes a `prefix`, by which a line may read as something else. Default: no, as in Vault since CVE-2025-6000. */
  readonly prefixes?: boolean;
}

export interface AuditOptions extends Omit<DeviceTableOptions, 'logger'> {
  /** As the configuration says now. */
  readonly rules: () => AuditRules;
  /** Revokes what an answer that reaches nobody would have handed out. */
  readonly takeBack: (asked: AuditedRequest['request'], answer: OutgoingResponse) => Promise<void>;
  /** Default: nobody watches. */
  readonly metrics?: Metrics;
  readonly logger: Logger;
}

/** Writes what is asked and answered to the audit devices. A request is served only if one of them has taken its line. */
export class Audit {
  readonly table: DeviceTable;
  readonly headers: AuditedHeaders;
  /** How many lines no device took. */
  readonly failures = { request: 0, response: 0 };
  readonly #options: AuditOptions;
  readonly #failureLog: FailureLog;

  constructor(options: AuditOptions) {
    this.#options = options;
    this.table = new DeviceTable(options);
    this.headers = new AuditedHeaders(options.storage);
    this.#failureLog = new FailureLog(options.logger, options.metrics);
  }

  get #isOn(): boolean {
    return this.table.devices.length > 0;
  }

  get rules(): AuditRules {
    return this.#options.rules();
  }

  /** Brings it up to date with the store and the configuration. */
  async load(): Promise<void> {
    await this.headers.load();
    await this.table.load();
  }

  /** Takes over what the configuration says now, and opens files again, which may have been renamed. */
  async reload(): Promise<void> {
    await this.load();
    await this.table.reopen();
  }

  /**
   * Serves a request between its two lines, for which it is described. `answer` must not have done anything yet.
   * @throws CofferError `failed`, in Vault's words, when no device took a line: of the request, so that nothing was done; of the
   *   answer, so that it is taken back. And whatever `answer` throws.
   */
  async around(
    describe: () => AuditedRequest,
    answer: () => Promise<OutgoingResponse | undefined>,
  ): Promise<OutgoingResponse | undefined> {
    let described: AuditedRequest | undefined;
    const asked = (): AuditedRequest => (described ??= describe());
    if (this.#isOn) {
      const request = asked();
      await this.#write('request', request, ({ device }) => device?.logRequest(request, this.headers.all));
    }
    let response: OutgoingResponse | undefined;
    try {
      response = await answer();
    } catch (error) {
      await this.#respond(asked(), ofError(error, asked()));
      throw error;
    }
    // It may be the one that has enabled the first device.
    if (!this.#isOn) return response;
    // Nobody waits for it any more: whoever called us takes it back.
    const late = currentDeadline()?.reason;
    try {
      const outcome = late === undefined ? { ...(response && { answer: response }) } : ofError(late, asked());
      await this.#respond(asked(), outcome);
    } catch (error) {
      if (response !== undefined) await this.#options.takeBack(asked().request, response);
      throw error;
    }
    return response;
  }

  /**
   * Writes one line, of a request that a quota refuses before anybody has asked whose it is, or where it leads
   * (openbao/openbao:internal/http/util.go rateLimitQuotaWrapping). Never rejects: it is refused whether or not a device takes that.
   */
  async refused(request: IncomingRequest, error: string): Promise<void> {
    const { operation } = request;
    const asked = { request: { ...request, token: '', wrapTtl: 0 }, operation, error };
    await this.#write('request', asked, ({ device }) => device?.logRequest(asked, this.headers.all)).catch(
      () => undefined,
    );
  }

  async #respond(asked: AuditedRequest, response: AuditedResponse): Promise<void> {
    await this.#write('response', asked, ({ device }) => device?.logResponse(asked, response, this.headers.all));
  }

  async #write(
    which: 'request' | 'response',
    asked: AuditedRequest,
    log: (open: OpenDevice) => Promise<void> | undefined,
  ): Promise<void> {
    const { metrics = NO_METRICS } = this.#options;
    if (!this.#isOn) return;
    await timed(metrics, `vault.audit.log_${which}`, async () => {
      if (await this.#taken(log)) return;
      this.failures[which]++;
      metrics.count(`vault.audit.log_${which}_failure`);
      this.#failureLog.say(`failed to audit ${which}`, '', {
        request_id: asked.request.id,
        path: asked.request.path,
        error: `no audit backend succeeded in logging the ${which}`,
      });
      throw new CofferError('failed', multiError(['internal error']));
    });
  }

  /** Whether the line was taken, or there is no device left. A device that is disabled meanwhile takes none: then those that are left do. */
  async #taken(log: (open: OpenDevice) => Promise<void> | undefined): Promise<boolean> {
    for (;;) {
      const { devices } = this.table;
      if (devices.length === 0 || (await this.#anyTakes(devices, log))) return true;
      if (devices.every((each) => this.table.devices.includes(each))) return false;
    }
  }

  /** Does not wait for a device that has been failing where another one takes the line. */
  async #anyTakes(
    devices: readonly OpenDevice[],
    log: (open: OpenDevice) => Promise<void> | undefined,
  ): Promise<boolean> {
    const outcomes = devices.map((open) => {
      const isSound = open.device?.isFailing === false;
      const outcome = this.#failureLog.watch(
        open.path,
        async () => {
          if (open.device === undefined) throw new CofferError('failed', 'its options cannot be used');
          await log(open);
        },
        () => this.table.devices.includes(open),
      );
      return { isSound, outcome };
    });
    const sound = outcomes.filter(({ isSound }) => isSound).map(({ outcome }) => outcome);
    const settled = await Promise.all(sound);
    if (settled.includes(true)) return true;
    const rest = outcomes.filter(({ isSound }) => !isSound).map(({ outcome }) => outcome);
    return anyTrue(rest);
  }
}

/** Resolves with the first true, or with false when all are false. */
async function anyTrue(outcomes: readonly Promise<boolean>[]): Promise<boolean> {
  const successes = outcomes.map(async (outcome) => {
    if (!(await outcome)) throw new Error('not taken');
  });
  return Promise.any(successes).then(
    () => true,
    () => false,
  );
}
