import { CofferError } from '@coffer/base';
import type { DeviceTable } from '@coffer/core';
import { definePath, normalizeMountPath, type Path } from '@coffer/framework';

/** `sys/audit-hash/:path`. */
export function auditHashPaths(table: DeviceTable): Path[] {
  return [
    definePath({
      pattern: 'audit-hash/:path*',
      fields: {
        path: { type: 'string', required: true, description: 'The name of the audit device: "file".' },
        input: { type: 'string', default: '', description: 'The value to hash.' },
      },
      synopsis: "Hashes a value as an audit device does, to search for it in the device's log.",
      write: async ({ fields: { path: given, input } }) => {
        if (input === '') throw new CofferError('invalid-request', 'the "input" parameter is empty');
        const path = normalizeMountPath(given);
        const device = table.find(path)?.device;
        if (device === undefined) {
          throw new CofferError('invalid-request', `unknown audit backend ${JSON.stringify(path)}`);
        }
        return { shape: 'flat', data: { hash: device.hash(input) } };
      },
    }),
  ];
}
