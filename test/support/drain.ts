/** Reads to the end; resolves to what was thrown, or undefined. */
export async function drain(messages: AsyncIterable<unknown>): Promise<unknown> {
  try {
    for await (const _ of messages);
    return undefined;
  } catch (error) {
    return error;
  }
}
