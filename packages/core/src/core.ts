import { CofferError, currentDeadline, errorText, type Logger } from '@coffer/base';
import type { Store } from '@coffer/store';
import type { Acl } from './policies/acl.ts';
import type { Barrier } from './barrier/barrier.ts';
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
  SYSTEM_TTL,
  type TtlLimits,
  type BuiltinPlugin,
  type PluginCatalog,
  type TokenStore,
} from '@coffer/framework';
import { createEntryStorage } from './barrier/entry-storage.ts';
import { Expiration } from './leases/expiration.ts';
import { createLeaseIssuer } from './leases/lease-issuer.ts';
import { Leases } from './leases/leases.ts';
import { newMount } from './mounts/mount-rows.ts';
import { MountTable } from './mounts/mount-table.ts';
import { createPasswordPolicies, type PasswordPolicies } from './policies/password-policies.ts';
import { createPluginCatalog } from './mounts/plugin-catalog.ts';
import { createPolicyStore, type PolicyStore } from './policies/policies.ts';
import { answerInTime } from './request-deadline.ts';
import { dataOf, findRoute, foldsNames, type Route } from './mounts/router.ts';
import { withFoldedNames } from './policies/folded-acl.ts';
import { createTokenStore, WRAPPED_ANSWERS } from './tokens/tokens.ts';
import { createWrapping, NO_WRAPPING_TOKEN, type Wrapping } from './tokens/wrapping.ts';

export interface CoreOptions {
  readonly store: Store;
  readonly barrier: Barrier;
  /** Secrets engines that may be mounted, by type. They get the core's plugin catalog through `services`. */
  readonly engines: (services: CoreServices) => ReadonlyMap<string, EngineFactory>;
  /** Auth methods that may be enabled, by type; none when absent. */
  readonly authMethods?: (services: CoreServices) => ReadonlyMap<string, EngineFactory>;
  /** Always mounted: path with trailing slash → type and factory (`sys/`, `auth/token/`). */
  readonly builtins: (
    services: CoreServices,
  ) => ReadonlyMap<string, { type: string; description: string; factory: EngineFactory }>;
  readonly builtinPlugins: readonly BuiltinPlugin[];
  /** What a mount without limits of its own has. Default: Vault's 768 hours. */
  readonly systemTtl?: TtlLimits;
  readonly logger: Logger;
}

/** What the engines of the core itself work with. */
export interface CoreServices {
  readonly mounts: () => MountTable;
  readonly policies: PolicyStore;
  readonly passwordPolicies: PasswordPolicies;
  readonly tokens: TokenStore;
  readonly leases: Leases;
  readonly wrapping: Wrapping;
  readonly plugins: PluginCatalog;
  readonly systemTtl: TtlLimits;
  /** What a token may do. */
  readonly aclOf: (token: TokenEntry) => Promise<Acl>;
}

/** Seal, mounts, policies, tokens and leases behind one door: {@link Core.handle}. */
export class Core {
  readonly services: CoreServices;
  readonly #mounts: MountTable;
  readonly #expiration: Expiration;
  readonly #logger: Logger;

