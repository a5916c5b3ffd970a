/**
 * Random requests to every path of the API, with a token that may do everything and without one: whatever is in them, the
 * answer is one of Vault's and never a fault of ours, and the server goes on.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonValue } from '@coffer/base';
import { createCertificateAuthority } from '@coffer/testkit';
import fc from 'fast-check';
import { newKey, publicPem } from '../auth/signed-jwt.ts';
import { startTestServer, type TestServer } from '../dev-server.ts';
import { fuzz } from './fuzz-runs.ts';

let server: TestServer;
interface Endpoint {
  readonly path: string;
  readonly methods: readonly string[];
  readonly fields: readonly string[];
}
let endpoints: readonly Endpoint[];

/** They end the server, or the token that asks. */
const ENDING = /^\/(sys\/(seal|step-down)|auth\/token\/revoke-self)$/;

before(async () => {
  server = await startTestServer();
  for (const type of ['approle', 'userpass', 'jwt', 'oidc', 'kubernetes', 'cert'])
    await server.client.write(`sys/auth/${type}`, { type });
  await server.client.write('sys/mounts/database', { type: 'database' });
  await server.client.write('auth/userpass/users/ana', { password: 'p' });
  await server.client.write('auth/approle/role/web', {});
  const bound = { bound_service_account_names: 'ana', bound_service_account_namespaces: 'web' };
  const pem = publicPem(newKey());
  await server.client.write('auth/jwt/config', { jwt_validation_pubkeys: pem, default_role: 'web' });
  await server.client.write('auth/jwt/role/web', { role_type: 'jwt', user_claim: 'sub', bound_subject: 'ana' });
  await server.client.write('auth/kubernetes/config', { pem_keys: pem });
  await server.client.write('auth/kubernetes/role/web', bound);
  const { certificatePem: certificate } = await createCertificateAuthority();
  await server.client.write('auth/cert/certs/web', { certificate });
  const { body } = await server.client.request('GET', 'sys/internal/specs/openapi');
  const { paths } = body as unknown as { paths: Record<string, Record<string, unknown>> };
  endpoints = Object.entries(paths)
    // Answers for as long as somebody listens.
    .filter(([path]) => path !== '/sys/monitor')
    .filter(([path]) => !ENDING.test(path))
    .map(([path, description]) => ({
      path,
      methods: ['GET', 'LIST', 'PUT', 'DELETE'],
      fields: [...JSON.stringify(description).matchAll(/"([a-z_]{2,40})":\{"(?:type|description)/g)].map(
        ([, name]) => name ?? '',
      ),
    }));
  assert.ok(endpoints.length > 80, `${endpoints.length} paths`);
});
after(() => server.close());

const NASTY = [
  ...[
    "'",
    '"',
    "'; DROP TABLE tokens; --",
    '" OR ""="',
    '$1',
    '$$',
    '{{name}}',
    '{{',
    '%s%n',
    '%',
    '_',
    '\\',
    '\0',
    '\u202e',
  ],
  ...['..', '.', '/', '//', '*', '+', '?', '#', ' ', '', 'a'.repeat(3000), '\ud800', '\ufeff', 'é', 'İ', '__proto__'],
  ...[
    'constructor',
    'toString',
    'root',
    'default',
    'sys',
    'ana',
    'web',
    'database/',
    'userpass',
    '-1',
    '0',
    '1e999',
    'NaN',
  ],
  ...[
    '1h',
    '-1s',
    '9999999999h',
    'true',
    'null',
    '[]',
    '{}',
    '{"a":',
    '127.0.0.1/99',
    '${x}',
    'CREATE ROLE "',
    '=',
    'a=b,c',
  ],
];
const nasty = fc.oneof(fc.constantFrom(...NASTY), fc.string({ unit: 'binary', maxLength: 12 }));
const value: fc.Arbitrary<JsonValue> = fc.oneof(
  { weight: 6, arbitrary: nasty },
  {
    weight: 2,
    arbitrary: fc.constantFrom<JsonValue>(0, -1, 1.5, 1e308, 2 ** 53, true, false, null, [], {}, [[]], [null], {
      a: [],
    }),
  },
  { weight: 2, arbitrary: fc.array(nasty, { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.dictionary(nasty, nasty, { maxKeys: 3 }) },
);

const call = fc.record({
  endpoint: fc.nat(),
  method: fc.nat(),
  names: fc.array(nasty, { minLength: 4, maxLength: 4 }),
  fields: fc.array(fc.tuple(fc.nat(), value), { maxLength: 6 }),
  other: fc.option(fc.tuple(nasty, value)),
  token: fc.constantFrom('root', 'root', 'root', '', 'hvs.nobody'),
  wrap: fc.constantFrom('', '', '', '1', '5m', '-1', 'x', '99999999999999'),
});

/** What a run must come by: requests that never get further than one refusal would prove nothing. */
const STATUSES = [200, 204, 400, 403, 404, 405];

describe('random requests', () => {
  it('are answered, and none with a fault of ours', async () => {
    const statuses = new Map<number, number>();
    const someOfEach = (): boolean => STATUSES.every((status) => statuses.has(status));
    // One run in thirty or so comes by no 204: then another one goes on where it ended.
    for (let runs = 0; runs === 0 || (runs < 5 && !someOfEach()); runs++) {
      await fc.assert(
        fc.asyncProperty(call, async (given) => {
          const { status, text } = await send(given);
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
          assert.ok(!text.includes('internal error'), text);
        }),
        fuzz(400),
      );
    }
    assert.doesNotMatch(server.log(), /\[ERROR\].*internal error/);
    if (process.env['FUZZ_RUNS']) console.log(statuses, endpoints.length, endpoints.map((e) => e.fields.length).join());
    for (const status of STATUSES) assert.ok((statuses.get(status) ?? 0) > 0, `some ${status}`);
    assert.equal((await server.client.request('GET', 'sys/health')).status, 200);
  });
});

async function send(
  given: typeof call extends fc.Arbitrary<infer T> ? T : never,
): Promise<{ status: number; text: string }> {
  const { path, methods, fields } = endpoints[given.endpoint % endpoints.length] ?? assert.fail();
  const names = [...given.names];
  const filled = path.replaceAll(/\{[^}]+\}/g, () => encodeURIComponent(asName(names.shift() ?? 'x')));
  const method = methods[given.method % methods.length] ?? 'GET';
  const body: Record<string, JsonValue> = {};
  for (const [field, each] of given.fields) body[fields[field % Math.max(1, fields.length)] ?? 'x'] = each;
  if (given.other !== null) body[given.other[0]] = given.other[1];
  // Nobody is to wait for addresses that do not answer.
  if (path.includes('/config/')) Object.assign(body, { host: '127.0.0.1', port: '1' });
  const url = method === 'LIST' ? `${server.address}/v1${filled}?list=true` : `${server.address}/v1${filled}`;
  const response = await fetch(url, {
    method: method === 'LIST' ? 'GET' : method,
    headers: {
      ...(given.token !== '' && { 'x-vault-token': given.token }),
      ...(given.wrap !== '' && { 'x-vault-wrap-ttl': given.wrap }),
    },
    ...(method === 'PUT' && { body: JSON.stringify(body) }),
  });
  return { status: response.status, text: await response.text() };
}

/** A lone surrogate cannot be in a URL; "." and ".." would be taken out of it by the client. */
function asName(name: string): string {
  const whole = name.toWellFormed();
  return whole === '' || whole === '.' || whole === '..' ? 'x' : whole;
}
