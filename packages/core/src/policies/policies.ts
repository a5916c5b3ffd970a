import { CofferError, formatTime } from '@coffer/base';
import type { SqlValue, Store } from '@coffer/store';
import { type Acl, createAcl, ROOT_ACL } from './acl.ts';
import type { Barrier } from '../barrier/barrier.ts';
import { DEFAULT_POLICY_TEXT, WRAPPING_POLICY_TEXT } from './default-policy.ts';
import type { Epochs } from '../epochs/epochs.ts';
import { FreshCache } from '../epochs/fresh-cache.ts';
import { LruCache } from '../epochs/lru-cache.ts';
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
  /** What a token with these policies may do. Names that do not exist allow nothing. */
  acl(names: readonly string[]): Promise<Acl>;
  /** Those of them that do not exist. */
  missing(names: readonly string[]): Promise<readonly string[]>;
}

/** Nobody may change these. */
const BUILTIN_POLICIES: readonly string[] = [ROOT_POLICY, ...UNASSIGNABLE_POLICIES];

/** How many sets of policies are kept compiled: there are many tokens, but of few kinds. */
const CACHED_ACLS = 256;
const CACHED_POLICIES = 256;
/** A token has no more. A token role may name many more. */
const MOST_COMPILED = 128;

interface CompiledPolicies {
  readonly acl: Acl;
  readonly missing: readonly string[];
}

export function createPolicyStore(store: Store, barrier: Barrier, epochs: Epochs): PolicyStore {
  /** Compiled, by the names of the policies. */
  const acls = new FreshCache<CompiledPolicies>(CACHED_ACLS);
  epochs.follow('policy', () => acls.drop());
  const write = async (name: string, sql: string, ...values: SqlValue[]): Promise<void> => {
    await acls.write(undefined, () => epochs.write([`policy/${name}`], [{ sql, params: [name, ...values] }]));
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

  const compiled = (given: readonly string[]): Promise<CompiledPolicies> =>
    acls.get(JSON.stringify(given), async () => {
      const names = [...new Set(given)];
      const rules = await Promise.all(names.map(rulesOf));
      return {
        acl: createAcl(rules.flatMap((each) => each ?? [])),
        missing: names.filter((_, index) => rules[index] === undefined),
      };
    });

  const list = async (): Promise<string[]> => {
    const { rows } = await store.run('SELECT name FROM policies');
    return [...new Set([DEFAULT_POLICY, ROOT_POLICY, ...rows.map((row) => String(row['name']))])].sort();
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
    async acl(names) {
      return names.includes(ROOT_POLICY) ? ROOT_ACL : (await compiled(names)).acl;
    },
    async missing(names) {
      if (names.length <= MOST_COMPILED) return (await compiled(names)).missing;
      const there = new Set(await list());
      return names.filter((name) => !there.has(foldName(name)));
    },
  };
}