  /** Use {@link createCore}. */
  constructor(options: CoreOptions) {
    const { store, barrier, logger, systemTtl = SYSTEM_TTL } = options;
    const wake = (): void => this.#expiration.wakeLeases();
    const tokens = createTokenStore(store, barrier, () => this.#expiration.wakeTokens());
    const policies = createPolicyStore(store, barrier);
    const leases = new Leases({
      store,
      barrier,
      engineFor: (path) => this.#mounts.engineFor(path),
      logger: logger.named('leases'),
      wake,
    });
    this.#logger = logger;
    this.#expiration = new Expiration(leases, tokens, logger.named('expiration'));
    this.services = {
      mounts: () => this.#mounts,
      policies,
      passwordPolicies: createPasswordPolicies(createEntryStorage(store, barrier, 'core/password-policies')),
      tokens,
      leases,
      wrapping: createWrapping({
        storage: createEntryStorage(store, barrier, WRAPPED_ANSWERS),
        tokens,
        leases,
        logger: logger.named('wrapping'),
      }),
      plugins: createPluginCatalog(createEntryStorage(store, barrier, 'core/plugin-catalog'), options.builtinPlugins),
      systemTtl,
      aclOf: async (token) =>
        withFoldedNames(await policies.acl(token.policies), (path) => foldsNames(this.#mounts, path)),
    };
    this.#mounts = new MountTable({
      store,
      barrier,
      leases: createLeaseIssuer(store, barrier, wake),
      factories: options.engines(this.services),
      authFactories: options.authMethods?.(this.services) ?? new Map(),
      systemTtl,
      logger,
    });
    for (const [path, { type, description, factory }] of options.builtins(this.services)) {
      this.#mounts.addBuiltin(newMount(path, type, { description, seal_wrap: path === 'sys/' }), factory);
    }
  }

  async start(): Promise<void> {
    await this.#mounts.load();
    this.#expiration.start();
  }

  /** Stops the expiration, then closes the engines. The store stays open: it is its opener's. */
  async stop(): Promise<void> {
    await this.#expiration.stop();
    await this.#mounts.close();
  }

  /**
   * Serves one request: token, policy, route, handler.
   *
   * @throws CofferError with Vault's texts. What an engine fails with (`failed`, `unavailable`, `unsupported`) is wrapped
   *   as go-multierror does, `invalid-request` is not: Vault's two channels of errors.
   */
  handle(request: IncomingRequest): Promise<OutgoingResponse | undefined> {
    return answerInTime(request, async () => {
      const answer = await this.#serve(request);
      const reason = currentDeadline()?.reason;
      if (answer === undefined || reason === undefined) return answer;
      await this.#takeBack(request, answer);
      throw reason;
    });
  }

  /** Whether this caller may send a body beyond what a stranger may. Uses none of the token's uses. */
  async takesLargeBody({ path, token, remoteAddress }: Caller): Promise<boolean> {
    const route = findRoute(this.#mounts, path, 'update');
    if (token === '' || route?.path === undefined || route.path.unauthenticated) return false;
    const entry = await this.services.tokens.lookup(token);
    return entry !== undefined && cidrsAllow(entry.boundCidrs ?? [], remoteAddress);
  }

  /** What came too late was handed to nobody. */
  async #takeBack({ id, path }: IncomingRequest, answer: OutgoingResponse): Promise<void> {
    if ((answer.lease ?? answer.auth ?? answer.wrapInfo) === undefined) return;
    this.#logger.warn('an answer came when nobody waited for it any more: what it holds is revoked', {
      request_id: id,
      path,
      lease_id: answer.lease?.id,
    });
    try {
      await this.services.wrapping.takeBack(answer);
    } catch (error) {
      this.#logger.error('it could not be revoked', { request_id: id, error: errorText(error) });
    }
  }

  async #serve(request: IncomingRequest): Promise<OutgoingResponse | undefined> {
    const { path: fullPath } = request;
    const route = findRoute(this.#mounts, fullPath, request.operation);
    const path = route?.path;
    const raw = rawRequest(request, route);
    const token = needsNoToken(path, request) ? undefined : await this.#authenticate(raw, path);
    const resolved = await this.#resolveWrite(raw, path);
    if (token !== undefined) await this.#authorize(token, fullPath, resolved, path);
    if (route === undefined) throw noHandler(fullPath);
    if (resolved.operation === 'help') return help(route.engine.help, path);
    if (path === undefined) throw new CofferError('not-found', multiError(['unsupported path']));
    const response = await this.#run(path, { ...resolved, ...(token && { token }) });
    if (raw.wrapTtl === 0 || response === undefined || isOpen(response)) return response;
    if (currentDeadline()?.over === true) return response;
    return this.services.wrapping.wrap(response, fullPath, raw.wrapTtl, stillValid(path, token));
  }

  async #authenticate(request: RawPathRequest, path: Path | undefined): Promise<TokenEntry> {
    const { clientToken, remoteAddress } = request;
    const allowedHere = (entry: TokenEntry): boolean => cidrsAllow(entry.boundCidrs ?? [], remoteAddress);
    const entry = clientToken === '' ? undefined : await this.services.tokens.use(clientToken, allowedHere);
    if (entry !== undefined) return entry;
    if (path?.takesWrappingToken === true && request.data['token'] === undefined) {
      throw new CofferError('invalid-request', NO_WRAPPING_TOKEN);
    }
    throw new CofferError('permission-denied', 'permission denied');
  }

  /** A write to something that does not exist yet is a `create`. */
  async #resolveWrite(request: RawPathRequest, path: Path | undefined): Promise<RawPathRequest> {
    if (request.operation !== 'update' || path?.creates !== true) return request;
    return (await path.exists(request.params)) ? request : { ...request, operation: 'create' };
  }

  async #authorize(token: TokenEntry, fullPath: string, request: RawPathRequest, path?: Path): Promise<void> {
    // Help tells nobody anything, so a valid token is enough (hashicorp/vault:vault/acl.go AllowOperation).
    if (request.operation === 'help') return;
    const folds = (path?.foldedNames ?? []).length > 0;
    const acl = withFoldedNames(await this.services.policies.acl(token.policies), () => folds);
    const { operation, data, wrapTtl } = request;
    if (acl.allows(operation, fullPath, data, path?.sudo ?? false, wrapTtl, path?.splitFields)) return;
    throw new CofferError('permission-denied', multiError(['permission denied']));
  }

  async #run(path: Path, request: RawPathRequest): Promise<OutgoingResponse | undefined> {
    try {
      const response = await path.handle(request);
      if (response === undefined && request.operation === 'read') throw new CofferError('not-found', '');
      if (request.warnings.length === 0) return response;
      return { ...response, warnings: [...(response?.warnings ?? []), ...request.warnings] };
    } catch (thrown) {
      throw this.#outward(thrown, request);
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

/** Makes the core. {@link Core.start} begins to serve expirations. */
export function createCore(options: CoreOptions): Core {
  return new Core(options);
}

/** The caller, if it must be valid still: a wrapping token has ended by what it asked for, as may have a token at its last use. */
function stillValid(path: Path, token: TokenEntry | undefined): TokenEntry | undefined {
  return path.takesWrappingToken || token?.usesLeft === 1 ? undefined : token;
}

function needsNoToken(path: Path | undefined, { unauthenticatedAccess = [] }: IncomingRequest): boolean {
  if (path?.openAs !== undefined && unauthenticatedAccess.includes(path.openAs)) return true;
  return path?.unauthenticated === true;
}

/** Wrapped already, said to everyone (the status of the server, help), or with nothing in it to wrap. */
function isOpen({ wrapInfo, shape, data, lease, auth, warnings = [] }: OutgoingResponse): boolean {
  const empty = (data ?? lease ?? auth) === undefined && warnings.length === 0;
  return wrapInfo !== undefined || shape === 'raw' || empty;
}

/** The request as its path sees it. */
function rawRequest(request: IncomingRequest, route: Route | undefined): RawPathRequest {
  const { token: clientToken, wrapTtl = 0, ...rest } = request;
  const { relative: path = '', mount, params = {} } = route ?? {};
  const place = { path, mountPath: mount?.path ?? '', params, data: dataOf(request, params) };
  return { ...rest, ...place, wrapTtl, clientToken, warnings: [] };
}

function noHandler(path: string): CofferError {
  return new CofferError('not-found', `no handler for route ${JSON.stringify(path)}. route entry not found.`);
}

function help(engineHelp: string, path: Path | undefined): OutgoingResponse {
  if (path === undefined) return { shape: 'raw', data: { help: engineHelp, see_also: [], openapi: null } };
  const fields = Object.entries(path.fields).map(
    ([name, field]) => `    ${name} (${field.type})\n        ${field.description}\n`,
  );
  const text = [
    `Request:        ${path.pattern}`,
    '',
    path.synopsis,
    ...(fields.length > 0 ? ['', '## PARAMETERS', '', fields.join('\n')] : []),
    ...(path.description === '' ? [] : ['## DESCRIPTION', '', path.description]),
  ].join('\n');
  return { shape: 'raw', data: { help: text, see_also: [], openapi: null } };
}
