import type { MountTable } from '@coffer/core';
import { definePath, type Path } from '@coffer/framework';
import { openapiDocument } from './openapi.ts';
import type { ServerInfo } from './server-info.ts';

/** `sys/internal/specs/openapi`: this API as an OpenAPI document, with the mounts that exist now. */
export function internalSpecsOpenapiPaths(mounts: MountTable, server: ServerInfo): Path[] {
  const document = async () => {
    const mounted = [...mounts.list(false), ...mounts.list(true)].flatMap((mount) => {
      const engine = mounts.route(mount.path)?.engine;
      return engine === undefined ? [] : [{ mount, paths: engine.paths }];
    });
    return { shape: 'raw' as const, data: openapiDocument(mounted, server.version) };
  };
  return [
    definePath({
      pattern: 'internal/specs/openapi',
      fields: {},
      otherFields: 'accept',
      synopsis: 'Returns this API as an OpenAPI document.',
      read: document,
      write: document,
    }),
  ];
}
