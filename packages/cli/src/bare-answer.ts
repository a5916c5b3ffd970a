import { isJsonObject, type JsonObject } from '@coffer/base';
import type { Client } from '@coffer/client';

/** The body of an answer that has no envelope, as those about the seal. @throws CofferError as the client does */
export async function askBare(client: Client, method: string, path: string, body?: JsonObject): Promise<JsonObject> {
  const answer = await client.request(method, path, { body });
  return isJsonObject(answer.body) ? answer.body : {};
}
