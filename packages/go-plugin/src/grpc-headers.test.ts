import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { GrpcError, grpcStatus } from './grpc-error.ts';
import * as headers from './grpc-headers.ts';

const unicode = fc.string({ unit: 'binary' });

describe('a status message', () => {
  it('survives the wire, whatever is in it', () => {
    fc.assert(
      fc.property(unicode, (text) => {
        const encoded = headers.encodeStatusMessage(text);
        assert.match(encoded, /^[\x20-\x7e]*$/);
        assert.equal(headers.decodeStatusMessage(encoded), text.toWellFormed());
      }),
    );
  });
  it('is encoded as gRPC has it', () => {
    assert.equal(headers.encodeStatusMessage('50% of "ü"\n'), '50%25 of "%C3%BC"%0A');
  });
  it('is never lost when its escapes are wrong', () => {
    assert.equal(headers.decodeStatusMessage('100% %zz %C3%BC %'), '100% %zz ü %');
    fc.assert(fc.property(unicode, (text) => typeof headers.decodeStatusMessage(text) === 'string'));
  });
});

describe('a status', () => {
  it('is read from trailers', () => {
    for (const code of Object.values(grpcStatus)) {
      assert.deepEqual(headers.readStatus(headers.statusHeaders(code, 'why ü')), { code, details: 'why ü' });
    }
    assert.equal(headers.readStatus({}), undefined);
    for (const unknown of ['17', '-1', 'x', '']) {
      assert.equal(headers.readStatus({ 'grpc-status': unknown })?.code, grpcStatus.UNKNOWN);
    }
  });
});

describe('a timeout', () => {
  it('is read in every unit', () => {
    const cases = { '1H': 3_600_000, '2M': 120_000, '3S': 3000, '40m': 40, '500u': 0.5, '1000000n': 1 };
    for (const [text, milliseconds] of Object.entries(cases)) assert.equal(headers.readTimeout(text), milliseconds);
    assert.equal(headers.readTimeout(undefined), undefined);
  });
  it('is refused when it is malformed', () => {
    for (const text of ['', '5', 'S', '-1S', '1s', '123456789S', '1.5S', ' 1S']) {
      assert.throws(
        () => headers.readTimeout(text),
        (e) => e instanceof GrpcError && e.code === grpcStatus.INTERNAL,
        text,
      );
    }
  });
  it('is written so that it is never shorter', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e13, noNaN: true }), (timeoutMs) => {
        const written = headers.readTimeout(headers.formatTimeout(timeoutMs)) ?? 0;
        assert.ok(written >= Math.min(timeoutMs, 99_999_999_000));
      }),
    );
  });
});

describe('metadata', () => {
  it('keeps every value of a key apart', () => {
    const raw = [
      ':path',
      '/x',
      'multiplex_id',
      'a',
      'multiplex_id',
      'b',
      'key-bin',
      'AQI,Aw==',
      'other',
      'multiplex_id',
    ];
    const metadata = headers.readMetadata(raw);
    assert.deepEqual(metadata.get('multiplex_id'), ['a', 'b']);
    assert.deepEqual(metadata.get('key-bin'), [Buffer.from([1, 2]), Buffer.from([3])]);
    assert.deepEqual(metadata.get('none'), []);
  });
});

describe('a content type', () => {
  it('is that of gRPC with protobuf', () => {
    for (const value of [
      'application/grpc',
      'application/grpc+proto',
      'application/grpc;charset=utf-8',
      'Application/gRPC',
    ]) {
      assert.equal(headers.isGrpcContentType(value), true, value);
    }
    for (const value of [
      undefined,
      '',
      'application/json',
      'application/grpc+json',
      'application/grpcx',
      ['application/grpc'],
    ]) {
      assert.equal(headers.isGrpcContentType(value), false, String(value));
    }
  });
});
