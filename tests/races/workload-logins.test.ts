/** Logins with tokens of somebody else: what they are granted by is still there when theirs are made, or nothing is left of them. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { JsonObject } from '@coffer/base';
import { newKey, publicPem, seconds, signJwt } from '../auth/signed-jwt.ts';
import { accessors } from './race-server.ts';
import { assertRefused, NEW_TOKEN, type Races, type Sent, withEachStorage } from './races.ts';

const [key, another] = [newKey(), newKey()];

interface Method {
  readonly config: (pem: string) => JsonObject;
  readonly role: JsonObject;
  /** The login of a user that nobody has seen before. */
  readonly claims: (name: string) => JsonObject;
}
const METHODS: Readonly<Record<string, Method>> = {
  jwt: {
    config: (pem) => ({ jwt_validation_pubkeys: pem }),
    role: { role_type: 'jwt', user_claim: 'sub', bound_audiences: 'coffer', groups_claim: 'groups' },
    claims: (name) => ({ sub: name, groups: ['staff'] }),
  },
  kubernetes: {
    config: (pem) => ({ pem_keys: pem }),
    role: { bound_service_account_names: '*', bound_service_account_namespaces: '*', audience: 'coffer' },
    claims: (name) => ({ 'kubernetes.io': { namespace: 'shop', serviceaccount: { name, uid: `uid-of-${name}` } } }),
  },
};

withEachStorage((races) => {
  for (const [type, method] of Object.entries(METHODS)) {
    describe(`a login by ${type} gives no token and leaves no entity`, () => {
      const [mount, role, config] = [`sys/auth/${type}`, `auth/${type}/role/app`, `auth/${type}/config`];
      let users = 0;
      const login = (): Sent => {
        const claims = { aud: 'coffer', exp: seconds(300), iat: seconds(), ...method.claims(`user-${++users}`) };
        return ['POST', `auth/${type}/login`, { role: 'app', jwt: signJwt(key, claims) }, { token: '' }];
      };
      beforeEach(async () => {
        await races.api('DELETE', mount);
        await races.post(mount, { type });
        await races.post(config, method.config(publicPem(key)));
        await races.post(role, { ...method.role, token_policies: 'app' });
      });

      for (const [name, change] of [
        ['the role was deleted', () => races.api.ok('DELETE', role)],
        ['the role was changed', () => races.post(role, { token_policies: 'default' })],
        ['its networks were bound', () => races.post(role, { token_bound_cidrs: '192.0.2.0/24' })],
        ['the keys were changed', () => races.post(config, method.config(publicPem(another)))],
        ['the method was disabled', () => races.api.ok('DELETE', mount)],
        [
          'the method was disabled and another one enabled there',
          async () => {
            await races.api.ok('DELETE', mount);
            await races.post(mount, { type });
            await races.post(config, method.config(publicPem(key)));
            await races.post(role, { ...method.role, token_policies: 'app' });
          },
        ],
      ] as const) {
        it(`after ${name}`, async () => {
          const before = await everything(races);
          assertRefused(await races.held(NEW_TOKEN, login(), change), [403, /changed or deleted|disabled during/]);
          assert.deepEqual(await everything(races), before);
        });
      }

      it('that would outlive the method, however many come while it is disabled', async () => {
        const before = await everything(races);
        const disabled = Array.from({ length: 12 }, (_, index) =>
          index === 6 ? races.api('DELETE', mount) : races.api(...login()),
        );
        const answers = await Promise.all(disabled);
        assert.equal(answers[6]?.status, 204);
        assert.deepEqual((await everything(races)).tokens, before.tokens);
        const aliases = (await everything(races)).aliases;
        assert.deepEqual(aliases, before.aliases, 'an alias of a mount that is gone');
      });
    });
  }
});

/** What logins leave: accessors of tokens, and who is known by which alias. */
async function everything({ api }: Races): Promise<{ tokens: unknown; entities: unknown; aliases: unknown }> {
  const keys = async (path: string): Promise<unknown> => (await api('LIST', path)).data['keys'] ?? [];
  return {
    tokens: await accessors(api),
    entities: await keys('identity/entity/id'),
    aliases: await keys('identity/entity-alias/id'),
  };
}
