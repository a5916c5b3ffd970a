import { formatTime, type JsonObject } from '@coffer/base';
import { definePath, type InFlightRequest, type Path } from '@coffer/framework';

/** `sys/in-flight-req`: the requests that this node works on, this one among them (openbao/openbao:internal/vault/core.go InFlightReqData). */
export function inFlightReqPaths(requestsInFlight: () => readonly InFlightRequest[]): Path[] {
  return [
    definePath({
      pattern: 'in-flight-req',
      fields: {},
      openAs: 'in-flight-req',
      synopsis: 'Shows the requests that this node is serving.',
      description: 'By id, as in the log. Of a token, only its client is shown: the entity, or a hash of its policies.',
      read: () => Promise.resolve({ shape: 'raw', data: requestsView(requestsInFlight()) }),
    }),
  ];
}

function requestsView(requests: readonly InFlightRequest[]): JsonObject {
  return Object.fromEntries(
    requests.map(({ id, startTime, method, path, remoteAddress, remotePort, clientId }) => [
      id,
      {
        start_time: formatTime(startTime),
        client_remote_address: remotePort === undefined ? remoteAddress : withPort(remoteAddress, remotePort),
        request_path: path,
        request_method: method,
        client_id: clientId?.() ?? '',
      },
    ]),
  );
}

function withPort(address: string, port: number): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}
