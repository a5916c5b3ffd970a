import { setTimeout as sleep } from 'node:timers/promises';
import { clientId } from '@coffer/audit';
import {
  CofferError,
  currentDeadline,
  describeRequest,
  errorText,
  type Logger,
  type Metrics,
  NO_METRICS,
} from '@coffer/base';
import {
  cidrsAllow,
  type EngineFactory,
  type Caller,
  type IncomingRequest,
  type OutgoingResponse,
  multiError,
  type Path,
  type RawPathRequest,
  type TokenEntry,
} from '@coffer/framework';
import { type Admission, admit, auditedRequest, invalidToken } from './admission.ts';
import type { CoreOptions } from './core-options.ts';
import { type CoreServices, createCoreServices } from './core-services.ts';
import { Epochs } from './epochs/epochs.ts';
import { releaseDeadCreations } from './leases/dead-claims.ts';
import { Expiration } from './leases/expiration.ts';
import { builtinMount } from './mounts/mount-rows.ts';
import type { MountTypes } from './mounts/mount-types.ts';
import { findRoute, type Route } from './mounts/router.ts';
import { help, isOpen, noHandler, requestSpan, stillValid, tracedEngine } from './request.ts';
import { RequestWatch } from './request-watch.ts';
import type { RateHeaders } from './quotas/quotas.ts';
import { giveLeases } from './tokens/token-lease.ts';
import { UsageGauges } from './usage-gauges.ts';

/** How long {@link Core.stop} waits for the requests under way, in milliseconds. */
const PATIENCE_MS = 30_000;

/** What can be mounted. */
export interface Engines extends Partial<MountTypes> {
  /** Always mounted: path with trailing slash → type and factory (`sys/`, `auth/token/`). */
  readonly builtins?: ReadonlyMap<string, { type: string; description: string; factory: EngineFactory }>;
}

/** A request as this node knows it now. */
interface Arrival {
  readonly route: Route | undefined;
  /** Of its token, if that is valid. */
  readonly entry?: TokenEntry;
}

/** Mounts, policies, tokens and leases behind one door: {@link Core.handle}. {@link Core.install} gives it its engines. */
export class Core {
  readonly services: CoreServices;
  readonly #epochs: Epochs;
  readonly #expiration: Expiration;
  readonly #metrics: Metrics;
  readonly #usage: UsageGauges;
  readonly #onClient: CoreOptions['onClient'];
  readonly #logger: Logger;
  /** Brings up to date what an earlier version, or a process that was killed, has left in the store. */
  readonly #takeOver: () => Promise<void>;
  /** Requests under way. */
  #running = 0;
  /** Called when there is none any more. */
  #idle: (() => void) | undefined;

