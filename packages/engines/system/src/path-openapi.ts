import type { CoreServices } from '@coffer/core';
import { definePath, type Path } from '@coffer/framework';
import { openapiDocument } from './openapi.ts';
import type { ServerInfo } from './path-status.ts';

/** `sys/internal/specs/openapi`: this API as an OpenAPI document, with the mounts that there are now. */
export function openapiPaths(services: CoreServices, server: ServerInfo): Path[] {
  const document = async () => {
    const table = services.mounts;
    const mounted = [...table.list(false), ...table.list(true)].flatMap((mount) => {
      const engine = table.route(mount.path)?.engine;
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
