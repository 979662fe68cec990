/** A loopback OTLP/HTTP server in a process of its own: it takes everything and prints its URL. */
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  async fetch(request) {
    await request.bytes();
    return new Response(new Uint8Array(), {
      headers: { "content-type": "application/x-protobuf" },
    });
  },
});
console.log(`http://127.0.0.1:${server.port}`);
