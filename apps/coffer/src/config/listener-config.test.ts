import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseServerConfig } from './server-config.ts';

const STORAGE = 'storage "file" { path = "/var/lib/coffer" }';
const parse = (listeners: string) => parseServerConfig(`${listeners}\n${STORAGE}`, 'c.hcl').listeners;
const tcp = (keys: string) => parse(`listener "tcp" {\n${keys}\ntls_disable = true\n}`)[0];
const tls = (keys: string) => parse(`listener "tcp" {\n${keys}\ntls_cert_file = "c"\ntls_key_file = "k"\n}`)[0];

describe('a listener', () => {
  it('is one of several, on TCP or on a Unix socket', () => {
    const [first, second, third] = parse(`
      listener "unix" {
        address      = "/run/coffer/coffer.sock"
        socket_mode  = "0660"
        socket_user  = "coffer"
        socket_group = "1001"
      }
      listener "tcp" { address = "127.0.0.1:8300", tls_disable = 1 }
      listener "unix" { }`);
    assert.deepEqual(first, {
      socket: { path: '/run/coffer/coffer.sock', mode: 0o660, user: 'coffer', group: '1001' },
    });
    assert.deepEqual(second, { host: '127.0.0.1', port: 8300 });
    assert.deepEqual(third, { socket: { path: '/run/vault.sock' } });
  });

  it('has its type in its label or in the key "type", as Vault takes it', () => {
    const plain = 'address = "127.0.0.1:8300", tls_disable = true';
    const expected = [{ host: '127.0.0.1', port: 8300 }];
    assert.deepEqual(parse(`listener { type = "tcp", ${plain} }`), expected);
    assert.deepEqual(parse(`listener "TCP" { ${plain} }`), expected);
    assert.deepEqual(parse(`listener "unix" { type = "Tcp", ${plain} }`), expected);
    const json = (listener: unknown) =>
      parseServerConfig(JSON.stringify({ listener, storage: { file: { path: '/x' } } }), 'c.json').listeners;
    const body = { address: '127.0.0.1:8300', tls_disable: true };
    assert.deepEqual(json({ type: 'tcp', ...body }), expected);
    assert.deepEqual(json([{ tcp: body }, { type: 'unix' }]), [...expected, { socket: { path: '/run/vault.sock' } }]);
    for (const [wrong, at] of [
      ['listener { address = "127.0.0.1:8300" }', '1:12: "listener" takes 1 label, as in listener "label" { … }'],
      ['listener { type = "udp" }', '1:1: the types of listener are "tcp" and "unix"'],
      ['listener "tcp" { type = 7, tls_disable = true }', '1:25: "type" must be a string, not a number'],
    ] as const) {
      assert.throws(() => parse(wrong), { message: `c.hcl:${at}` });
    }
  });

  it('has an address of its own', () => {
    const two = (first: string, second: string) =>
      parse(`listener "tcp" {\naddress = "${first}"\ntls_disable = 1\n}
listener "tcp" {\naddress = "${second}"\ntls_disable = 1\n}`).length;
    for (const [first, second] of [
      ['127.0.0.1:8200', '127.0.0.1:8200'],
      [':8200', '127.0.0.1:8200'],
      ['10.0.0.1:8200', '0.0.0.0:8200'],
      ['[::]:8200', '10.0.0.1:8200'],
      ['[::1]:8200', '[0:0:0:0:0:0:0:1]:8200'],
      ['Coffer.example.com:8200', 'coffer.example.com:8200'],
    ] as const) {
      assert.throws(
        () => two(first, second),
        /^[^\n]*c\.hcl:6:11: the listener at c\.hcl:1:1 already has this address$/,
      );
    }
    for (const [first, second] of [
      ['127.0.0.1:8200', '127.0.0.1:8300'],
      ['127.0.0.1:8200', '127.0.0.2:8200'],
      ['127.0.0.1:0', '127.0.0.1:0'],
      ['[::1]:8200', '0.0.0.0:8200'],
    ] as const) {
      assert.equal(two(first, second), 2);
    }
    const byDefault = 'listener "tcp" { tls_disable = 1 }';
    assert.throws(() => parse(`${byDefault}\n${byDefault}`), /c\.hcl:2:1: the listener at c\.hcl:1:1 already has this/);
    const sockets = 'listener "unix" { address = "/run/c.sock" }\nlistener "unix" { address = "/run//./c.sock" }';
    assert.throws(
      () => parse(sockets),
      /c\.hcl:2:\d+: the socket of a listener has the same path as the socket of a listener at/,
    );
    for (const [keys, said] of [
      ['log_file = "/var/lib/coffer"', /c\.hcl:3:\d+: the store has the same path as "log_file" at c\.hcl:2:12/],
      ['log_file = "/run/c", pid_file = "/run/c"', /"pid_file" has the same path as "log_file"/],
      ['pid_file = "/run/vault.sock"\nlistener "unix" { }', /the socket of a listener has the same path as "pid_file"/],
    ] as const) {
      assert.throws(() => parse(`${byDefault}\n${keys}`), said);
    }
    assert.equal(parse(`${byDefault}\nlog_file = "/var/log/", pid_file = "/run/c"`).length, 1);
  });

  it('speaks TLS as it is told', () => {
    assert.deepEqual(tls('')?.tls, { certFile: 'c', keyFile: 'k' });
    assert.equal(tls('')?.tlsRules, undefined);
    const strict = tls(`
      tls_min_version = "tls13"
      tls_max_version = "tls13"
      tls_key_exchange_preferences = ["X25519MLKEM768", "CurveP256"]
      tls_require_and_verify_client_cert = "true"
      tls_client_ca_file = "/etc/ca.pem"`);
    assert.deepEqual(strict?.tlsRules, {
      minVersion: 'TLSv1.3',
      maxVersion: 'TLSv1.3',
      groups: ['X25519MLKEM768', 'P-256'],
      clientCertificates: 'require',
    });
    assert.equal(strict?.tls?.clientCaFile, '/etc/ca.pem');
    assert.equal(tls('tls_disable_client_certs = 1')?.tlsRules?.clientCertificates, 'none');
    assert.deepEqual(
      tls('tls_cipher_suites = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256"')?.tlsRules?.ciphers,
      [
        'TLS_AES_128_GCM_SHA256',
        'TLS_AES_256_GCM_SHA384',
        'TLS_CHACHA20_POLY1305_SHA256',
        'ECDHE-RSA-AES256-GCM-SHA384',
      ],
    );
  });

  it('takes the word of the proxies that are named', () => {
    const strict = { hopSkips: 0, rejectNotPresent: true, rejectNotAuthorized: true };
    assert.deepEqual(tcp('x_forwarded_for_authorized_addrs = "10.0.0.0/8, ::1"')?.forwardedFor, {
      authorized: ['10.0.0.0/8', '::1/128'],
      ...strict,
    });
    const all = tcp(`
      x_forwarded_for_authorized_addrs = ["10.1.2.3"]
      x_forwarded_for_hop_skips = "1"
      x_forwarded_for_reject_not_present = "false"
      x_forwarded_for_reject_not_authorized = false
      x_forwarded_for_client_cert_header = "X-Client-Cert"
      x_forwarded_for_client_cert_header_decoders = "URL,DER"`);
    assert.deepEqual(all?.forwardedFor, {
      authorized: ['10.1.2.3/32'],
      hopSkips: 1,
      rejectNotPresent: false,
      rejectNotAuthorized: false,
      certificates: { header: 'x-client-cert', decoders: ['URL', 'DER'] },
    });
  });

  it('has its own limits and times; 0 and less are the default', () => {
    const limits = tcp(`
      max_request_size = 1024
      max_request_json_strings = "50"
      max_request_json_memory = 4096
      max_json_depth = 5
      max_json_string_value_length = 100
      http_read_header_timeout = "5s"
      http_read_timeout = 20
      http_write_timeout = "1m"
      http_idle_timeout = "5m"
      disable_request_limiter = true`)?.limits;
    assert.deepEqual(limits, {
      maxBodyBytes: 1024,
      jsonStrings: 50,
      jsonMemoryBytes: 4096,
      jsonDepth: 5,
      jsonStringBytes: 100,
      headersTimeoutMs: 5000,
      requestTimeoutMs: 20_000,
      responseTimeoutMs: 60_000,
      idleTimeoutMs: 300_000,
      unlimited: true,
    });
    assert.equal(tcp('max_request_size = 0\nhttp_write_timeout = 0\nmax_request_json_memory = -1')?.limits, undefined);
  });

  it('opens what its stanzas say, and leaves out what it is told to', () => {
    const opened = (keys: string) => tcp(keys)?.unauthenticatedAccess;
    assert.deepEqual(opened('telemetry { unauthenticated_metrics_access = true }'), ['metrics']);
    for (const stanza of ['inflight_requests_logging', 'profiling']) {
      assert.deepEqual(opened(`${stanza} { unauthenticated_in_flight_requests_access = "true" }`), ['in-flight-req']);
    }
    assert.deepEqual(opened('profiling { unauthenticated_in_flight_request_access = true }'), ['in-flight-req']);
    assert.equal(opened('profiling { unauthenticated_pprof_access = false }'), undefined);
    assert.equal(tcp('telemetry { disallow_metrics = true }')?.metrics, 'disallowed');
    assert.equal(tcp('telemetry { metrics_only = true }')?.metrics, 'only');
    assert.deepEqual(tcp('redact_version = true\nredact_addresses = "1"\nredact_cluster_name = false')?.redacted, [
      'addresses',
      'version',
    ]);
  });

  it('adds headers to answers, joined as Vault joins them', () => {
    const headers = tcp(`custom_response_headers {
      "default" = { "Content-Security-Policy" = ["default-src 'none'", "frame-ancestors 'none'"] }
      "4xx" { "X-Kind" = ["client"] }
      "404" = { "X-Kind" = [" none ", ""], "X-Empty" = [""] }
    }`)?.responseHeaders;
    assert.deepEqual(headers, {
      default: [['Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'"]],
      '4xx': [['X-Kind', 'client']],
      '404': [['X-Kind', 'none']],
    });
  });

  it('warns of each key that changes nothing, with its line', () => {
    for (const key of [
      'cluster_address = "127.0.0.1:8201"',
      'tls_prefer_server_cipher_suites = true',
      'max_json_token = 5',
      'max_token_header_size = 100',
      'tls_client_ca_file = "x"',
      'x_forwarded_for_hop_skips = 1',
    ]) {
      const [warning = '', more] = tls(key)?.warnings ?? [];
      assert.match(warning, new RegExp(`^c\\.hcl:2:\\d+: "${key.split(' ')[0]}" has no effect`), key);
      assert.equal(more, undefined);
    }
    assert.equal(tls('disable_replication_status_endpoints = true')?.warnings, undefined);
  });

  for (const [keys, message] of [
    ['tls_min_version = "tls10"', /'tls_min_version' value "tls10" not supported: TLS 1.0 and 1.1 are broken/],
    ['tls_max_version = "ssl3"', /'tls_max_version' value "ssl3" not supported, please specify one of/],
    ['tls_min_version = "tls13"\ntls_max_version = "tls12"', /'tls_max_version' must be greater than or equal to/],
    ['tls_cipher_suites = "TLS_RSA_WITH_RC4_128_SHA"', /unsupported cipher "TLS_RSA_WITH_RC4_128_SHA"/],
    ['tls_key_exchange_preferences = ["P-256"]', /'tls_key_exchange_preferences' value "P-256" not supported/],
    ['tls_disable_client_certs = true\ntls_require_and_verify_client_cert = true', /are mutually exclusive/],
    ['tls_disable = true\ntls_require_and_verify_client_cert = true', /needs TLS/],
    ['proxy_protocol_behavior = "use_always"', /"proxy_protocol_behavior" is not supported: .*X-Forwarded-For/],
    ['chroot_namespace = "a"', /"chroot_namespace" is not supported/],
    ['cors_enabled = true', /"cors_enabled" is not supported/],
    ['require_request_header = true', /"require_request_header" is not supported/],
    ['tls_auto_reload = true', /"tls_auto_reload" is not supported: .*SIGHUP/],
    ['tls_acme_email = "a@b"', /"tls_acme_email" is not supported/],
    ['agent_api { enable_quit = true }', /"agent_api" is not supported: it belongs to Vault's agent/],
    ['socket_mode = "0600"', /"socket_mode" is for listener "unix"/],
    ['max_request_sise = 1', /"max_request_sise" is not known here/],
    ['max_request_size = "big"', /"max_request_size" must be a number/],
    ['max_request_size = 1.5', /"max_request_size" must be a whole number/],
    ['http_idle_timeout = "-1s"', /"http_idle_timeout" must be a duration/],
    ['x_forwarded_for_authorized_addrs = "example.com"', /error parsing field "x_forwarded_for_authorized_addrs"/],
    ['x_forwarded_for_authorized_addrs = []', /must name at least one address/],
    ['x_forwarded_for_authorized_addrs = "::1"\nx_forwarded_for_hop_skips = -1', /hop_skips cannot be negative/],
    [
      'x_forwarded_for_client_cert_header = "a"\nx_forwarded_for_client_cert_header_decoders = "URL"',
      /forwarding is not enabled/,
    ],
    ['x_forwarded_for_client_cert_header = "a"', /no x_forwarded_for_client_cert_header_decoders were set/],
    [
      'x_forwarded_for_client_cert_header = "a"\nx_forwarded_for_client_cert_header_decoders = "DER,URL"',
      /only function as the final decoder/,
    ],
    ['telemetry { unauthenticated = true }', /"unauthenticated" is not known here/],
    ['telemetry { disallow_metrics = true, metrics_only = true }', /not both/],
    ['profiling { unauthenticated_pprof_access = true }', /there is no sys\/pprof/],
    ['custom_response_headers { "6xx" = { a = ["b"] } }', /invalid status code found/],
    ['custom_response_headers { default = { "X-Vault-Token" = ["b"] } }', /starting with X-Vault are not valid/],
    ['custom_response_headers { default = { "Content-Length" = ["1"] } }', /is set by the server/],
    ['custom_response_headers { default = { "X-A" = ["a\\r\\nSet-Cookie: b"] } }', /must contain printable characters/],
    ['redact_version = "perhaps"', /"redact_version" must be true or false/],
  ] as const) {
    it(`refuses ${keys.replaceAll('\n', ', ')}`, () => {
      const listener = `listener "tcp" {\n${keys}\ntls_cert_file = "c"\ntls_key_file = "k"\n}`;
      assert.throws(
        () => parse(listener),
        (error: Error) => /^c\.hcl:\d+:\d+: /.test(error.message) && message.test(error.message),
      );
    });
  }

  it('refuses on a socket what only means something on TCP', () => {
    for (const key of ['tls_cert_file = "c"', 'tls_disable = true', 'x_forwarded_for_authorized_addrs = "::1"']) {
      assert.throws(() => parse(`listener "unix" {\n${key}\n}`), /is for listener "tcp"/);
    }
    assert.throws(() => parse('listener "unix" { address = "coffer.sock" }'), /absolute path/);
    assert.throws(() => parse('listener "unix" { socket_mode = "rw" }'), /permissions in octal/);
  });
});

describe('the limiter of requests', () => {
  const limiter = (text: string) =>
    parseServerConfig(`listener "tcp" { tls_disable = true }\n${STORAGE}\n${text}`, 'c.hcl').requestLimiter;

  it('has a number, or is off', () => {
    assert.equal(limiter(''), undefined);
    assert.equal(limiter('request_limiter { disable = false }'), undefined);
    assert.deepEqual(limiter('request_limiter { max_requests_in_flight = 16 }'), { total: 16 });
    assert.equal(limiter('request_limiter { disable = true }')?.total, Number.POSITIVE_INFINITY);
    assert.throws(
      () => limiter('request_limiter { max_requests_in_flight = -1 }'),
      /must be a whole number, 1 or more/,
    );
    assert.throws(() => limiter('request_limiter { max = 1 }'), /"max" is not known here/);
  });
});
