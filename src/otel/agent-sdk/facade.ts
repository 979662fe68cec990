/**
 * A module that stands in for one of the Agent SDK's two that export `query`: its every export, with
 * `query` instrumented.
 */

/**
 * @param sdkPath the module's file; with a query behind it, it is loaded as it is.
 * @param registerPath the module that exports `instrumentQuery`.
 */
export function agentSdkFacade(sdkPath: string, registerPath: string): string {
  const sdk = JSON.stringify(`${sdkPath}?spanledger`);
  return `import { query as plainQuery } from ${sdk};
import { instrumentQuery } from ${JSON.stringify(registerPath)};
export * from ${sdk};
export const query = instrumentQuery(plainQuery);`;
}
