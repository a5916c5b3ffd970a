import { CofferError, type Logger, type Metrics } from '@coffer/base';
import { type EntryStorage, type IncomingRequest, type Path, stored } from '@coffer/framework';
import type { KeptEntries } from '../barrier/kept-entries.ts';
import type { MountTable } from '../mounts/mount-table.ts';
import { findRoute, type Route } from '../mounts/router.ts';
import { type LimitedRequest, RATE_LIMIT_RULE, type RateLimitRule, RuleTable } from './rate-limit-rule.ts';
import type { RateAnswer } from './rate-limit.ts';

/** As `sys/quotas/config` has it. */
export interface QuotasConfig {
  readonly auditsRefusals: boolean;
  readonly sendsHeaders: boolean;
  /** Paths that no rule limits: exactly these, and what lies below those that end in a slash. */
  readonly exemptPaths: readonly string[];
}

/** Vault's defaults (hashicorp/vault:vault/quotas/quotas.go defaultExemptPaths). */
const DEFAULT_CONFIG: QuotasConfig = {
  auditsRefusals: false,
  sendsHeaders: false,
  exemptPaths: [
    'sys/generate-recovery-token/attempt',
    'sys/generate-recovery-token/update',
    'sys/generate-root/attempt',
    'sys/generate-root/update',
    'sys/health',
    'sys/seal-status',
    'sys/unseal',
  ],
};

const { boolean, entry, strings } = stored;
const CONFIG = entry<QuotasConfig>({ auditsRefusals: boolean(), sendsHeaders: boolean(), exemptPaths: strings() });

/** The mount under which quotas are stored. */
export const QUOTAS = 'core/quotas';
/** All rules are in memory, and looked at by each request. */
const MAX_RULES = 1_000;
/** The uuid of none. */
const NO_MOUNT = 'none';

export interface QuotasParts {
  readonly storage: EntryStorage;
  readonly kept: KeptEntries;
  readonly mounts: MountTable;
  /** Writes to the audit devices that a request was refused. Never rejects. */
  readonly audit: (request: IncomingRequest, error: string) => Promise<void>;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** Headers for the answer, whatever it will be. */
export type RateHeaders = Readonly<Record<string, string>>;

/**
 * Rate limit quotas: how often one client may ask for a path. The rules are those of the store, on every node as new as its latest
 * request; the counts are each node's own, as in Vault.
 */
export class Quotas {
  readonly #storage: EntryStorage;
  readonly #rules;
  readonly #configs;
  readonly #mounts: MountTable;
  readonly #audit: QuotasParts['audit'];
  readonly #metrics: Metrics;
  readonly #logger: Logger;
  readonly #table = new RuleTable();
  #config = DEFAULT_CONFIG;

