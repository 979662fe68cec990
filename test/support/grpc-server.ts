/** An OTLP/gRPC receiver on loopback that answers as it is told to. */
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type ServiceError,
  type sendUnaryData,
} from "@grpc/grpc-js";

export interface GrpcAnswer {
  /** 0: success. */
  code: number;
  details?: string;
  /** `google.rpc.Status`, for `grpc-status-details-bin`. */
  status?: Uint8Array;
  /** `ExportTraceServiceResponse`. */
  body?: Uint8Array;
}

export interface GrpcServer {
  url: string;
  /** Bytes of each request. */
  requests: Buffer[];
  headers: Metadata[];
  answer(next: GrpcAnswer | "hang"): void;
  close(): void;
}

const identity = (bytes: Buffer): Buffer => bytes;
const SERVICE: ServiceDefinition = {
  export: {
    path: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    requestStream: false,
    responseStream: false,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  },
};

function reply(answer: GrpcAnswer, callback: sendUnaryData<Buffer>): void {
  const { code, details = "", status, body = new Uint8Array() } = answer;
  if (code === 0) {
    callback(null, Buffer.from(body));
    return;
  }
  const metadata = new Metadata();
  if (status) metadata.set("grpc-status-details-bin", Buffer.from(status));
  callback({ code, details, metadata, name: "Error", message: details } satisfies ServiceError);
}

export async function startGrpcServer(
  credentials: ServerCredentials = ServerCredentials.createInsecure(),
  port = 0,
): Promise<GrpcServer> {
  const requests: Buffer[] = [];
  const headers: Metadata[] = [];
  let answer: GrpcAnswer | "hang" = { code: 0 };
  const server = new Server();
  server.addService(SERVICE, {
    export(call: { request: Buffer; metadata: Metadata }, callback: sendUnaryData<Buffer>): void {
      requests.push(call.request);
      headers.push(call.metadata);
      if (answer !== "hang") reply(answer, callback);
    },
  });
  const boundPort = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, credentials, (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return {
    url: `http://127.0.0.1:${boundPort}`,
    requests,
    headers,
    answer: (next) => {
      answer = next;
    },
    close: () => server.forceShutdown(),
  };
}
