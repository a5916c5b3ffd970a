import { posix } from 'node:path';
import { trimBoth } from '@coffer/base';
import type { PreparedRequest } from '@coffer/client';

/**
 * Paths that want `sudo` as well, as Vault's command line knows them (openbao/openbao:api/sudo_paths.go), of those that are here.
 * It cannot ask the server: `*` is the rest of a path, `+` one segment. tests/cli-docs.test.ts holds it to what this server wants.
 */
const SUDO_PATHS = [
  'auth/token/accessors',
  'auth/token/revoke-orphan',
  'sys/audit',
  'sys/audit/*',
  'sys/auth/*',
  'sys/config/auditing/request-headers',
  'sys/config/auditing/request-headers/*',
  'sys/config/cors',
  'sys/config/ui/headers',
  'sys/config/ui/headers/*',
  'sys/internal/counters/activity/export',
  'sys/internal/inspect/router/*',
  'sys/leases',
  'sys/leases/lookup',
  'sys/leases/lookup/*',
  'sys/leases/revoke-force/*',
  'sys/leases/revoke-prefix/*',
  'sys/plugins/catalog/+',
  'sys/plugins/catalog/+/+',
  'sys/plugins/runtimes/catalog',
  'sys/plugins/runtimes/catalog/+/+',
  'sys/raw',
  'sys/raw/*',
  'sys/remount',
  'sys/revoke-force/*',
  'sys/revoke-prefix/*',
  'sys/rotate',
  'sys/rotate/keyring',
  'sys/seal',
  'sys/step-down',
  // What Vault lets anybody do.
  'sys/generate-root/+',
  'sys/rekey/+',
  'sys/rekey-recovery-key/+',
] as const;

/** A policy that allows the request (openbao/openbao:api/output_policy.go). */
export function samplePolicy(request: PreparedRequest): string {
  const path = trimBoth(posix.join('/', request.path), '/');
  const capabilities = [...capabilitiesFor(request), ...(wantsSudo(path) ? ['sudo'] : [])];
  const listed = capabilities.map((name) => `"${name}"`).join(', ');
  return `path ${JSON.stringify(path)} {\n  capabilities = [${listed}]\n}`;
}

export function wantsSudo(path: string): boolean {
  const segments = path.split('/');
  return SUDO_PATHS.some((pattern) => {
    const expected = pattern.split('/');
    const open = expected.at(-1) === '*';
    if (open ? segments.length < expected.length : segments.length !== expected.length) return false;
    return expected.every((part, index) => part === '*' || part === '+' || part === segments[index]);
  });
}

function capabilitiesFor({ method, query }: PreparedRequest): string[] {
  if (query['list'] === 'true') return ['list'];
  switch (method) {
    case 'GET':
      return ['read'];
    case 'DELETE':
      return ['delete'];
    default:
      return ['create', 'update'];
  }
}
