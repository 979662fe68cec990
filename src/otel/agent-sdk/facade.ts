/** A module that stands in for the Agent SDK's: its every export, with `query` instrumented. */

/**
 * @param sdkPath the SDK's file; with a query behind it, it is loaded as it is.
 * @param registerPath the module that exports `instrumentQuery`.
 */
export function agentSdkFacade(sdkPath: string, registerPath: string): string {
  const sdk = JSON.stringify(`${sdkPath}?spanledger`);
  return `import { query as plainQuery } from ${sdk};
import { instrumentQuery } from ${JSON.stringify(registerPath)};
export * from ${sdk};
export const query = instrumentQuery(plainQuery);`;
}
