/** A request without the capability never reaches an engine, whatever the policies: the core against a tiny model. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isCofferError, silentLogger } from '@coffer/base';
import { openEmbeddedStore, type Store } from '@coffer/store';
import fc from 'fast-check';
import { Barrier } from '../barrier/barrier.ts';
import { createKeyring } from '../barrier/keyring.ts';
import { Core } from '../core.ts';
import { type EngineFactory, type IncomingRequest, definePath } from '@coffer/framework';

const CAPABILITIES = ['create', 'read', 'update', 'delete', 'list', 'sudo', 'deny'] as const;
type Capability = (typeof CAPABILITIES)[number];
type Lists = Readonly<Record<string, readonly string[]>>;
interface Rule {
  readonly path: string;
  readonly capabilities: readonly Capability[];
  readonly allowed?: Lists;
  readonly denied?: Lists;
  readonly required?: readonly string[];
}
interface Asked {
  readonly path: string;
  readonly operation: IncomingRequest['operation'];
  readonly data: Readonly<Record<string, string>>;
}

/**
 * What the documentation of policies says (hashicorp/vault:website/content/docs/concepts/policies.mdx), in the fewest
 * words and with nothing taken from the server's code: of all patterns that match, the one with the highest priority.
 */
function modelAllows(rules: readonly Rule[], wanted: Capability, { path, data }: Asked, sudo: boolean): boolean {
  const winner = winningPath(rules, path, wanted === 'list');
  const same = rules.filter((rule) => rule.path === winner);
  const granted = same.flatMap(({ capabilities }) => capabilities);
  if (granted.includes('deny') || !granted.includes(wanted) || (sudo && !granted.includes('sudo'))) return false;
  return wanted === 'list' || wanted === 'delete' || modelParameters(same, data);
}

/** A list asks for a folder: exactly so or without its slash, then by patterns without its slash, then with it. */
function winningPath(rules: readonly Rule[], path: string, list: boolean): string | undefined {
  const best = (asked: string, wildcards: boolean): string | undefined =>
    rules
      .map((rule) => rule.path)
      .filter((pattern) => hasWildcard(pattern) === wildcards && matches([...pattern], [...asked]))
      .sort(byPriority)
      .at(-1);
  if (!list) return best(path, false) ?? best(path, true);
  return best(`${path}/`, false) ?? best(path, false) ?? best(path, true) ?? best(`${path}/`, true);
}

/** A `*` at the end, and each `+` that is a segment of its own. */
const wildcardsOf = (pattern: string): number[] =>
  [...pattern.matchAll(/(?<=^|\/)\+(?=\/|$)|\*$/g)].map(({ index }) => index);
const hasWildcard = (pattern: string): boolean => wildcardsOf(pattern).length > 0;

/** Character for character: `+` takes any characters up to the next slash, `*` at the end whatever follows. */
function matches([first, ...pattern]: readonly string[], path: readonly string[]): boolean {
  if (first === undefined) return path.length === 0;
  if (first === '*' && pattern.length === 0) return true;
  if (first !== '+') return first === path[0] && matches(pattern, path.slice(1));
  const slash = path.indexOf('/');
  return matches(pattern, slash === -1 ? [] : path.slice(slash));
}

/** "Priority matching": P1 comes before P2 (a lower priority) by the first of these that tells them apart. */
function byPriority(p1: string, p2: string): number {
  const first = (pattern: string): number => wildcardsOf(pattern)[0] ?? Infinity;
  if (first(p1) !== first(p2)) return first(p1) < first(p2) ? -1 : 1;
  if (p1.endsWith('*') !== p2.endsWith('*')) return p1.endsWith('*') ? -1 : 1;
  const plusses = (pattern: string): number => wildcardsOf(pattern).filter((at) => pattern[at] === '+').length;
  if (plusses(p1) !== plusses(p2)) return plusses(p1) > plusses(p2) ? -1 : 1;
  if (p1.length !== p2.length) return p1.length < p2.length ? -1 : 1;
  return p1 < p2 ? -1 : 1;
}

