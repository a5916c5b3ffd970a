import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isCofferError } from '@coffer/base';
import { createCertificate } from './certificate.ts';
import { formatHandshake, handshakeAuthority, negotiateVersion, parseHandshake } from './handshake.ts';

describe('negotiateVersion', () => {
  it('takes the newest that both have, in whatever order they are asked for', () => {
    assert.equal(negotiateVersion([5, 6], '5,6'), 6);
    assert.equal(negotiateVersion([5, 6], '6,5'), 6);
    assert.equal(negotiateVersion([5, 6], '5,4'), 5);
  });
  it('falls back to the oldest, and lets the host report it', () => {
    assert.equal(negotiateVersion([5, 6], '7'), 5);
    assert.equal(negotiateVersion([6, 5], undefined), 5);
  });
});

describe('the handshake line', () => {
  const { certificateDer } = createCertificate();
  it('has six fields, and a seventh only when the host asked for broker multiplexing', () => {
    const line = formatHandshake({ protocolVersion: 6, socketPath: '/tmp/plugin1', certificateDer }, false);
    assert.match(line, /^1\|6\|unix\|\/tmp\/plugin1\|grpc\|[A-Za-z0-9+/]+$/);
    assert.match(
      formatHandshake({ protocolVersion: 5, socketPath: '/tmp/p' }, true),
      /^1\|5\|unix\|\/tmp\/p\|grpc\|\|false$/,
    );
  });
  it('is read back', () => {
    const line = formatHandshake({ protocolVersion: 6, socketPath: '/tmp/plugin1', certificateDer }, true);
    assert.deepEqual(parseHandshake(`${line}\r`, [5, 6]), {
      protocolVersion: 6,
      socketPath: '/tmp/plugin1',
      certificateDer,
    });
  });
  it('is refused with the reason', () => {
    const cases: [string, RegExp][] = [
      ['Usage: ls [file]', /^Unrecognized remote plugin message: Usage: ls \[file\]$/],
      ['', /^Unrecognized remote plugin message: $/],
      ['2|6|unix|/tmp/p|grpc|', /Incompatible core API version with plugin\. Plugin version: 2, Core version: 1/],
      ['1|4|unix|/tmp/p|grpc|', /Incompatible API version with plugin\. Plugin version: 4, Client versions: \[5 6\]/],
      ['1|5|tcp|127.0.0.1:1|grpc|', /Unknown address type: tcp/],
      ['1|5|unix|/tmp/p', /Unsupported plugin protocol "netrpc"/],
    ];
    for (const [line, message] of cases) {
      assert.throws(
        () => parseHandshake(line, [5, 6]),
        (e) => isCofferError(e, 'failed') && message.test(e.message),
        line,
      );
    }
  });
  it('without a certificate is no basis for a connection', () => {
    assert.throws(() => handshakeAuthority(parseHandshake('1|5|unix|/tmp/p|grpc|', [5])), /AutoMTLS/);
  });
});
