/**
 * Random policies and random spellings of paths over HTTP: what `sys/capabilities-self` says, what a request does, and what the
 * documentation of policies says (hashicorp/vault:website/content/docs/concepts/policies.mdx) are the same.
 */
import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import fc from 'fast-check';
import { startTestServer, type TestServer } from '../dev-server.ts';
import { fuzz } from '../fuzz/fuzz-runs.ts';
import { type Api, apiAt, textOf } from './api.ts';

const agent = new Agent({ keepAlive: true });
let server: TestServer;
let api: Api;
before(async () => {
  server = await startTestServer();
  api = apiAt(server.address);
  for (const path of ['approle', 'Team/approle']) await api.ok('POST', `sys/auth/${path}`, { type: 'approle' });
});
after(async () => {
  agent.destroy();
  await server.close();
});

/** As written: `fetch` would put dots and backslashes in order before it sends a path. */
function send(method: string, path: string, token: string): Promise<{ status: number; body: string }> {
  const { hostname, port } = new URL(server.address);
  return new Promise((resolve, reject) => {
    const options = { hostname, port, method, path: `/v1/${path}`, agent, headers: { 'x-vault-token': token } };
    const sent = request(options, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    sent.on('error', reject);
    sent.end(method === 'POST' ? '{}' : undefined);
  });
}

/** The paths that are asked for: `folds` where the engine folds the name, `creates` where a write may be a `create`. */
const TARGETS = [
  { at: 'auth/approle/role', name: true, folds: true, creates: true, methods: ['GET', 'POST', 'DELETE'] },
  { at: 'auth/Team/approle/role', name: true, folds: true, creates: true, methods: ['GET', 'POST', 'DELETE'] },
  { at: 'auth/approle/role', methods: ['LIST'] },
  { at: 'auth/token/roles', name: true, creates: true, methods: ['GET', 'POST', 'DELETE'] },
  { at: 'auth/token/roles', methods: ['LIST'] },
  { at: 'auth/token/accessors', sudo: true, methods: ['LIST'] },
  { at: 'sys/policies/acl', name: true, folds: true, methods: ['GET', 'DELETE', 'POST'] },
  { at: 'sys/auth', name: true, sudo: true, methods: ['GET'] },
  { at: 'sys/mounts', methods: ['GET'] },
] as const;
const NAMES = [
  'boss',
  'Boss',
  'BOSS',
  'bo',
  'straße',
  'STRASSE',
  '\u212aim',
  'kim',
  'e\u0301',
  '\u00e9',
  '\u0130',
  'a+b',
  'a*',
  'a b',
];

type Target = (typeof TARGETS)[number];
interface Asked {
  readonly target: Target;
  readonly method: string;
  readonly name: string;
  /** Letters by number that are sent percent-encoded. */
  readonly encoded: readonly number[];
  readonly ending: string;
}
interface Rule {
  readonly path: string;
  readonly capabilities: readonly string[];
}

const asked: fc.Arbitrary<Asked> = fc.constantFrom(...TARGETS).chain((target) =>
  fc.record({
    target: fc.constant<Target>(target),
    method: fc.constantFrom<string>(...target.methods),
    name: fc.constantFrom(...NAMES),
    encoded: fc.array(fc.nat(40), { maxLength: 4 }),
    ending: fc.oneof(
      { arbitrary: fc.constant(''), weight: 3 },
      { arbitrary: fc.constantFrom('/', '%2f', '//', '/.', '/..', '%00', '\\..', '/%2e%2e/boss'), weight: 1 },
    ),
  }),
);

/** What a target is called by, with some of it left to wildcards. */
const pattern = fc
  .tuple(
    fc.constantFrom(...TARGETS),
    fc.constantFrom(...NAMES),
    fc.array(fc.nat(5), { maxLength: 2 }),
    fc.nat(30),
    fc.nat(5),
  )
  .map(([target, name, plusses, cut, kind]) => {
    const segments = `${target.at}/${name}`.split('/');
    for (const at of plusses) if (at < segments.length) segments[at] = '+';
    const path = segments.join('/');
    if (kind < 3) return path;
    return kind === 3 ? target.at : `${path.slice(0, cut).replace(/\+$/, '')}*`;
  });
const CAPABILITIES = ['create', 'read', 'update', 'delete', 'list', 'sudo'];
const rule: fc.Arbitrary<Rule> = fc.record({
  path: pattern,
  capabilities: fc.oneof(
    { arbitrary: fc.constant(['deny']), weight: 1 },
    { arbitrary: fc.subarray(CAPABILITIES), weight: 2 },
    { arbitrary: fc.constant(CAPABILITIES), weight: 2 },
  ),
});

function matches(pattern: string, path: string): boolean {
  const prefix = pattern.endsWith('*');
  const literal = (prefix ? pattern.slice(0, -1) : pattern)
    .split('/')
    .map((segment) => (segment === '+' ? '[^/]*' : segment.replace(/[*+.\\]/g, '\\$&')))
    .join('/');
  return new RegExp(`^${literal}${prefix ? '' : '$'}`, 'su').test(path);
}

/** Of all patterns that match, the one with the highest priority; of rules for the same, all together, and deny wins. */
function modelCapabilities(rules: readonly Rule[], path: string): readonly string[] {
  const wildcards = (each: string): number[] =>
    [...each.matchAll(/(?<=^|\/)\+(?=\/|\*?$)|\*$/g)].map(({ index }) => index);
  const rank = (each: string): readonly number[] => [
    wildcards(each)[0] === undefined ? Infinity : Buffer.byteLength(each.slice(0, wildcards(each)[0])),
    each.endsWith('*') ? 0 : 1,
    -wildcards(each).filter((at) => each[at] === '+').length,
    Buffer.byteLength(each),
  ];
  const best = (some: string): string | undefined =>
    rules
      .map((each) => each.path)
      .filter((each) => (wildcards(each).length === 0 ? each === some : matches(each, some)))
      .sort((a, b) => {
        const differs = rank(a).findIndex((value, at) => value !== rank(b)[at]);
        if (differs === -1) return Buffer.from(a).compare(Buffer.from(b));
        return (rank(a)[differs] ?? 0) - (rank(b)[differs] ?? 0);
      })
      .at(-1);
  const exactly = (some: string): string | undefined => rules.find((each) => each.path === some)?.path;
  const folder = path.replace(/\/$/, '');
  const winner = exactly(path) ?? exactly(folder) ?? best(folder) ?? best(path);
  const granted = rules.filter((each) => each.path === winner).flatMap(({ capabilities }) => capabilities);
  return granted.length === 0 || granted.includes('deny') ? ['deny'] : [...new Set(granted)].sort();
}

/** `toLowerCase` of a part is that of the whole, but for a Greek letter that is not among the names. */
function modelFolded(rules: readonly Rule[], path: string, folds: boolean): readonly string[] {
  const sent = modelCapabilities(rules, path);
  if (!folds) return sent;
  const lower = rules.map((each) => ({ ...each, path: each.path.toLowerCase() }));
  const folded = modelCapabilities(lower, path.toLowerCase());
  const both = sent.filter((each) => folded.includes(each));
  return both.length === 0 ? ['deny'] : both;
}

let made = 0;
async function tokenWith(rules: readonly Rule[]): Promise<string> {
  const name = `rules-${++made}`;
  await api.ok('PUT', `sys/policies/acl/${name}`, {
    policy: JSON.stringify({ path: rules.map(({ path, capabilities }) => ({ [path]: { capabilities } })) }),
  });
  const body = { policies: [name, 'asks'], no_default_policy: true };
  return textOf((await api.ok('POST', 'auth/token/create', body)).auth['client_token']);
}

interface SentPath {
  readonly sent: string;
  /** What it means; nothing for one that is refused as such. */
  readonly meant: string | undefined;
}

function pathOf({ target, method, name, encoded, ending }: Asked): SentPath {
  const plain = 'name' in target ? `${target.at}/${name}` : target.at;
  const sent = Array.from(plain, (character, at) => {
    if (character === '/' && !encoded.includes(at)) return character;
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x80 && encoded.includes(at)) return `%${code.toString(16).padStart(2, '0')}`;
    return character === '/' ? character : encodeURIComponent(character);
  }).join('');
  const decoded = ending === '%2f' ? '/' : ending;
  const malformed = !['', '/', '\\..'].includes(decoded) || (method === 'POST' && decoded === '/');
  const slash = method === 'LIST' && decoded !== '/' ? '/' : '';
  return { sent: sent + ending, meant: malformed ? undefined : plain + decoded + slash };
}

