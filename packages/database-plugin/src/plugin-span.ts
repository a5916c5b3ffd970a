import type { SpanDescription } from '@coffer/base';

/** A call of a plugin: in its own process, or in ours. */
export function pluginSpan(operation: string, method?: string): SpanDescription {
  return {
    name: `plugin ${operation}`,
    kind: method === undefined ? 'internal' : 'client',
    attributes: {
      'coffer.plugin.operation': operation,
      'coffer.plugin.process': method !== undefined,
      ...(method !== undefined && { 'rpc.system': 'grpc', 'rpc.method': method }),
    },
  };
}
