/** A finished span, as far as its facts are concerned. */
export interface ReadSpan {
  name: string;
  /** As in `@opentelemetry/api`: 0 internal, 1 server, 2 client, 3 producer, 4 consumer. */
  kind: number;
  scopeName: string;
  attributes: ReadAttributes;
  events: readonly ReadEvent[];
  /** As in `@opentelemetry/api`: 0 unset, 1 ok, 2 error. */
  statusCode: number;
  /** Milliseconds since 1970: prices are those of this moment. */
  endMs: number;
}

export interface ReadEvent {
  name: string;
  attributes?: ReadAttributes | undefined;
}

/** Without a prototype, so that no name finds what the span did not set. Values may be anything. */
export type ReadAttributes = Readonly<Record<string, unknown>>;
