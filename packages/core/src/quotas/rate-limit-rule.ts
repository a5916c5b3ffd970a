import { foldName, type Mount, stored } from '@coffer/framework';
import { RateLimit } from './rate-limit.ts';

/** A rate limit quota as it is stored (hashicorp/vault:vault/quotas/quotas_rate_limit.go RateLimitQuota). Times are seconds. */
export interface RateLimitRule {
  readonly name: string;
  /** The uuid of the mount, which the rule goes with wherever that is moved; absent for every path. */
  readonly mount?: string;
  /** Of the mount when the rule was written, with its trailing slash (`auth/userpass/`); empty for every path. */
  readonly mountPath: string;
  /** The rest of the path, without slashes at its ends; `*` at its end stands for whatever follows. Empty for the whole mount. */
  readonly pathSuffix: string;
  /** Of logins at this auth method; empty for all requests. */
  readonly role: string;
  /** Number of requests that one client may make in an interval. */
  readonly rate: number;
  readonly interval: number;
  readonly blockInterval: number;
  readonly inheritable: boolean;
}

const { boolean, entry, integer, optional, string } = stored;

export const RATE_LIMIT_RULE = entry<RateLimitRule>({
  name: string(),
  mount: optional(string()),
  mountPath: string(),
  pathSuffix: string(),
  role: string(),
  rate: (value, row, field) => {
    // A fraction comes back as a number with its exact text.
    const rate = Number(value);
    if (rate > 0) return rate;
    throw stored.damaged(row, `its field "${field ?? ''}" is not a rate`);
  },
  interval: integer(),
  blockInterval: integer(),
  inheritable: boolean(),
});

/** What a request is to the rules. */
export interface LimitedRequest {
  readonly path: string;
  /** That it leads to, if there is one. */
  readonly mount?: Pick<Mount, 'uuid' | 'path'> | undefined;
  /** Whether names in it do not distinguish case: `login/ANA` is limited as `login/ana` is. */
  readonly folds: boolean;
  /** That it logs in with; undefined while that is not known. */
  readonly role?: string | undefined;
}

/** A rule with the clients that it counts. */
export interface Limited {
  readonly rule: RateLimitRule;
  readonly limit: RateLimit;
}

/** The rules by what they limit. */
export class RuleTable {
  readonly #rules = new Map<string, Limited>();
  readonly #byFactors = new Map<string, string>();

  get rules(): RateLimitRule[] {
    return [...this.#rules.values()].map(({ rule }) => rule).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  get(name: string): RateLimitRule | undefined {
    return this.#rules.get(name)?.rule;
  }

  /** The name of the rule that limits the same. */
  nameOf(rule: RateLimitRule): string | undefined {
    return this.#byFactors.get(factorsOf(rule));
  }

  /** Takes these in place of what was there. Of rules that stay as they are the counts stay too. */
  replace(rules: readonly RateLimitRule[]): void {
    const before = new Map(this.#rules);
    this.#rules.clear();
    this.#byFactors.clear();
    for (const rule of rules) {
      const kept = before.get(rule.name);
      const isSame = kept !== undefined && JSON.stringify(kept.rule) === JSON.stringify(rule);
      this.#rules.set(rule.name, isSame ? kept : { rule, limit: limitOf(rule) });
      this.#byFactors.set(factorsOf(rule), rule.name);
    }
  }

  /** Whether logins at this mount are limited by their roles. */
  hasRoles(mount: string): boolean {
    for (const { rule } of this.#rules.values()) {
      if (rule.role !== '' && rule.mount === mount) return true;
    }
    return false;
  }

  /**
   * The most specific rule for a request: of its role, its path, the longest beginning of its path, its mount, all paths
   * (hashicorp/vault:vault/quotas/quotas.go queryQuota).
   */
  limitFor({ path, mount, folds, role }: LimitedRequest): Limited | undefined {
    if (this.#rules.size === 0) return undefined;
    const find = (factors: Partial<Factors>): Limited | undefined => {
      const name = this.#byFactors.get(factorsOf({ pathSuffix: '', role: '', ...factors }));
      return name === undefined ? undefined : this.#rules.get(name);
    };
    if (mount !== undefined) {
      const relative = path.slice(mount.path.length);
      const below = (factors: Partial<Factors>): Limited | undefined => find({ mount: mount.uuid, ...factors });
      const found = (role ? below({ role }) : undefined) ?? this.#byPath(folds ? foldName(relative) : relative, below);
      if (found !== undefined) return found;
    }
    return find({});
  }

  #byPath(relative: string, find: (factors: Partial<Factors>) => Limited | undefined): Limited | undefined {
    const suffix = relative.endsWith('/') ? relative.slice(0, -1) : relative;
    const exact = suffix === '' ? undefined : find({ pathSuffix: suffix });
    if (exact !== undefined) return exact;
    for (let length = suffix.length; length >= 0; length--) {
      const found = find({ pathSuffix: `${suffix.slice(0, length)}*` });
      if (found !== undefined) return found;
    }
    return find({});
  }
}

type Factors = Pick<RateLimitRule, 'mount' | 'pathSuffix' | 'role'>;

function factorsOf({ mount = '', pathSuffix, role }: Factors): string {
  return JSON.stringify([mount, pathSuffix, role]);
}

function limitOf({ rate, interval, blockInterval }: RateLimitRule): RateLimit {
  return new RateLimit({ rate, intervalMs: interval * 1000, blockMs: blockInterval * 1000 });
}
