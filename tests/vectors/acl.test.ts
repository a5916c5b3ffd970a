/** Vault's own answers about policies (README.md): every one, without exception. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type JsonObject, isCofferError } from '@coffer/base';
import { type Acl, createAcl, type PathRule, parsePolicy } from '@coffer/core';
import { vectorsOf } from './vectors.ts';

interface AclVector {
  readonly policies: readonly string[];
  readonly refused: readonly boolean[];
  readonly capabilities?: Readonly<Record<string, readonly string[]>>;
  readonly requests?: readonly {
    readonly operation: Parameters<Acl['allows']>[0];
    readonly path: string;
    readonly data?: JsonObject;
    readonly wrap_ttl?: number;
    readonly allowed: boolean;
  }[];
}

function parsed(text: string): readonly PathRule[] | undefined {
  try {
    return parsePolicy(text);
  } catch (thrown) {
    assert.ok(isCofferError(thrown, 'invalid-request'), String(thrown));
    return undefined;
  }
}

describe('policies agree with Vault', () => {
  for (const [name, least] of [
    ['acl-plain', 3000],
    ['acl-params', 3500],
    ['acl-wrap', 800],
  ] as const) {
    it(`about ${name}`, () => {
      let requests = 0;
      for (const vector of vectorsOf<AclVector>(name)) {
        const policies = vector.policies.map(parsed);
        const text = vector.policies.join('\n');
        assert.deepEqual(
          policies.map((rules) => rules === undefined),
          vector.refused,
          text,
        );
        const acl = createAcl(policies.flatMap((rules) => rules ?? []));
        for (const [path, wanted] of Object.entries(vector.capabilities ?? {})) {
          assert.deepEqual(acl.capabilities(path), wanted, `${path}\n${text}`);
        }
        for (const { operation, path, data = {}, wrap_ttl: wrapTtl = 0, allowed } of vector.requests ?? []) {
          const got = acl.allows(operation, path, data, false, wrapTtl);
          assert.equal(got, allowed, `${operation} ${path} ${JSON.stringify(data)} ${wrapTtl}\n${text}`);
          requests++;
        }
      }
      assert.ok(requests > least, `${requests} requests`);
    });
  }
});