/** "Parameter constraints": of all rules for the path together; no values on either side mean any value. */
function modelParameters(rules: readonly Rule[], data: Asked['data']): boolean {
  const values = (lists: readonly (Lists | undefined)[], name: string): readonly string[] | 'any' | undefined => {
    const given = lists.flatMap((each) => (each && Object.hasOwn(each, name) ? [each[name] ?? []] : []));
    if (given.length === 0) return undefined;
    return given.some((list) => list.length === 0) ? 'any' : given.flat();
  };
  const has = (list: readonly string[] | 'any', value: string): boolean =>
    list === 'any' ||
    list.some((each) => (each.length > 1 && each.endsWith('*') ? value.startsWith(each.slice(0, -1)) : each === value));
  const allowed = rules.map((rule) => rule.allowed);
  const denied = rules.map((rule) => rule.denied);
  if (!rules.flatMap(({ required = [] }) => required).every((name) => Object.hasOwn(data, name))) return false;
  const anyListed = allowed.some((lists) => lists !== undefined && Object.keys(lists).length > 0);
  return Object.entries(data).every(([name, value]) => {
    const refused = values(denied, name);
    if (values(denied, '*') !== undefined || (refused !== undefined && has(refused, value))) return false;
    if (!anyListed) return true;
    const wanted = values(allowed, name);
    return wanted === undefined ? values(allowed, '*') !== undefined : has(wanted, value);
  });
}

/** Notes every handler that was reached. */
class Probe {
  reached: string[] = [];
  readonly existing = new Set<string>();

  readonly factory: EngineFactory = () => {
    const handler = (name: string) => async (request: { path: string; operation: string }) => {
      this.reached.push(`${name} ${request.operation} ${request.path.replace(/\/$/, '')}`);
      return { data: { keys: ['k'] } };
    };
    const handlers = (name: string) => ({
      fields: { rest: { type: 'string', required: true, description: 'Where.' } } as const,
      otherFields: 'accept' as const,
      synopsis: name,
      read: handler(name),
      write: handler(name),
      delete: handler(name),
      list: handler(name),
      exists: async ({ rest = '' }) => this.existing.has(name === 'sudo' ? `root/${rest}` : rest),
    });
    return {
      help: '',
      paths: [
        definePath({ pattern: 'root/:rest*', sudo: true, ...handlers('sudo') }),
        definePath({ pattern: ':rest*', ...handlers('plain') }),
      ],
      close: () => Promise.resolve(),
    };
  };
}

const segment = fc.constantFrom('a', 'b', 'ab', 'root');
const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((segments) => `p/${segments.join('/')}`);
const pattern = fc
  .tuple(
    fc.array(fc.oneof({ weight: 3, arbitrary: segment }, { weight: 1, arbitrary: fc.constant('+') }), { maxLength: 3 }),
    fc.constantFrom('', '*', '/', '/*'),
  )
  .map(([segments, end]) => ['p', ...segments].join('/') + end)
  .filter((text) => !text.includes('+*'));
const value = fc.constantFrom('a', 'ab', 'b', '*');
const lists: fc.Arbitrary<Lists> = fc.dictionary(
  fc.constantFrom('x', 'y', '*'),
  fc.array(fc.oneof(value, fc.constant('a*')), { maxLength: 2 }),
  { maxKeys: 2 },
);
const rule: fc.Arbitrary<Rule> = fc.record(
  {
    path: pattern,
    capabilities: fc.uniqueArray(fc.constantFrom(...CAPABILITIES), { minLength: 1, maxLength: 5 }),
    allowed: fc.option(lists, { nil: {}, freq: 2 }),
    denied: fc.option(lists, { nil: {}, freq: 2 }),
    required: fc.uniqueArray(fc.constantFrom('x', 'y'), { maxLength: 1 }),
  },
  { requiredKeys: ['path', 'capabilities'] },
);
const asked = fc.record({
  path,
  operation: fc.constantFrom<IncomingRequest['operation']>('read', 'update', 'delete', 'list'),
  exists: fc.boolean(),
  data: fc.dictionary(fc.constantFrom('x', 'y', 'z'), value, { maxKeys: 2 }),
});

