import { CofferError, errorText, type Logger } from '@coffer/base';
import type { Store } from '@coffer/store';
import type { Acl } from './acl.ts';
import type { Barrier } from './barrier.ts';
import { cidrsAllow } from './cidr.ts';
import type { Engine, EngineFactory } from './engine.ts';
import { createEntryStorage } from './entry-storage.ts';
import { Expiration } from './expiration.ts';
import { createLeaseIssuer } from './lease-issuer.ts';
import { Leases } from './leases.ts';
import type { Caller, IncomingRequest, OutgoingResponse } from './logical.ts';
import { newMount } from './mount.ts';
import { MountTable } from './mount-table.ts';
import { multiError } from './multi-error.ts';
import { createPasswordPolicies, type PasswordPolicies } from './password-policies.ts';
import type { Path, RawPathRequest } from './path.ts';
import { type BuiltinPlugin, createPluginCatalog, type PluginCatalog } from './plugin-catalog.ts';
import { createPolicyStore, type PolicyStore } from './policies.ts';
import type { TokenEntry } from './token-entry.ts';
import { createTokenStore, type TokenStore, WRAPPED_ANSWERS } from './tokens.ts';
import { createWrapping, NO_WRAPPING_TOKEN, type Wrapping } from './wrapping.ts';
import { SYSTEM_TTL, type TtlLimits } from './ttl.ts';

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
      aclOf: (token) => policies.acl(token.policies),
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
  async handle(request: IncomingRequest): Promise<OutgoingResponse | undefined> {
    const fullPath = request.path.replace(/^\/+/, '');
    const { engine, path, raw } = this.#route(request, fullPath);
    const token = path?.unauthenticated === true ? undefined : await this.#authenticate(raw, path);
    const resolved = await this.#resolveWrite(raw, path);
    if (token !== undefined) await this.#authorize(token, fullPath, resolved, path?.sudo ?? false);
    if (engine === undefined) throw noHandler(fullPath);
    if (resolved.operation === 'help') return help(engine.help, path);
    if (path === undefined) throw new CofferError('not-found', multiError(['unsupported path']));
    const response = await this.#run(path, { ...resolved, ...(token && { token }) });
    if (raw.wrapTtl === 0 || response === undefined || isOpen(response)) return response;
    return this.services.wrapping.wrap(response, fullPath, raw.wrapTtl);
  }

  /** Whether this caller may send a body beyond what a stranger may. Uses none of the token's uses. */
  async takesLargeBody({ path, token, remoteAddress }: Caller): Promise<boolean> {
    const routed = this.#route({ id: '', operation: 'update', path, token, remoteAddress, data: {} }, path);
    if (token === '' || routed.path === undefined || routed.path.unauthenticated) return false;
    const entry = await this.services.tokens.lookup(token);
    return entry !== undefined && cidrsAllow(entry.boundCidrs ?? [], remoteAddress);
  }

  /** The engine and the path that a request is for, where there are such, and the request relative to the mount. */
  #route(request: IncomingRequest, fullPath: string): { engine?: Engine; path?: Path; raw: RawPathRequest } {
    const { token: clientToken, wrapTtl = 0, ...rest } = request;
    const raw = { ...rest, wrapTtl, path: '', mountPath: '', params: {}, clientToken, warnings: [] };
    const routed = this.#mounts.route(fullPath);
    if (routed === undefined) return { raw };
    const { engine, mount } = routed;
    const relative = fullPath.slice(mount.path.length);
    const found = findPath(engine.paths, relative);
    return {
      engine,
      ...(found && { path: found.path }),
      raw: { ...raw, path: relative, mountPath: mount.path, params: found?.params ?? {} },
    };
  }

  async #authenticate(request: RawPathRequest, path: Path | undefined): Promise<TokenEntry> {
    const { clientToken, remoteAddress } = request;
    const entry = clientToken === '' ? undefined : await this.services.tokens.use(clientToken);
    if (entry !== undefined && cidrsAllow(entry.boundCidrs ?? [], remoteAddress)) return entry;
    if (entry === undefined && path?.takesWrappingToken === true && request.data['token'] === undefined) {
      throw new CofferError('invalid-request', NO_WRAPPING_TOKEN);
    }
    throw new CofferError('permission-denied', 'permission denied');
  }

  /** A write to something that does not exist yet is a `create`. */
  async #resolveWrite(request: RawPathRequest, path: Path | undefined): Promise<RawPathRequest> {
    if (request.operation !== 'update' || path === undefined || !path.operations.includes('write')) return request;
    return (await path.exists(request)) ? request : { ...request, operation: 'create' };
  }

  async #authorize(token: TokenEntry, path: string, request: RawPathRequest, sudo: boolean): Promise<void> {
    const acl = await this.services.aclOf(token);
    if (acl.allows(request.operation, path, request.data, sudo, request.wrapTtl)) return;
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

/** Wrapped already, said to everyone (the status of the server, help), or with nothing in it to wrap. */
function isOpen({ wrapInfo, shape, data, lease, auth, warnings = [] }: OutgoingResponse): boolean {
  const empty = (data ?? lease ?? auth) === undefined && warnings.length === 0;
  return wrapInfo !== undefined || shape === 'raw' || empty;
}

function findPath(
  paths: readonly Path[],
  path: string,
): { path: Path; params: Readonly<Record<string, string>> } | undefined {
  for (const each of paths) {
    const params = each.match(path);
    if (params !== undefined) return { path: each, params };
  }
  return undefined;
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
