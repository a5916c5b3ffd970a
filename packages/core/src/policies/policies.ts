import { CofferError, formatTime, oncePerObject } from '@coffer/base';
import type { SqlValue, Store } from '@coffer/store';
import { type Acl, createAcl, ROOT_ACL } from './acl.ts';
import type { Barrier } from '../barrier/barrier.ts';
import { DEFAULT_POLICY_TEXT, WRAPPING_POLICY_TEXT } from './default-policy.ts';
import type { Epochs } from '../epochs/epochs.ts';
import { FreshCache } from '../epochs/fresh-cache.ts';
import { LruCache } from '../epochs/lru-cache.ts';
import type { Identity } from '../identity/identities.ts';
import { fillTemplate, needsTime } from './fill-template.ts';
import {
  DEFAULT_POLICY,
  foldName,
  ROOT_POLICY,
  stored,
  UNASSIGNABLE_POLICIES,
  WRAPPING_POLICY,
} from '@coffer/framework';
import { type PathRule, parsePolicy } from './policy.ts';

export interface PolicyEntry {
  readonly name: string;
  readonly text: string;
  /** RFC 3339. */
  readonly modified: string;
  readonly version: number;
}

const { entry, integer, string } = stored;
const POLICY = entry<PolicyEntry>({ name: string(), text: string(), modified: string(), version: integer() });

/** ACL policies by name. Names are lower case. `root` is built in and has no text; `default` may be changed. */
export interface PolicyStore {
  get(name: string): Promise<PolicyEntry | undefined>;
  put(name: string, text: string): Promise<void>;
  delete(name: string): Promise<void>;
  list(): Promise<string[]>;
  /**
   * What a token with these policies may do, with what its identity adds, and with templates filled in from that. Names that do
   * not exist allow nothing.
   */
  acl(names: readonly string[], identity?: Identity): Promise<Acl>;
  /** A text for each of them that does not exist. */
  warnings(names: readonly string[]): Promise<readonly string[]>;
}

/** Nobody may change these. */
const BUILTIN_POLICIES: readonly string[] = [ROOT_POLICY, ...UNASSIGNABLE_POLICIES];

/** How many sets of policies are kept compiled: there are many tokens, but of few kinds. */
const CACHED_ACLS = 256;
/** The same for sets with templates, each for one entity. */
const CACHED_FILLED_ACLS = 1024;
const CACHED_POLICIES = 256;
/** A token has no more. A token role may name many more. */
const MOST_COMPILED = 128;

/** A set of policies: compiled, where it is the same for whoever has it. */
interface CompiledSet {
  readonly rules: readonly PathRule[];
  readonly acl?: Acl;
  /** Those that do not exist. */
  readonly missing: readonly string[];
}

