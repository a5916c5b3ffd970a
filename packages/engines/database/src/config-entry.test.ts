import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { roleAllowed } from './config-entry.ts';

describe('allowed roles', () => {
  it('are names, globs, or all', () => {
    assert.equal(roleAllowed(['*'], 'any'), true);
    assert.equal(roleAllowed([], 'any'), false);
    assert.equal(roleAllowed(['app-*', 'web'], 'app-1'), true);
    assert.equal(roleAllowed(['app-*', 'web'], 'web'), true);
    assert.equal(roleAllowed(['app-*', 'web'], 'web2'), false);
    assert.equal(roleAllowed(['a.c'], 'abc'), false);
  });
});
