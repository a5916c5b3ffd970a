import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loginCidrs } from './login.ts';
import { NEW_TOKEN_PARAMETERS } from './token-parameters.ts';

describe('the networks of a login', () => {
  const of = (role: string[], own: string[], remoteAddress: string, strictlyBindIp = false) =>
    loginCidrs({
      parameters: { ...NEW_TOKEN_PARAMETERS, boundCidrs: role, strictlyBindIp },
      boundCidrs: own,
      remoteAddress,
    });

  it('are those that role and credential both allow', () => {
    assert.deepEqual(of([], [], '10.0.0.1'), []);
    assert.deepEqual(of(['10.0.0.0/8'], [], '10.0.0.1'), ['10.0.0.0/8']);
    assert.deepEqual(of([], ['10.1.0.0/16'], '10.0.0.1'), ['10.1.0.0/16']);
    assert.deepEqual(of(['10.0.0.0/8'], ['10.1.0.0/16', '11.0.0.0/8'], '10.0.0.1'), ['10.1.0.0/16']);
    assert.throws(() => of(['10.0.0.0/8'], ['11.0.0.0/8'], '10.0.0.1'), { code: 'permission-denied' });
  });

  it('are the address alone when it is bound strictly, and only if they allow it', () => {
    assert.deepEqual(of([], [], '10.0.0.1', true), ['10.0.0.1/32']);
    assert.deepEqual(of(['10.0.0.0/8'], ['10.0.0.0/16'], '10.0.0.1', true), ['10.0.0.1/32']);
    assert.deepEqual(of([], [], 'fe80::1%eth0', true), ['fe80::1/128']);
    assert.deepEqual(of(['10.0.0.0/8'], [], '', true), ['10.0.0.0/8']);
    assert.throws(() => of([], ['10.1.0.0/16'], '10.0.0.1', true), { code: 'permission-denied' });
  });
});