export function createPolicyStore(store: Store, barrier: Barrier, epochs: Epochs): PolicyStore {
  /** By the names of the policies. */
  const sets = new FreshCache<CompiledSet>(CACHED_ACLS);
  epochs.follow('policy', () => sets.drop());
  const write = async (name: string, sql: string, ...values: SqlValue[]): Promise<void> => {
    await sets.write(undefined, () => epochs.write([`policy/${name}`], [{ sql, params: [name, ...values] }]));
  };

  const get = async (given: string): Promise<PolicyEntry | undefined> => {
    const name = foldName(given);
    if (name === WRAPPING_POLICY) return { name, text: WRAPPING_POLICY_TEXT, modified: formatTime(0), version: 1 };
    const { rows } = await store.run('SELECT value FROM policies WHERE name = $1', [name]);
    const value = rows[0]?.['value'];
    const row = `policies/${name}`;
    if (value !== undefined) return POLICY(barrier.open(row, value), row);
    if (name === ROOT_POLICY) return { name, text: '', modified: formatTime(0), version: 1 };
    if (name === DEFAULT_POLICY) return { name, text: DEFAULT_POLICY_TEXT, modified: formatTime(0), version: 1 };
    return undefined;
  };

  const filled = new FilledAcls();
  /** By name, with the text they were parsed from: fresh when the text is. */
  const parsed = new LruCache<{ readonly text: string; readonly rules: readonly PathRule[] }>(CACHED_POLICIES);

  const rulesOf = async (name: string): Promise<readonly PathRule[] | undefined> => {
    const entry = await get(name);
    if (entry === undefined) return undefined;
    const { text } = entry;
    const cached = parsed.get(entry.name);
    if (cached?.text === text) return cached.rules;
    const rules = parsePolicy(text).map((rule) => ({ ...rule, policy: entry.name }));
    parsed.set(entry.name, { text, rules });
    return rules;
  };

  const compiled = (given: readonly string[]): Promise<CompiledSet> => {
    const key = keyOf(given);
    return sets.get(key, async () => {
      const names = [...new Set(given)];
      const found = await Promise.all(names.map(rulesOf));
      const rules = found.flatMap((each) => each ?? []);
      const missing = names.filter((_, index) => found[index] === undefined);
      const isTemplated = rules.some(({ templated }) => templated);
      return { rules, missing, ...(!isTemplated && { acl: createAcl(rules) }) };
    });
  };

  const list = async (): Promise<string[]> => {
    const { rows } = await store.run('SELECT name FROM policies');
    return [...new Set([DEFAULT_POLICY, ROOT_POLICY, ...rows.map((row) => String(row['name']))])].sort();
  };

  const missing = async (names: readonly string[]): Promise<readonly string[]> => {
    if (names.length <= MOST_COMPILED) return names.length === 0 ? [] : (await compiled(names)).missing;
    const there = new Set(await list());
    return names.filter((name) => !there.has(foldName(name)));
  };

  return {
    get,
    async put(given, text) {
      const name = foldName(given);
      if (BUILTIN_POLICIES.includes(name)) throw new CofferError('invalid-request', `cannot update "${name}" policy`);
      parsePolicy(text);
      const version = ((await get(name))?.version ?? 0) + 1;
      const entry = { name, text, modified: formatTime(Date.now()), version };
      await write(
        name,
        'INSERT INTO policies (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
        barrier.seal(`policies/${name}`, entry),
      );
    },
    async delete(given) {
      const name = foldName(given);
      if (name === DEFAULT_POLICY || BUILTIN_POLICIES.includes(name)) {
        throw new CofferError('invalid-request', `cannot delete "${name}" policy`);
      }
      await write(name, 'DELETE FROM policies WHERE name = $1');
    },
    list,
    async acl(names, identity) {
      if (names.includes(ROOT_POLICY)) return ROOT_ACL;
      const more = identity?.policies ?? [];
      const set = await compiled(more.length === 0 ? names : [...names, ...more]);
      return set.acl ?? filled.aclOf(set, identity);
    },
    async warnings(names) {
      return (await missing(names)).map((name) => `Policy ${JSON.stringify(name)} does not exist`);
    },
  };
}

/** The list of a token that is kept is the same one at each request. */
const keyOf = oncePerObject((names: readonly string[]) => JSON.stringify([...new Set(names)]));

/** For what stands for a token of nobody in particular. */
const NOBODY = {};

/**
 * ACLs with their templates filled in, for those who used them last. They are found by the very set and the very identity: there
 * are new ones when anything of these has changed.
 */
class FilledAcls {
  readonly #acls = new LruCache<Acl>(CACHED_FILLED_ACLS);
  readonly #numbers = new WeakMap<object, number>();
  #next = 0;

  aclOf(set: CompiledSet, identity: Identity | undefined): Acl {
    const values = { identity, now: Date.now() };
    const fill = (): Acl => {
      const rules = set.rules.map((rule) => (rule.templated ? fillTemplate(rule, values) : rule));
      return createAcl(rules.filter((rule) => rule !== undefined));
    };
    if (set.rules.some(needsTime)) return fill();
    const key = `${this.#numberOf(set)}/${this.#numberOf(identity ?? NOBODY)}`;
    const kept = this.#acls.get(key);
    if (kept !== undefined) return kept;
    const acl = fill();
    this.#acls.set(key, acl);
    return acl;
  }

  #numberOf(object: object): number {
    const number = this.#numbers.get(object) ?? this.#next++;
    this.#numbers.set(object, number);
    return number;
  }
}
