/**
 * What `@anthropic-ai/claude-agent-sdk` resolves to in this folder (see `tsconfig.json`), so that the
 * examples run offline and cost nothing: its `query` plays a recorded run. In a project of your own,
 * install the real SDK, and nothing else changes.
 */
import { type QueryParams, type RecordedQuery, recordedQuery } from "../../data/recorded-query.ts";

const play = await recordedQuery("subagent");

export const query = (params: QueryParams): RecordedQuery => play(params);