  constructor({ storage, kept, mounts, audit, metrics, logger }: QuotasParts) {
    this.#storage = storage;
    this.#rules = storage.kept('rate-limit/', RATE_LIMIT_RULE);
    this.#configs = storage.kept('', CONFIG);
    this.#mounts = mounts;
    this.#audit = audit;
    this.#metrics = metrics;
    this.#logger = logger;
    kept.follow(QUOTAS, () => this.load());
    mounts.onRemoved(({ uuid }) => this.#deleteOf(uuid));
  }

  get config(): QuotasConfig {
    return this.#config;
  }

  /** Reads everything from the store. */
  async load(): Promise<void> {
    const names = await this.#storage.list('rate-limit/');
    const rules = await Promise.all(names.map(async (name) => this.#withMount(await this.#rules.getNow(name))));
    this.#config = (await this.#configs.getNow('config')) ?? DEFAULT_CONFIG;
    this.#table.replace(rules.filter((rule) => rule !== undefined));
  }

  list(): string[] {
    return this.#table.rules.filter((rule) => this.#standing(rule) !== undefined).map(({ name }) => name);
  }

  /** With the path that its mount has now. */
  get(name: string): RateLimitRule | undefined {
    const rule = this.#table.get(name);
    return rule && this.#standing(rule);
  }

  /** @throws CofferError `invalid-request` when another rule limits the same, or there are too many */
  async put(rule: RateLimitRule): Promise<void> {
    const twin = this.#table.nameOf(rule);
    if (twin !== undefined && twin !== rule.name) {
      const text = `quota rule with similar properties exists under the name ${JSON.stringify(twin)}`;
      throw new CofferError('invalid-request', text);
    }
    if (this.#table.get(rule.name) === undefined && this.#table.rules.length >= MAX_RULES) {
      throw new CofferError('invalid-request', `there are ${MAX_RULES} quotas already, which is the maximum`);
    }
    await this.#rules.put(rule.name, rule);
    await this.load();
  }

  async delete(name: string): Promise<void> {
    await this.#rules.delete(name);
    await this.load();
  }

  async putConfig(config: QuotasConfig): Promise<void> {
    await this.#configs.put('config', config);
    await this.load();
  }

  /**
   * Counts a request before anything is done for it, its body included: its data is empty where that is in the body. Logins at a
   * mount whose roles have limits are counted by {@link admitLogin}, once their role is known. Returns headers for the answer.
   * @throws CofferError `too-many-requests`
   */
  admit(request: IncomingRequest): RateHeaders | Promise<RateHeaders> {
    const { path } = request;
    if (this.#table.rules.length === 0 || this.#isExempt(path)) return {};
    const route = findRoute(this.#mounts, path, 'update');
    const mount = route?.mounted.mount;
    if (mount !== undefined && route?.path?.loginRole !== undefined && this.#table.hasRoles(mount.uuid)) return {};
    return this.#take(request, { path, mount, folds: foldsNames(route?.path) });
  }

  /** As {@link admit}, for a login whose role may be known by now: one that has a `loginRole`. */
  async admitLogin(request: IncomingRequest, { mounted: { mount }, path }: Route): Promise<void> {
    if (path?.loginRole === undefined) return;
    if (!this.#table.hasRoles(mount.uuid) || this.#isExempt(request.path)) return;
    const role = await path.loginRole(request);
    await this.#take(request, { path: request.path, mount, folds: foldsNames(path), role });
  }

  /** One that was written before rules went with their mounts is of the mount that has its path. */
  #withMount(rule: RateLimitRule | undefined): RateLimitRule | undefined {
    if (rule === undefined || rule.mount !== undefined || rule.mountPath === '') return rule;
    return { ...rule, mount: this.#mounts.get(rule.mountPath)?.uuid ?? NO_MOUNT };
  }

  /** A rule whose mount is gone limits nothing, and is not there for anybody: its node may have ended before it was deleted. */
  #standing(rule: RateLimitRule): RateLimitRule | undefined {
    if (rule.mount === undefined) return rule;
    const mountPath = this.#mounts.byUuid(rule.mount)?.path;
    return mountPath === undefined ? undefined : { ...rule, mountPath };
  }

  async #deleteOf(mount: string): Promise<void> {
    const gone = this.#table.rules.filter((rule) => rule.mount === mount);
    for (const { name } of gone) await this.#rules.delete(name);
    if (gone.length > 0) await this.load();
  }

  async #take(request: IncomingRequest, place: LimitedRequest): Promise<RateHeaders> {
    const limited = this.#table.limitFor(place);
    if (limited === undefined) return {};
    const answer = limited.limit.take(request.remoteAddress);
    const headers = this.#config.sendsHeaders ? headersOf(answer) : {};
    if (answer.allowed) return headers;
    const { path } = request;
    this.#metrics.count('vault.quota.rate_limit.violation', { name: limited.rule.name });
    this.#logger.trace('request rejected due to rate limit quota violation', { request_path: path });
    const message = `request path ${JSON.stringify(path)}: rate limit quota exceeded`;
    // Waited for: what a client may have under way bounds what it may have written.
    if (this.#config.auditsRefusals) await this.#audit(request, message);
    throw new CofferError('too-many-requests', message, {
      retryAfterSeconds: answer.retryAfterSeconds,
      headers,
    });
  }

  #isExempt(path: string): boolean {
    return this.#config.exemptPaths.some((exempt) =>
      exempt.endsWith('/') ? path.startsWith(exempt) : path.replace(/\/$/, '') === exempt,
    );
  }
}

function foldsNames(path: Path | undefined): boolean {
  return path !== undefined && path.foldedNames.length > 0;
}

/** Under the names that Vault sends (github.com/sethvargo/go-limiter:httplimit). */
function headersOf({ limit, remaining, resetSeconds }: RateAnswer): RateHeaders {
  return {
    'X-Ratelimit-Limit': String(limit),
    'X-Ratelimit-Remaining': String(remaining),
    'X-Ratelimit-Reset': String(resetSeconds),
  };
}
