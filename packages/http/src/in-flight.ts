import { callerNetwork, type InFlightRequest } from '@coffer/framework';
import { HTTP_LIMITS } from './limits.ts';

export interface InFlightOptions {
  /** Of everybody, over all edges that share this. Default 2048. */
  readonly total?: number;
  /** Of one address; of one /64 for IPv6. Default half of the former. */
  readonly perNetwork?: number;
}

/** Who has too much: the caller alone, or everybody together. */
export type Shortage = 'caller' | 'server';

/** The requests under way in this process: from the arrival of their headers until the answer is out or the client gone. */
export class InFlight {
  readonly #total: number;
  readonly #perNetwork: number;
  readonly #all = new Map<string, InFlightRequest>();
  readonly #networks = new Map<string, number>();

  constructor({ total = HTTP_LIMITS.requestsInFlight, perNetwork }: InFlightOptions = {}) {
    this.#total = total;
    this.#perNetwork = perNetwork ?? Math.ceil(total / HTTP_LIMITS.networkShareOfRequests);
  }

  /** In the order in which they came. */
  list(): readonly InFlightRequest[] {
    return [...this.#all.values()];
  }

  /** Says who the client of a request is; of one that is over nothing is kept. */
  identify(id: string, clientId: () => string): void {
    const request = this.#all.get(id);
    if (request !== undefined) this.#all.set(id, { ...request, clientId });
  }

  /** Why one more from this address would be too many. */
  shortage(remoteAddress: string): Shortage | undefined {
    if (this.#all.size >= this.#total) return 'server';
    return (this.#networks.get(callerNetwork(remoteAddress)) ?? 0) >= this.#perNetwork ? 'caller' : undefined;
  }

  /** Counts a request until the returned function is called. */
  begin(request: InFlightRequest): () => void {
    const network = callerNetwork(request.remoteAddress);
    this.#all.set(request.id, request);
    this.#networks.set(network, (this.#networks.get(network) ?? 0) + 1);
    return () => {
      if (!this.#all.delete(request.id)) return;
      const left = (this.#networks.get(network) ?? 1) - 1;
      if (left > 0) this.#networks.set(network, left);
      else this.#networks.delete(network);
    };
  }
}
