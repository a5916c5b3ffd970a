import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  canonicalPluginVersion,
  comparePluginVersions,
  isBuiltinPluginVersion,
  isSamePluginVersion,
} from './plugin-version.ts';

describe('a version of a plugin', () => {
  it('has one form', () => {
    for (const [text, canonical] of [
      ['', ''],
      ['1', 'v1.0.0'],
      ['v1.2', 'v1.2.0'],
      ['01.002.3', 'v1.2.3'],
      ['1.2.3.4', 'v1.2.3.4'],
      ['1.2.3-beta.1+build.7', 'v1.2.3-beta.1+build.7'],
      ['v1.2.3+ent.hsm', 'v1.2.3+ent.hsm'],
    ] as const) {
      assert.equal(canonicalPluginVersion(text), canonical);
    }
  });
  it('is nothing else', () => {
    for (const text of [
      'v',
      'one',
      '1.',
      '.1',
      '1..2',
      '1.2.3beta',
      '1.2.3-',
      '1.2.3+',
      ' 1',
      '1\n',
      'V1',
      '9007199254740993',
    ]) {
      assert.throws(() => canonicalPluginVersion(text), {
        message: `version ${JSON.stringify(text)} is not a valid semantic version: malformed version: ${text}`,
      });
    }
  });
  it('has a place in the order of all', () => {
    // semver.org's own example, among others; what is no version is older than any.
    const ordered = [
      'junk',
      '0.9',
      '1.0.0-alpha',
      '1.0.0-alpha.1',
      '1.0.0-alpha.beta',
      '1.0.0-beta',
      '1.0.0-beta.2',
      '1.0.0-beta.11',
      '1.0.0-rc.1',
      'v1.0.0',
      'v1.0.0.1',
      '1.9.0',
      '1.10.0',
      '1.10.1',
      'v2',
    ];
    for (const [left, one] of ordered.entries()) {
      for (const [right, other] of ordered.entries()) {
        assert.equal(Math.sign(comparePluginVersions(one, other)), Math.sign(left - right), `${one} and ${other}`);
      }
    }
    assert.equal(comparePluginVersions('1.0+a', 'v1.0.0+b'), 0, 'metadata does not count');
  });
  it('is the same however it is written, and metadata tells it apart', () => {
    assert.ok(isSamePluginVersion('1.2', 'v1.2.0'));
    assert.ok(isSamePluginVersion('junk', 'junk'));
    assert.ok(!isSamePluginVersion('junk', 'other'));
    assert.ok(!isSamePluginVersion('1.2.0', '1.2.0+a'));
    assert.ok(!isSamePluginVersion('', '0.0.0'));
  });
  it('is of a built-in by its metadata', () => {
    assert.ok(isBuiltinPluginVersion('v1.0.0+builtin'));
    assert.ok(isBuiltinPluginVersion('1.0.0+ent.builtin.vault'));
    for (const text of ['1.0.0-builtin', '1.0.0+builtins', '1.0.0', '', 'builtin'])
      assert.ok(!isBuiltinPluginVersion(text));
  });
});
