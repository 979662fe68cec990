/** Who serves a model, from the Agent SDK's spelling to the GenAI conventions'. */
export function providerName(sdkProvider: unknown): string {
  return (typeof sdkProvider === "string" && PROVIDERS.get(sdkProvider)) || "anthropic";
}

const PROVIDERS: ReadonlyMap<string, string> = new Map([
  ["firstParty", "anthropic"],
  ["bedrock", "aws.bedrock"],
  ["vertex", "gcp.vertex_ai"],
  ["foundry", "azure.ai.inference"],
]);