  constructor(options: CoreOptions) {
    const { store, barrier, epochs = new Epochs(options.store), metrics = NO_METRICS, usagePeriodMs, logger } = options;
    this.#onClient = options.onClient;
    this.#logger = logger;
    this.#metrics = metrics;
    this.#epochs = epochs;
    this.#expiration = new Expiration(logger.named('expiration'), metrics);
    this.services = createCoreServices({
      ...{ ...options, epochs, metrics, expiration: this.#expiration },
      takeBack: (request, answer) => this.#takeBack(request, answer, 'no audit device took the line of an answer'),
    });
    this.#usage = new UsageGauges({
      ...{ store, barrier, mounts: this.services.mounts, lockedUsers: this.services.lockedUsers, metrics, logger },
      ...(usagePeriodMs !== undefined && { periodMs: usagePeriodMs }),
    });
    this.#takeOver = async () => {
      await giveLeases(store, barrier);
      await releaseDeadCreations(store, barrier, logger);
    };
  }

  /** How many requests are under way. */
  get inFlight(): number {
    return this.#running;
  }

  /** To be called once, before {@link start}; apart from the constructor because engines are made with the core's services. */
  install({ engines = new Map(), authMethods = new Map(), builtins = new Map() }: Engines): void {
    const { mounts } = this.services;
    mounts.offer({ engines, authMethods });
    for (const [path, { type, description, factory }] of builtins) {
      mounts.addBuiltin(
        builtinMount(path, type, { description, local: path === 'cubbyhole/', seal_wrap: path === 'sys/' }),
        factory,
      );
    }
  }

  async start(): Promise<void> {
    const { audit, mounts, leases, tokens, quotas, remounts, versions } = this.services;
    await this.#epochs.begin();
    await versions.record();
    await mounts.load();
    await quotas.load();
    await audit.load();
    await this.#takeOver();
    await remounts.tend();
    this.#expiration.start(leases, tokens);
    this.#usage.start();
  }

  /**
   * Waits up to 30 s for the requests under way, stops the expiration, then closes the engines. Nobody may call
   * {@link handle} any more. The store stays open: whoever opened it closes it.
   */
  async stop(): Promise<void> {
    const patience = new AbortController();
    const { signal } = patience;
    const tooLong = sleep(PATIENCE_MS, undefined, { signal }).catch(() => undefined);
    const idle = new Promise<void>((resolve) => (this.#idle = resolve));
    if (this.#running > 0) await Promise.race([idle, tooLong]);
    patience.abort();
    await this.#usage.stop();
    await this.#expiration.stop();
    await this.services.mounts.close();
    await this.services.audit.table.close();
  }

  /**
   * Serves one request: token, policy, route, handler. The caller sets the deadline.
   *
   * @throws CofferError with Vault's texts. What an engine fails with (`failed`, `unavailable`, `unsupported`) is wrapped
   *   as go-multierror does, `invalid-request` is not: Vault's two channels of errors.
   */
  async handle(request: IncomingRequest): Promise<OutgoingResponse | undefined> {
    this.#running++;
    const watch = new RequestWatch(this.#metrics);
    try {
      const answer = await this.#serve(request, watch);
      const reason = currentDeadline()?.reason;
      if (answer !== undefined && reason !== undefined) {
        await this.#takeBack(request, answer, 'an answer came when nobody waited for it any more');
        throw reason;
      }
      watch.end(request.operation);
      return answer;
    } catch (error) {
      watch.end(request.operation, error);
      throw error;
    } finally {
      if (--this.#running === 0) this.#idle?.();
    }
  }

  /** Counts a request before its body is read: its data is empty where that is in the body. @throws CofferError `too-many-requests` */
  admit(request: IncomingRequest): RateHeaders | Promise<RateHeaders> {
    return this.services.quotas.admit(request);
  }

  /** Whether this caller may send a larger body than a stranger. Does not count as a use of the token. */
  async takesLargeBody({ path, token, remoteAddress }: Caller): Promise<boolean> {
    if (token === '') return false;
    const { route, entry } = await this.#arrive({ path, operation: 'update', token });
    if (route?.path === undefined || route.path.unauthenticated) return false;
    return entry !== undefined && cidrsAllow(entry.boundCidrs ?? [], remoteAddress);
  }

  /** Whether a write to this path brings bytes that its handler reads. */
  takesRawBody(path: string): boolean {
    return findRoute(this.services.mounts, path, 'update')?.path?.rawBody === true;
  }

  /** Revokes what an answer holds that reaches nobody. */
  async #takeBack({ id, path }: IncomingRequest, answer: OutgoingResponse, why: string): Promise<void> {
    if ((answer.lease ?? answer.auth ?? answer.wrapInfo) === undefined) return;
    this.#logger.warn(`${why}: revoking what it holds`, {
      request_id: id,
      path,
      lease_id: answer.lease?.id,
    });
    try {
      await this.services.wrapping.takeBack(answer);
    } catch (error) {
      this.#logger.error('failed to revoke what an undelivered response held', {
        request_id: id,
        error: errorText(error),
      });
    }
  }

  /** Nothing is done, not even a use of the token, before the audit devices know of the request. */
  async #serve(request: IncomingRequest, watch: RequestWatch): Promise<OutgoingResponse | undefined> {
    const { route, entry } = await this.#arrive(request);
    if (entry !== undefined) this.#onClient?.(request.id, () => clientId(entry));
    watch.route = route;
    describeRequest(() => requestSpan(request, route));
    if (route?.path?.loginRole !== undefined) await this.services.quotas.admitLogin(request, route);
    const begin = performance.now();
    const admission = await admit(this.services, { request, route, found: entry });
    this.#metrics.took('vault.core.check_token', performance.now() - begin);
    // Such paths tell everybody how the server is, and are asked all the time.
    if (route?.path?.local === true) return this.#answer(request, route, admission);
    return this.services.audit.around(
      () => auditedRequest(request, route, admission),
      () => this.#answer(request, route, admission),
    );
  }

  async #answer(
    { path: fullPath }: IncomingRequest,
    route: Route | undefined,
    { raw, token: found, refusal }: Admission,
  ): Promise<OutgoingResponse | undefined> {
    const path = route?.path;
    // Also of a request that is refused, as in Vault.
    const token = found === undefined || found.numUses === 0 ? found : await this.services.tokens.spend(found);
    if (found !== undefined && token === undefined) throw invalidToken(raw, path);
    if (refusal !== undefined) throw refusal;
    // It may have been disabled meanwhile.
    if (route === undefined || route.mounted.tainted) throw noHandler(fullPath);
    if (raw.operation === 'help') return help(route.mounted.engine.help, path);
    if (path === undefined) throw new CofferError('not-found', multiError(['unsupported path']));
    const response = await tracedEngine(route, raw, () =>
      this.#run(path, token === undefined ? raw : { ...raw, token }),
    );
    if (raw.wrapTtl === 0 || response === undefined || isOpen(response)) return response;
    if (currentDeadline()?.over === true) return response;
    return this.services.wrapping.wrap(response, fullPath, raw.wrapTtl, stillValid(path, token));
  }

  /** Brings this node up to date with every write that was answered before the request began, and finds where it leads. */
  async #arrive({ path, operation, token }: Pick<IncomingRequest, 'path' | 'operation' | 'token'>): Promise<Arrival> {
    const { mounts, tokens } = this.services;
    const { seen } = this.#epochs;
    const route = findRoute(mounts, path, operation);
    // Such paths are of the core's own mounts, which are always there.
    if (route?.path?.local === true) return { route };
    const begin = performance.now();
    const arrival = tokens.arrive(token);
    const { epoch, entry } = arrival instanceof Promise ? await arrival : arrival;
    this.#metrics.took('vault.core.fetch_acl_and_token', performance.now() - begin);
    if (epoch > this.#epochs.seen) await this.#epochs.catchUp(epoch);
    const isAsBefore = this.#epochs.seen === seen;
    return { route: isAsBefore ? route : findRoute(mounts, path, operation), ...(entry && { entry }) };
  }

  async #run(path: Path, request: RawPathRequest): Promise<OutgoingResponse | undefined> {
    const begin = performance.now();
    try {
      const response = await path.handle(request);
      if (response === undefined && request.operation === 'read') throw new CofferError('not-found', '');
      if (request.operation === 'create' || request.operation === 'update') {
        request.warnings.push(...(await this.services.policies.warnings(path.policiesIn(request.data))));
      }
      if (request.warnings.length === 0) return response;
      return { ...response, warnings: [...(response?.warnings ?? []), ...request.warnings] };
    } catch (thrown) {
      throw this.#outward(thrown, request);
    } finally {
      const { operation, mountPath } = request;
      const labels = { mount_point: mountPath };
      if (operation !== 'help') this.#metrics.took(`vault.route.${operation}`, performance.now() - begin, labels);
    }
  }

  #outward(thrown: unknown, request: RawPathRequest): CofferError {
    const error = CofferError.from(thrown);
    switch (error.code) {
      case 'failed':
      case 'unavailable':
      case 'unsupported':
        return new CofferError(error.code, multiError([error.message]), { cause: error });
      case 'internal':
        this.#logger.error('internal error', {
          request_id: request.id,
          path: request.mountPath + request.path,
          error: errorText(error.cause ?? error),
          stack: error.cause instanceof Error ? error.cause.stack : error.stack,
        });
        return error;
      case 'invalid-request':
      case 'permission-denied':
      case 'not-found':
      case 'too-many-requests':
      case 'sealed':
        return error;
    }
  }
}
