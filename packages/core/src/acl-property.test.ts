/** A request without the capability never reaches an engine, whatever the policies: the core against a tiny model. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isCofferError, silentLogger } from '@coffer/base';
import { openEmbeddedStore, type Store } from '@coffer/store';
import fc from 'fast-check';
import { Barrier } from './barrier.ts';
import { createKeyring } from './keyring.ts';
import { type Core, createCore } from './core.ts';
import type { EngineFactory } from './engine.ts';
import type { IncomingRequest } from './logical.ts';
import { definePath } from './path.ts';

const CAPABILITIES = ['create', 'read', 'update', 'delete', 'list', 'sudo', 'deny'] as const;
type Capability = (typeof CAPABILITIES)[number];
interface Rule {
  readonly path: string;
  readonly capabilities: readonly Capability[];
}

/** What the documentation of policies says, in the fewest words: every pattern that matches, the most specific one wins. */
function modelAllows(rules: readonly Rule[], wanted: Capability, path: string, sudo: boolean): boolean {
  const asked = wanted === 'list' ? [`${path}/`, path] : [path];
  const matching = rules.filter((rule) => asked.some((each) => patternMatches(rule.path, each)));
  const winner = matching.reduce<Rule | undefined>(
    (best, rule) => (best && beats(best.path, rule.path) ? best : rule),
    undefined,
  );
  if (winner === undefined) return false;
  const granted = rules.filter((rule) => rule.path === winner.path).flatMap(({ capabilities }) => capabilities);
  return !granted.includes('deny') && granted.includes(wanted) && (!sudo || granted.includes('sudo'));
}

/** By hand, character for character, so that it has nothing in common with the server's regular expressions. */
function patternMatches(pattern: string, path: string): boolean {
  const glob = pattern.endsWith('*');
  const theirs = path.split('/');
  const mine = pattern.slice(0, glob ? -1 : undefined).split('/');
  if (glob ? theirs.length < mine.length : theirs.length !== mine.length) return false;
  return mine.every((segment, index) => {
    const other = theirs[index] ?? '';
    if (segment === '+') return other !== '';
    return glob && index === mine.length - 1 ? other.startsWith(segment) : other === segment;
  });
}

/** hashicorp/vault:website/content/docs/concepts/policies.mdx, "Priority matching", rule by rule. */
function beats(a: string, b: string): boolean {
  const firstWildcard = (path: string): number => {
    const segments = path.split('/');
    const plus = segments.indexOf('+');
    const plusAt = plus === -1 ? Infinity : segments.slice(0, plus).join('/').length + (plus > 0 ? 0 : -1);
    return Math.min(plusAt, path.endsWith('*') ? path.length - 1 : Infinity);
  };
  const plusses = (path: string): number => path.split('/').filter((segment) => segment === '+').length;
  const criteria: readonly (readonly [number, number])[] = [
    [firstWildcard(a), firstWildcard(b)],
    [Number(!a.endsWith('*')), Number(!b.endsWith('*'))],
    [-plusses(a), -plusses(b)],
    [a.length, b.length],
  ];
  for (const [mine, theirs] of criteria) if (mine !== theirs) return mine > theirs;
  return a > b;
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
      exists: async ({ path }: { path: string }) => this.existing.has(path),
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
const rule: fc.Arbitrary<Rule> = fc.record({
  path: pattern,
  capabilities: fc.uniqueArray(fc.constantFrom(...CAPABILITIES), { minLength: 1, maxLength: 5 }),
});
const asked = fc.record({
  path,
  operation: fc.constantFrom<IncomingRequest['operation']>('read', 'update', 'delete', 'list'),
  exists: fc.boolean(),
});

describe('policies', () => {
  let store: Store;
  let core: Core;
  const probe = new Probe();
  let serial = 0;

  before(async () => {
    store = await openEmbeddedStore({ path: ':memory:' });
    core = createCore({
      store,
      barrier: new Barrier(createKeyring()),
      engines: () => new Map([['probe', probe.factory]]),
      builtins: () => new Map(),
      builtinPlugins: [],
      logger: silentLogger,
    });
    await core.start();
    await core.services.mounts().enable('p', 'probe', {});
  });
  after(async () => {
    await core.stop();
    await store.close();
  });

  async function tokenWith(policies: readonly (readonly Rule[])[]): Promise<string> {
    const names: string[] = [];
    for (const rules of policies) {
      const name = `policy-${serial++}`;
      const body = rules.map(
        (each) => `path ${JSON.stringify(each.path)} { capabilities = ${JSON.stringify(each.capabilities)} }`,
      );
      await core.services.policies.put(name, body.join('\n'));
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

  async function isReached(token: string, request: Pick<IncomingRequest, 'operation' | 'path'>): Promise<boolean> {
    probe.reached = [];
    const path = request.operation === 'list' ? `${request.path}/` : request.path;
    try {
      await core.handle({ id: '', token, data: {}, remoteAddress: '', operation: request.operation, path });
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
          for (const { path, operation, exists } of requests) {
            const relative = path.slice('p/'.length);
            if (exists) probe.existing.add(relative);
            else probe.existing.delete(relative);
            const capability = operation === 'update' && !exists ? 'create' : (operation as Capability);
            const sudo = relative.startsWith('root/');
            const allowed = modelAllows(policies.flat(), capability, path, sudo);
            assert.equal(await isReached(token, { path, operation }), allowed, `${capability} ${path}`);
            counts[allowed ? 'reached' : 'refused']++;
          }
        },
      ),
      { numRuns: 400 },
    );
    // The generators must not make it trivially true.
    assert.ok(counts.reached > 100 && counts.refused > 100, JSON.stringify(counts));
  });

  it('let nothing through without a token, or with one that was never made', async () => {
    for (const token of ['', 'hvs.nothing']) {
      for (const operation of ['read', 'update', 'delete', 'list'] as const) {
        assert.equal(await isReached(token, { path: 'p/a', operation }), false);
      }
    }
  });
});
