/** The one thing that is read from a gRPC status' details: how long the server asks to be left alone. */

const LENGTH_DELIMITED = 2;
const RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo";

type Field = [number: number, value: number | Uint8Array];

/** The fields of a protobuf message, varints and bytes alone; stops at whatever it does not know. */
function* fields(message: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; at < message.length; scale *= 128) {
      const byte = message[at++] ?? 0;
      value += (byte & 127) * scale;
      if (byte < 128) break;
    }
    return value;
  };
  while (at < message.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    if (tag % 8 === 0) {
      yield [number, varint()];
    } else if (tag % 8 === LENGTH_DELIMITED) {
      const length = varint();
      yield [number, message.subarray(at, at + length)];
      at += length;
    } else {
      return;
    }
  }
}

function field(message: Uint8Array, wanted: number): number | Uint8Array | undefined {
  for (const [number, value] of fields(message)) if (number === wanted) return value;
  return undefined;
}

function numberField(message: Uint8Array, wanted: number): number {
  const value = field(message, wanted);
  return typeof value === "number" ? value : 0;
}

/** Milliseconds of the `RetryInfo` in a `google.rpc.Status` (`grpc-status-details-bin`); null without one. */
export function grpcRetryDelayMs(status: Uint8Array): number | null {
  for (const [number, detail] of fields(status)) {
    if (number !== 3 || typeof detail === "number") continue;
    const type = field(detail, 1);
    if (!(type instanceof Uint8Array) || Buffer.from(type).toString() !== RETRY_INFO) continue;
    const info = field(detail, 2);
    const delay = info instanceof Uint8Array ? field(info, 1) : undefined;
    if (!(delay instanceof Uint8Array)) return 0;
    return numberField(delay, 1) * 1000 + Math.ceil(numberField(delay, 2) / 1e6);
  }
  return null;
}