describe('policies', () => {
  let store: Store;
  let core: Core;
  const probe = new Probe();
  let serial = 0;

  before(async () => {
    store = await openEmbeddedStore({ path: ':memory:' });
    core = new Core({ store, barrier: new Barrier(createKeyring()), builtinPlugins: [], logger: silentLogger });
    core.install({ engines: new Map([['probe', probe.factory]]) });
    await core.start();
    await core.services.mounts.enable('p', 'probe', {});
  });
  after(async () => {
    await core.stop();
    await store.close();
  });

  const ruleText = ({ path, capabilities, allowed, denied, required = [] }: Rule): string => {
    const object = (given: Lists = {}): string =>
      `{ ${Object.entries(given)
        .map(([name, values]) => `${JSON.stringify(name)} = ${JSON.stringify(values)}`)
        .join(', ')} }`;
    return `path ${JSON.stringify(path)} {
      capabilities = ${JSON.stringify(capabilities)}
      allowed_parameters = ${object(allowed)}
      denied_parameters = ${object(denied)}
      required_parameters = ${JSON.stringify(required)}
    }`;
  };

  async function tokenWith(policies: readonly (readonly Rule[])[]): Promise<string> {
    const names: string[] = [];
    for (const rules of policies) {
      const name = `policy-${serial++}`;
      await core.services.policies.put(name, rules.map(ruleText).join('\n'));
      names.push(name);
    }
    const { token } = await core.services.tokens.create({
      parent: '',
      displayName: 'token',
      policies: names,
      path: 'auth/token/create',
      meta: null,
      creationTime: Date.now(),
      creationTtl: 0,
      expireTime: null,
      explicitMaxTtl: 0,
      period: 0,
      numUses: 0,
      renewable: false,
    });
    return token.reveal();
  }

  async function isReached(token: string, { operation, path: asked, data }: Asked): Promise<boolean> {
    probe.reached = [];
    const path = operation === 'list' ? `${asked}/` : asked;
    try {
      await core.handle({ id: '', token, data, remoteAddress: '', operation, path });
    } catch (error) {
      assert.ok(isCofferError(error, 'permission-denied'), String(error));
      assert.deepEqual(probe.reached, []);
      return false;
    }
    assert.equal(probe.reached.length, 1);
    return true;
  }

  it('let a request reach an engine exactly when the model allows it', async () => {
    const counts = { reached: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(rule, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 }),
        fc.array(asked, { minLength: 1, maxLength: 12 }),
        async (policies, requests) => {
          const token = await tokenWith(policies);
          for (const { exists, ...request } of requests) {
            const { path, operation } = request;
            const relative = path.slice('p/'.length);
            if (exists) probe.existing.add(relative);
            else probe.existing.delete(relative);
            const capability = operation === 'update' && !exists ? 'create' : (operation as Capability);
            const sudo = relative.startsWith('root/');
            const allowed = modelAllows(policies.flat(), capability, request, sudo);
            assert.equal(await isReached(token, request), allowed, `${capability} ${JSON.stringify(request)}`);
            counts[allowed ? 'reached' : 'refused']++;
          }
        },
      ),
      { numRuns: 400, seed: 20_261_128 },
    );
    // The generators must not make it trivially true.
    assert.ok(counts.reached > 100 && counts.refused > 100, JSON.stringify(counts));
  });

  it('let nothing through without a token, or with one that was never made', async () => {
    for (const token of ['', 'hvs.nothing']) {
      for (const operation of ['read', 'update', 'delete', 'list'] as const) {
        assert.equal(await isReached(token, { path: 'p/a', operation, data: {} }), false);
      }
    }
  });
});