/** What is needed for a request, whatever comes of it then. */
async function neededFor({ target, method, name, ending }: Asked): Promise<readonly string[]> {
  // What has no name in it is another path with such an ending.
  const sudo = 'sudo' in target && ('name' in target || ending !== '\\..') ? ['sudo'] : [];
  if (method !== 'POST') return [...sudo, { GET: 'read', LIST: 'list', DELETE: 'delete' }[method] ?? ''];
  if (!('creates' in target)) return [...sudo, 'update'];
  return [(await api('GET', `${target.at}/${encodeURIComponent(name + ending)}`)).status === 404 ? 'create' : 'update'];
}

describe('policies over HTTP', () => {
  it('do what they say, and say what they do, in every spelling of a path', async () => {
    await api.ok('PUT', 'sys/policies/acl/asks', {
      policy: 'path "sys/capabilities-self" { capabilities = ["update"] }',
    });
    const counts = { allowed: 0, denied: 0, malformed: 0 };
    const check = async (rules: readonly Rule[], token: string, each: Asked, said: JsonObject): Promise<void> => {
      const { sent, meant } = pathOf(each);
      const needed = await neededFor(each);
      const { status, body } = await send(each.method, sent, token);
      const what = `${each.method} ${sent}: ${status} ${body}\n${JSON.stringify(rules)}`;
      if (meant === undefined) {
        counts.malformed++;
        assert.equal(status, 400, what);
      } else if (each.method !== 'LIST' && meant.endsWith('/')) {
        // A folder: capabilities are told as of a list.
        assert.ok(status === 403 || status === 404, what);
      } else {
        const capabilities = modelFolded(rules, meant, 'folds' in each.target);
        assert.deepEqual(said[meant], capabilities, what);
        const allowed = needed.every((capability) => capabilities.includes(capability));
        counts[allowed ? 'allowed' : 'denied']++;
        assert.equal(status !== 403, allowed, what);
      }
    };
    await fc.assert(
      fc.asyncProperty(
        fc.array(rule, { minLength: 1, maxLength: 6 }),
        fc.array(asked, { minLength: 1, maxLength: 12 }),
        async (rules, requests) => {
          const token = await tokenWith(rules);
          const paths = ['sys', ...requests.map((each) => pathOf(each).meant ?? 'sys')];
          const { data } = await api.ok('POST', 'sys/capabilities-self', { paths }, { token });
          for (const each of requests) await check(rules, token, each, data);
        },
      ),
      fuzz(80),
    );
    // The generators must not make it trivially true.
    assert.ok(Math.min(...Object.values(counts)) > 30, JSON.stringify(counts));
  });
});
